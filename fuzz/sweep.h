// Work that crashlab deals out: one kind of run, in numbered parts that several threads take from.
//
// Parts are in an order in which any beginning covers all of the kind evenly, so that a run which
// time ends has looked everywhere; and they are the same in every run, so that another goes on
// where one ended.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/lab/sim_crash.h"

namespace holdfast::crashlab {

struct Found {
  std::string line;  // For `crashlab replay`.
  std::string what;
};

struct Figure {
  const char* name;  // With underscores, as in JSON; in text they are spaces.
  std::uint64_t value;
};

// A place in the program that calls storage; fuzz/sites.py finds its line.
struct Place {
  const char* call;
  std::uint64_t address;  // Within the program's file.
  std::uint64_t called;
  std::uint64_t struck;  // By a fault.
};

using GoOn = std::function<bool()>;

class Worker {
 public:
  virtual ~Worker() = default;
  // Asks `go_on` now and then and stops half-way when it says no.
  virtual std::optional<Found> run(std::uint64_t part, const GoOn& go_on) = 0;
};

class Sweep {
 public:
  static constexpr std::uint64_t kEndless = std::numeric_limits<std::uint64_t>::max();

  virtual ~Sweep() = default;
  [[nodiscard]] virtual std::uint64_t parts() const = 0;
  // One for each thread; outlived by the sweep.
  virtual std::unique_ptr<Worker> worker() = 0;
  // What was done so far, by all workers. Any thread.
  [[nodiscard]] virtual std::vector<Figure> figures() const = 0;
  // The figure whose rate is worth a look: its name among figures().
  [[nodiscard]] virtual const char* pace() const = 0;
  [[nodiscard]] virtual std::vector<Place> places() const { return {}; }
  // A sentence about what was covered, and what was only sampled.
  [[nodiscard]] virtual std::string covered() const = 0;
};

// `workload` limits points and faults to one, bits to one state, swaps to one row; it must exist.
// `seed` is where lives begin; their disk is weak or lying.
std::unique_ptr<Sweep> points_sweep(const std::string& workload, DiskKind disk);
std::unique_ptr<Sweep> short_sweep(DiskKind disk);
std::unique_ptr<Sweep> faults_sweep(const std::string& workload);
std::unique_ptr<Sweep> bits_sweep(const std::string& state);
std::unique_ptr<Sweep> swaps_sweep(const std::string& row);
std::unique_ptr<Sweep> lives_sweep(std::uint64_t seed, DiskKind disk);

}  // namespace holdfast::crashlab
