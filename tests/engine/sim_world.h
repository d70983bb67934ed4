// A database on the simulated disk, whose calls fail when they are told to, and whose machine loses
// its power.
#pragma once

#include "fuzz/lab/sim_disk.h"
#include "fuzz/lab/sim_environment.h"
#include "tests/engine/engine_fixture.h"

namespace holdfast {

class SimWorld {
 public:
  explicit SimWorld(const SimDisk::Options& disk_options = {}) : disk(disk_options) {}

  [[nodiscard]] Options options() {
    Options options;
    options.environment = &environment_;
    options.background = Background::kHost;
    options.page_size = 4096;
    options.cache_bytes = std::size_t{1} << 20;
    return options;
  }
  void fail_call(SimCall call, std::uint64_t nth, ErrorCode code, bool for_ever = false,
                 const std::string& path_contains = {}) {
    Fault fault;
    fault.call = call;
    fault.nth = nth;
    fault.code = code;
    fault.for_ever = for_ever;
    fault.path_contains = path_contains;
    disk.inject(fault);
  }
  SimClock& clock() { return clock_; }
  void lose_power() { disk.crash({.kind = CrashPolicy::Kind::kKeepNone}, 1); }

  SimDisk disk;

 private:
  SimClock clock_;
  SimRandom random_;
  Environment environment_{&disk, &clock_, &random_};
};

}  // namespace holdfast
