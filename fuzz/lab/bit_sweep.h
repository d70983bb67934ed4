// Every single bit: a small database at rest, or as a kill left it, with one bit of one of its
// files flipped. What it shows is right, or an error that names the damage.
//
// One other outcome is allowed: the newest transaction is gone when the bit lies in the very last
// synced group of the log and no mark vouches for that group yet (U1 of docs/FAULT_MODEL.md).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz/lab/judge.h"
#include "fuzz/lab/stage.h"

namespace holdfast {

enum class BitState : std::uint8_t {
  kClosed,      // One file at rest.
  kLog,         // Killed after a commit: a log beside it, whose last group nothing vouches for.
  kMark,        // The same after an idle moment: a mark vouches for it.
  kCheckpoint,  // Killed inside a checkpoint, after some of its pages.
};
inline constexpr BitState kBitStates[] = {BitState::kClosed, BitState::kLog, BitState::kMark,
                                          BitState::kCheckpoint};
const char* bit_state_name(BitState state);
std::optional<BitState> find_bit_state(std::string_view name);

struct BitPlace {
  std::string file;
  std::uint64_t bit = 0;
};

struct BitFailure {
  BitPlace place;
  std::string what;
};

class BitSweep {
 public:
  static constexpr std::uint64_t kPartBits = 4096;  // One part: 512 bytes of a file.

  explicit BitSweep(BitState state);

  [[nodiscard]] std::uint64_t parts() const { return parts_; }
  // Every `stride`-th bit of the part.
  std::optional<BitFailure> run(std::uint64_t part, std::uint64_t stride = 1);
  std::optional<std::string> replay(const BitPlace& place, std::vector<std::string>* story);

  [[nodiscard]] const OutcomeCounts& counts() const { return counts_; }
  OutcomeCounts take_counts() { return std::exchange(counts_, {}); }

 private:
  struct File {
    std::string path;
    std::uint64_t bytes = 0;
    std::uint64_t group_from = 0, group_to = 0;  // Of the last group; empty for none.
  };

  void build(BitState state);
  std::uint64_t live_up_to_the_end(BitState state, std::uint64_t changes_of_last_op);
  [[nodiscard]] bool in_last_group(const BitPlace& place) const;
  Outcome flip(const BitPlace& place);

  Stage base_;
  SimDisk disk_;
  Judge judge_{disk_};
  std::vector<File> files_;
  std::map<std::string, std::vector<std::byte>> logs_before_;  // The last commit.
  Model::Trees newest_, before_;
  std::uint64_t parts_ = 0;
  OutcomeCounts counts_;
};

}  // namespace holdfast
