// A small database's history: three lives with commits, checkpoints, a kill and two closes. At each
// of its ages its files are known, and after each transaction its state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "fuzz/lab/stage.h"

namespace holdfast {

struct HistoryStep {
  enum class What : std::uint8_t { kOp, kKill, kClose };
  What what = What::kOp;
  Op op = {};
  const char* age = nullptr;  // Files are of that age after it; nullptr: of none that has a name.
};
std::span<const HistoryStep> history_steps();

// From an empty disk up to step `end`, that one left out; the database stays open where it is. Two
// histories with other seeds are two databases: they have other uuids and other values. Only one
// that tells needs a story.
void play_history(Stage& stage, std::uint64_t seed, std::size_t end,
                  std::vector<std::string>* story = nullptr);
// One step more.
void do_step(Stage& stage, const HistoryStep& step);

struct History {
  struct File {
    std::string path;
    std::vector<std::byte> bytes;
    bool operator==(const File&) const = default;
  };
  struct Age {
    const char* name;
    std::uint64_t txn;
    std::vector<File> files;
  };
  explicit History(std::uint64_t seed);

  std::vector<Age> ages;
  std::map<std::uint64_t, Model::Trees> states;  // After each transaction.
};

bool is_log(const std::string& path);

}  // namespace holdfast
