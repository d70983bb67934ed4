// The ways in which a storage call can fail.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "fuzz/lab/sim_faults.h"

namespace holdfast {

// A way in which calls fail.
struct FaultWay {
  const char* name;
  Fault fault;        // But for which call it strikes.
  bool changes_only;  // Calls that change nothing can't fail like this.
  std::optional<SimCall> only;
};
std::span<const FaultWay> fault_ways();
// Whether that kind of call can.
bool can_fail_like(SimCall call, const FaultWay& way);
// How many slots of a tree file the fault may spoil, where that is known: one whose write failed is
// left alone, and nothing else is lost.
std::optional<std::uint64_t> bad_slots_of(SimCall call, const Fault& fault);

}  // namespace holdfast
