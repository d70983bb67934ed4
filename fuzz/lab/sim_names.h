// The names of the simulated disk's files: those that programs see, those that are durable, and the
// unsynced operations between the two, in order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/lab/sim_crash.h"

namespace holdfast {

struct NameEntry {
  std::string path;
  std::uint32_t inode;
};

struct NameOp {
  enum class Kind : std::uint8_t { kCreate, kRemove, kRename };
  Kind kind;
  bool replaces;  // A rename that was allowed to.
  std::uint64_t call;
  std::uint32_t inode;
  std::string path;
  std::string to;
};

class SimNames {
 public:
  // A path that starts with "./" is the same as without.
  static std::string_view key_of(std::string_view path);

  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view path) const;
  [[nodiscard]] std::optional<std::uint32_t> find_durable(std::string_view path) const;
  [[nodiscard]] const std::vector<NameEntry>& seen() const { return seen_; }
  [[nodiscard]] const std::vector<NameEntry>& durable() const { return durable_; }
  [[nodiscard]] const std::vector<NameOp>& ops() const { return ops_; }
  [[nodiscard]] bool mentions(std::uint32_t inode) const;

  void create(std::uint64_t call, std::string_view path, std::uint32_t inode);
  void remove(std::uint64_t call, std::string_view path, std::uint32_t inode);
  void rename(std::uint64_t call, std::string_view from, std::string_view to, std::uint32_t inode,
              bool replaces);
  // A file that is simply there, durably.
  void place(std::string_view path, std::uint32_t inode);
  // A name that is simply gone, from both views and from what is unsynced.
  void drop(std::string_view path);
  void sync(std::string_view directory);

  void list_units(std::vector<CrashUnit>& units) const;
  // `fates` are those of list_units()'s units. Afterwards both views are the durable one.
  void crash(const Fate* fates);
  void reset();

 private:
  std::vector<NameEntry> seen_;
  std::vector<NameEntry> durable_;
  std::vector<NameOp> ops_;
};

}  // namespace holdfast
