// What is put under test: an application's way of using its database, and what must be true of its
// data whatever happens.
#pragma once

#include <functional>
#include <string>

#include "holdfast/crashlab/life.h"
#include "holdfast/database.h"

namespace holdfast::crashlab {

/// Limits so small that a short workload meets checkpoints, several log files and a full cache.
[[nodiscard]] inline Options small_options() {
  Options options;
  options.page_size = 4096;
  options.cache_bytes = std::size_t{2} << 20;
  options.checkpoint_log_bytes = std::uint64_t{32} << 10;
  options.log_segment_bytes = std::uint64_t{64} << 10;
  return options;
}

/// The functions are called many thousand times, each time on another database, one after the
/// other in one thread. They must do the same each time: no clock, no chance but Life::random(), no
/// threads, no state from one call to the next but what is in the database. They don't close the
/// database, and leave no transaction open.
///
/// Answers: an error that a call gave, or that the function made; an exception that is thrown
/// counts as one, with Error's text where it holds an Error (as value() throws).
struct Subject {
  /// For the report.
  std::string name = "workload";

  /// Does what the application does between opening and closing. In a later life it finds what
  /// earlier ones left. Where storage fails, its calls answer errors; it hands the first of them on
  /// and ends. Where nothing fails, an error of its own is a finding. Must not be empty.
  std::function<Result<void>(Database&, Life&)> work;

  /// Says what is wrong with the data, in a sentence, or nothing ("") when all is well; an error
  /// where they can't be read. Called after every recovery, and before every close. Must not be
  /// empty.
  std::function<Result<std::string>(Database&, const Evidence&)> check;

  /// What the application does just after opening, before it relies on its data: makes its trees,
  /// finishes what a crash cut short. Called before `check`; may write. May be empty.
  std::function<Result<void>(Database&)> start;

  /// Of these the lab takes page_size, cache_bytes, checkpoint_log_bytes, log_segment_bytes,
  /// durability, lazy_interval and write_timeout; the rest is its own. In random lives some of the
  /// sizes change from one opening to the next.
  Options options = small_options();
};

}  // namespace holdfast::crashlab
