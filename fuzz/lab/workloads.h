// The standard workloads: seven fixed lists of ops, by name, on which the lab tries every crash
// point, every failing call and every flipped bit. Small, so that "every" can be meant; together
// they reach every place in the engine that calls storage. Short ones, of which there are
// thousands, go by names that say what they do: short_workloads.h.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/lab/ops.h"
#include "fuzz/lab/sim_crash.h"

namespace holdfast {

struct Workload {
  std::string name;
  const char* about;
  Shape shape;
  std::vector<Op> ops;
  DiskKind disk = DiskKind::kWeak;
};

std::span<const Workload> workloads();
// A standard or a short one; nothing where there is none of that name. "commits@ordered" is that
// one on another disk than a weak one.
std::optional<Workload> find_workload(std::string_view name);
// That one, which must exist, or all standard ones where the name is empty.
std::vector<Workload> chosen_workloads(std::string_view name);
// Its name says so.
void put_on(Workload& workload, DiskKind disk);
// "commits, checkpoints, …"
std::string workload_names();

// What every recovered database must be able to do: be whole, take a transaction, make a
// checkpoint, close, and be whole again.
std::span<const Op> going_on();
// The first of these, up to the commit: what is tried on each image.
std::span<const Op> first_steps();

}  // namespace holdfast
