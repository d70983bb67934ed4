// The order of parts: golden-ratio steps, so that any beginning of it is spread over the whole.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace holdfast::crashlab {

struct Part {
  std::uint32_t of = 0;  // Which workload, or state.
  std::uint64_t number = 0;
};

// All parts of several ranges; `sizes` says how many each has.
inline std::vector<Part> spread(const std::vector<std::uint64_t>& sizes) {
  std::vector<std::pair<std::uint64_t, Part>> keyed;
  for (std::uint32_t of = 0; of < sizes.size(); ++of) {
    for (std::uint64_t number = 0; number < sizes[of]; ++number) {
      keyed.push_back({(number + 1) * 0x9e3779b97f4a7c15, {of, number}});
    }
  }
  // An odd factor: no two of a range have one key.
  std::sort(keyed.begin(), keyed.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first, a.second.of) < std::pair(b.first, b.second.of);
  });
  std::vector<Part> parts;
  for (const auto& [key, part] : keyed) parts.push_back(part);
  return parts;
}

}  // namespace holdfast::crashlab
