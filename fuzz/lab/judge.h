// What a database shows whose files somebody or something changed: opens it, reads every record by
// its key and in order, and says whether that is right, or an error that names the damage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "fuzz/lab/arena.h"
#include "fuzz/lab/model.h"
#include "fuzz/lab/sim_disk.h"
#include "fuzz/lab/sim_environment.h"
#include "holdfast/database.h"

namespace holdfast {

enum class Shown : std::uint8_t {
  kRight,    // All of one state, and no error.
  kNamed,    // Reads of what is hit name it, and so does verify(); the rest is right.
  kRefused,  // open() names the damage, and nothing on the disk has changed.
  kWrong,    // Anything else.
};

// What came of one case: what was shown, or that by design nobody can tell.
struct Outcome {
  Shown shown = Shown::kWrong;
  bool undecidable = false;  // Another whole state was shown, where that is allowed.
  std::string what;
};
std::string to_string(const Outcome& outcome);

struct OutcomeCounts {
  std::uint64_t cases = 0;
  std::uint64_t right = 0;
  std::uint64_t refused = 0;
  std::uint64_t named = 0;
  std::uint64_t undecidable = 0;
  void add(const Outcome& outcome);
  void add(const OutcomeCounts& more);
};

class Judge {
 public:
  struct Verdict {
    Shown shown = Shown::kWrong;
    std::uint64_t txn = 0;  // Of the state that opened; 0 where none did.
    std::string what;       // In words; right ones have none.
  };
  // What the state after that transaction is; nullptr for one that mustn't open.
  using States = std::function<const Model::Trees*(std::uint64_t txn)>;

  // Outlived by the disk.
  explicit Judge(SimDisk& disk);
  // The process ends afterwards: nothing is closed, and the disk is as a kill leaves it.
  Verdict judge(const States& states, OpenMode mode = OpenMode::kReadWrite);

 private:
  Verdict judge_opened(Database& database, const States& states);
  Verdict walk(const Reader& reader, const Model::Trees& expected);
  Verdict walk_tree(const Reader& reader, std::string_view name, const Model::Records& records);

  SimDisk& disk_;
  SimClock clock_;
  SimRandom random_;
  Environment environment_;
  const Arena arena_;
};

}  // namespace holdfast
