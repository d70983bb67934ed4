// What one run may do and suffer at all: swarm testing (Groce and others, ISSTA 2012).
//
// A run that may do everything does a little of everything, and what only shows when one thing is
// done again and again, or when another is never done, hides from it. So each run but every fourth
// draws which ops it knows, which ways to crash, which calls fail, and which faults there are.
#pragma once

#include <cstdint>

#include "fuzz/lab/choices.h"
#include "fuzz/lab/ops.h"

namespace holdfast {

// What may befall a life besides its end, and the files between two lives.
enum class Trouble : std::uint8_t {
  kFault,     // A call fails.
  kFull,      // The disk has little room.
  kBetrayal,  // A write is lost, doubled or sent elsewhere.
  kAstray,    // Reads come from elsewhere.
  kHarm,      // The files are harmed while nobody uses them.
  kOptions,   // The next opening has other sizes, and another durability by default.
  kCount,
};

class Swarm {
 public:
  // Everything.
  Swarm() = default;
  static Swarm draw(Choices& choices);

  [[nodiscard]] bool does(Op::Kind kind) const {
    return (ops_ >> static_cast<unsigned>(kind) & 1) != 0;
  }
  [[nodiscard]] bool has(Trouble trouble) const {
    return (troubles_ >> static_cast<unsigned>(trouble) & 1) != 0;
  }
  // Of `count` possibilities that go by number: one of those that this run has.
  [[nodiscard]] std::uint64_t draw_way(Choices& choices, std::uint64_t count) const {
    return pick(choices, ways_, count);
  }
  [[nodiscard]] std::uint64_t draw_call(Choices& choices, std::uint64_t count) const {
    return pick(choices, calls_, count);
  }
  [[nodiscard]] std::uint64_t draw_harm(Choices& choices, std::uint64_t count) const {
    return pick(choices, harms_, count);
  }

 private:
  static constexpr std::uint64_t kAll = ~std::uint64_t{0};
  static std::uint64_t pick(Choices& choices, std::uint64_t among, std::uint64_t count);

  std::uint64_t ops_ = kAll;
  std::uint64_t troubles_ = kAll;
  std::uint64_t ways_ = kAll;   // To crash.
  std::uint64_t calls_ = kAll;  // That fail.
  std::uint64_t harms_ = kAll;
};

}  // namespace holdfast
