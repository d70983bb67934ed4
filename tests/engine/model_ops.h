// What the random sequences of model_test.cc consist of, and how often each comes.
#pragma once

#include <rapidcheck.h>

#include <array>
#include <cstdint>
#include <ostream>
#include <tuple>
#include <vector>

namespace holdfast::model {

inline constexpr int kTrees = 3;  // The default tree and two with names.

struct Op {
  enum Kind : std::uint8_t {
    kPut,
    kErase,
    kPutIf,
    kBatch,
    kSweep,  // A cursor that erases every other record on its way.
    kRange,  // Erased: a few keys, or all that follow.
    kDrop,   // A tree, and it is made anew.
    kSavepoint,
    kRollBack,
    kRelease,
    kScan,
    kCommit,
    kAbort,
    kHold,
    kLetGo,
    kCheckpoint,
    kStep,
    kReopen,
    kKill,
  };
  Kind kind = kPut;
  std::uint8_t tree = 0;
  std::uint16_t key = 0;
  std::uint16_t size = 0;
};

inline std::ostream& operator<<(std::ostream& out, const Op& op) {
  static constexpr std::array<const char*, 19> kNames = {
      "put",       "erase",      "put if",  "batch",  "sweep",  "range", "drop",
      "savepoint", "roll back",  "release", "scan",   "commit", "abort", "hold",
      "let go",    "checkpoint", "step",    "reopen", "kill"};
  return out << kNames[op.kind] << " t" << int{op.tree} << " k" << op.key << " s" << op.size;
}

inline rc::Gen<std::vector<Op>> operations() {
  const auto op =
      rc::gen::map(rc::gen::tuple(rc::gen::weightedElement<Op::Kind>({{40, Op::kPut},
                                                                      {20, Op::kErase},
                                                                      {10, Op::kPutIf},
                                                                      {3, Op::kBatch},
                                                                      {3, Op::kSweep},
                                                                      {4, Op::kRange},
                                                                      {2, Op::kDrop},
                                                                      {6, Op::kSavepoint},
                                                                      {4, Op::kRollBack},
                                                                      {3, Op::kRelease},
                                                                      {4, Op::kScan},
                                                                      {8, Op::kCommit},
                                                                      {2, Op::kAbort},
                                                                      {3, Op::kHold},
                                                                      {2, Op::kLetGo},
                                                                      {2, Op::kCheckpoint},
                                                                      {4, Op::kStep},
                                                                      {1, Op::kReopen},
                                                                      {2, Op::kKill}}),
                                  rc::gen::inRange<int>(0, kTrees), rc::gen::inRange<int>(0, 120),
                                  rc::gen::inRange<int>(0, 1 << 12)),
                   [](const std::tuple<Op::Kind, int, int, int>& t) {
                     return Op{std::get<0>(t), static_cast<std::uint8_t>(std::get<1>(t)),
                               static_cast<std::uint16_t>(std::get<2>(t)),
                               static_cast<std::uint16_t>(std::get<3>(t))};
                   });
  return rc::gen::scale(6.0, rc::gen::container<std::vector<Op>>(op));
}

}  // namespace holdfast::model
