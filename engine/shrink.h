// One attempt to make the tree file smaller: pages of its tail are moved down by checkpoints, then
// it is cut.
//
//   begin: a ceiling, a little above what is in use -> checkpoints that move (tail_moves.h), until
//   all leaves of the map have been looked at -> once more, if something still lies above ->
//   a meta that says how far slots reach now -> the file cut, piece by piece
//
// Readers and the writer go on throughout. A crash anywhere leaves a durable checkpoint and a file
// that reaches at least as far as its meta says.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "engine/tail_moves.h"

namespace holdfast {

struct Shrink {
  enum class By : std::uint8_t { kBackground, kCaller, kClose };

  By by = By::kBackground;
  std::uint32_t spare = 0;  // Free slots that the file may keep.
  int rounds = 0;           // Through the whole map.
  std::shared_ptr<TailMoves> moves = std::make_shared<TailMoves>();
  std::uint64_t slots_cut = 0;
  std::chrono::steady_clock::time_point resume_at{};  // When the next pages may be moved.
};

}  // namespace holdfast
