// What the verbs that read read from: the database's file, or where another process has it open,
// that process, through the socket by which it serves others. One state either way, for as long as
// it lives.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/transaction.h"
#include "server/items.h"
#include "tools/args.h"
#include "tools/console.h"

namespace holdfast::tools {

// Takes a value's bytes as they come; false: no more are wanted.
using PieceSink = std::function<bool(std::string_view piece)>;

// A value that is longer comes in pieces as long, at most.
inline constexpr std::size_t kValueAtOnce = std::size_t{1} << 18;

// Takes records; each answers whether to go on.
class RecordSink {
 public:
  virtual ~RecordSink() = default;
  virtual bool begin(std::string_view key, std::uint64_t value_bytes) = 0;
  virtual bool value(std::string_view piece) = 0;  // As often as it takes.
  virtual bool end() = 0;
};

struct Range {
  std::string from;
  std::optional<std::string> to;  // The first key that isn't in it.
  bool reverse = false;
  bool keys_only = false;
  std::optional<std::uint64_t> limit;  // Records at most.
};

// Trees go by name, the default tree by the empty one; kNotFound where there is none. Ctrl-C ends
// every wait with kCancelled.
class Source {
 public:
  virtual ~Source() = default;

  virtual Result<void> find_tree(std::string_view tree) = 0;
  virtual Result<bool> contains(std::string_view tree, std::string_view key) = 0;
  // False: there is no such key.
  virtual Result<bool> get(std::string_view tree, std::string_view key, const PieceSink& piece) = 0;
  virtual Result<void> scan(std::string_view tree, const Range& range, RecordSink& sink) = 0;
  virtual Result<std::vector<TreeInfo>> trees() = 0;

  struct Summary {
    wire::Item database;  // Its fields are what `stat` shows.
    std::vector<TreeInfo> trees;
  };
  virtual Result<Summary> summary() = 0;
};

// The file where it can be opened, else its owner. What keeps both from being read has been said.
// `note_replay`: also that a log was replayed.
Step<std::unique_ptr<Source>> open_source(const Arguments& args, Console& console,
                                          bool note_replay = false);

}  // namespace holdfast::tools
