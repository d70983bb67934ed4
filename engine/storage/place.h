// Where in which file: the place that every error of this folder carries.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "holdfast/error.h"

namespace holdfast {

inline ErrorPlace place_in(std::string file, std::optional<std::uint64_t> offset = std::nullopt) {
  ErrorPlace place;
  place.file = std::move(file);
  place.offset = offset;
  return place;
}

}  // namespace holdfast
