// The standard workloads: five fixed lists of ops, by name, on which the lab tries every crash
// point, every failing call and every flipped bit. Small, so that "every" can be meant; together
// they reach every place in the engine that calls storage.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "fuzz/lab/ops.h"

namespace holdfast {

struct Workload {
  const char* name;
  const char* about;
  Shape shape;
  std::vector<Op> ops;
};

std::span<const Workload> workloads();
// nullptr where there is none of that name.
const Workload* find_workload(std::string_view name);

// What every recovered database must be able to do: be whole, take a transaction, make a
// checkpoint, close, and be whole again.
std::span<const Op> going_on();
// The first of these, up to the commit: what is tried on each image.
std::span<const Op> first_steps();

}  // namespace holdfast
