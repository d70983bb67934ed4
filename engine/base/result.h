// TRY: the value of a Result, or out of this function with its error.
#pragma once

#include <string>
#include <utility>

#include "holdfast/error.h"

#define TRY(expression)                                      \
  __extension__({                                            \
    auto&& try_result = (expression);                        \
    if (!try_result) [[unlikely]]                            \
      return std::unexpected(std::move(try_result).error()); \
    *std::move(try_result);                                  \
  })

namespace holdfast {

inline std::unexpected<Error> fail(ErrorCode code, std::string message, ErrorPlace place = {}) {
  return std::unexpected(Error(code, std::move(message), std::move(place)));
}

}  // namespace holdfast
