// What the crash lab did, and what it found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::crashlab {

struct Found {
  std::string what;  ///< A sentence: who complained, when, of what.
  std::string line;  ///< For replay(): the smallest run that the lab could find for it.
  /// That run: what was begun and acknowledged, each storage call, what the crash left of what was
  /// not synced, what recovery said.
  std::vector<std::string> story;
};

struct Report {
  std::string name;
  std::optional<Found> found;
  bool cut_short = false;  ///< Plan::time was over before all was done.

  // Every crash point.
  std::uint64_t moments = 0;           ///< Storage calls that change something, and one more.
  std::uint64_t moments_done = 0;      ///< At which a crash was tried.
  std::uint64_t images = 0;            ///< Outcomes of those crashes, all told.
  std::uint64_t images_distinct = 0;   ///< Of them, with what was promised then.
  std::uint64_t crashes_in_later = 0;  ///< In the life after, recovery included.

  // Every failing call.
  std::uint64_t calls = 0;         ///< Storage calls of a whole life.
  std::uint64_t faults = 0;        ///< Lives in which one of them failed, or one of a later life.
  std::uint64_t sites = 0;         ///< Places in Holdfast that called storage.
  std::uint64_t sites_failed = 0;  ///< Of them, those that failed at least once.

  // Random long lives.
  std::uint64_t runs = 0;
  std::uint64_t lives = 0;
  std::uint64_t crashes = 0;

  // All together.
  std::uint64_t recoveries = 0;  ///< Openings after a crash.
  std::uint64_t checks = 0;      ///< Calls of the check.
  double seconds = 0;

  [[nodiscard]] bool sound() const noexcept { return !found; }
  /// A few lines for a terminal or a test's message; with `story`, the story of what was found.
  [[nodiscard]] std::string to_string(bool story = false) const;
};

}  // namespace holdfast::crashlab
