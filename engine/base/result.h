// TRY: the value of a Result, or out of this function with its error.
#pragma once

#include <string>
#include <type_traits>
#include <utility>

#include "holdfast/error.h"

#define TRY(expression)                                      \
  __extension__({                                            \
    auto&& try_result = (expression);                        \
    if (!try_result) [[unlikely]]                            \
      return std::unexpected(std::move(try_result).error()); \
    ::holdfast::value_of(std::move(try_result));             \
  })

namespace holdfast {

// What operator* gives, without its [[nodiscard]]: a TRY may be for the error alone.
template <class T>
T value_of(Result<T>&& result) {
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

inline std::unexpected<Error> fail(ErrorCode code, std::string message, ErrorPlace place = {}) {
  return std::unexpected(Error(code, std::move(message), std::move(place)));
}

}  // namespace holdfast
