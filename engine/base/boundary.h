// The library's boundary: what is thrown beneath it becomes an error.
//
// Nothing here throws by itself, but the standard library does: std::bad_alloc above all. It is let
// through as far as something with a state that matters (a transaction, a checkpoint, the log), or
// as the public function, catches it. In between, objects give back what they hold when they end.
#pragma once

#include <expected>
#include <utility>

#include "holdfast/error.h"

namespace holdfast {

// Within a catch (...): what was thrown, as an error; kOutOfMemory, else kInternal.
Error thrown_error() noexcept;

// Runs `call`, which answers a Result; what it throws is its error. Every public function is one
// call of this (tests/tidy sees to it).
template <class F>
auto at_boundary(F&& call) noexcept -> decltype(call()) {
  try {
    return std::forward<F>(call)();
  } catch (...) {
    return std::unexpected(thrown_error());
  }
}

}  // namespace holdfast
