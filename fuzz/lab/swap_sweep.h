// What lies in the wrong place, or nowhere: every single page write of checkpoints and closes that
// is lost, or lands elsewhere, or lands elsewhere as well; and every file of a database, at each of
// its ages, that is missing, empty, or replaced by a file of another age or another database.
//
// What is shown then is right, or an error that names the damage. One other outcome is allowed, and
// only for replaced files: another whole state of the database, or of the other, where nothing that
// is left can tell (U3 of docs/FAULT_MODEL.md).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz/lab/history.h"
#include "fuzz/lab/judge.h"

namespace holdfast {

enum class SwapRow : std::uint8_t {
  kLost,         // A write of the tree file is acknowledged and lost,
  kDoubled,      // or lands in another place too,
  kMisdirected,  // or only there.
  kMissing,      // A file is gone, and it is opened with and without leave to create one,
  kEmptied,      // or has no byte left,
  kOlder,        // or is a file of its kind of an earlier age,
  kNewer,        // or of a later one,
  kForeign,      // or of another database with the same history.
};
inline constexpr std::array kSwapRows = {
    SwapRow::kLost,    SwapRow::kDoubled, SwapRow::kMisdirected, SwapRow::kMissing,
    SwapRow::kEmptied, SwapRow::kOlder,   SwapRow::kNewer,       SwapRow::kForeign};
const char* swap_row_name(SwapRow row);
std::optional<SwapRow> find_swap_row(std::string_view name);

struct SwapPlace {
  SwapRow row = SwapRow::kLost;
  std::uint64_t number = 0;  // Of the row's cases.
};

struct SwapFailure {
  SwapPlace place;
  std::string what;
};

class SwapSweep {
 public:
  explicit SwapSweep(SwapRow row);

  [[nodiscard]] std::uint64_t parts() const;  // One for each case.
  std::optional<SwapFailure> run(std::uint64_t number);
  std::optional<std::string> replay(std::uint64_t number, std::vector<std::string>* story);
  OutcomeCounts take_counts() { return std::exchange(counts_, {}); }

 private:
  // One write of step `step`, gone wrong; `far` steps are done after it before power is lost.
  struct Stray {
    std::size_t step;
    std::uint64_t nth;
    std::int64_t distance;
    bool goes_on;
  };
  // File `file` of age `age` becomes `to_file` of age `to_age`, of this database or the other.
  struct Swap {
    std::size_t age, file, to_age, to_file;
    OpenMode mode = OpenMode::kReadWrite;
  };
  void list_strays();
  void list_swaps();
  Outcome do_stray(const Stray& stray, std::vector<std::string>* story);
  Outcome do_swap(const Swap& swap, std::vector<std::string>* story);
  Outcome judge_swap(const Swap& swap);
  void lay_out(const Swap& swap);
  [[nodiscard]] std::vector<History::File> files_after(const Swap& swap) const;
  [[nodiscard]] const History& origin() const { return row_ == SwapRow::kForeign ? other_ : own_; }
  [[nodiscard]] bool may_show(const Swap& swap, std::uint64_t txn) const;

  SwapRow row_;
  History own_, other_;
  std::vector<Stray> strays_;
  std::vector<Swap> swaps_;
  std::unique_ptr<Stage> stage_;
  SimDisk disk_;
  Judge judge_{disk_};
  OutcomeCounts counts_;
};

}  // namespace holdfast
