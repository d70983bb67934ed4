#include "fuzz/lab/swarm.h"

#include <bit>

#include "fuzz/lab/rng.h"

namespace holdfast {

Swarm Swarm::draw(Choices& choices) {
  Swarm swarm;
  if (choices.chance(1, 4)) return swarm;
  // One choice for all of it: a fuzzer's bytes are better spent on ops.
  Rng rng(choices.seed());
  swarm.ops_ = rng.next() | rng.next();  // Three of four.
  for (const Op::Kind kind : {Op::Kind::kPut, Op::Kind::kCommitSync})
    swarm.ops_ |= std::uint64_t{1} << static_cast<unsigned>(kind);
  swarm.troubles_ = rng.next();
  swarm.ways_ = rng.next();
  swarm.calls_ = rng.next();
  swarm.harms_ = rng.next();
  return swarm;
}

std::uint64_t Swarm::pick(Choices& choices, std::uint64_t among, std::uint64_t count) {
  const std::uint64_t mask = count >= 64 ? kAll : (std::uint64_t{1} << count) - 1;
  std::uint64_t left = among & mask;
  if (left == 0) left = mask;
  for (std::uint64_t skip = choices.below(static_cast<std::uint64_t>(std::popcount(left)));
       skip > 0; --skip)
    left &= left - 1;
  return static_cast<std::uint64_t>(std::countr_zero(left));
}

}  // namespace holdfast
