// Puts the records of a text into a database, in commits of a given size or in a single one.
//
// After a failure, everything that committed() counts is in the database and durable, and nothing
// else is: a load can be repeated as it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "holdfast/database.h"
#include "tools/args.h"
#include "tools/console.h"
#include "tools/progress_line.h"
#include "tools/record_reader.h"

namespace holdfast::tools {

// What stands before a sentence about the input: the file's name, nothing for standard input.
[[nodiscard]] std::string source_of(const Arguments& args);

class Loader {
 public:
  Loader(Database& database, const Arguments& args, Console& console)
      : database_(database), args_(args), console_(console) {}

  // Loads everything `reader` gives; has said what went wrong when the answer isn't kDone.
  ExitCode run(RecordReader& reader);

  [[nodiscard]] std::uint64_t committed() const noexcept { return committed_; }
  [[nodiscard]] std::uint64_t commits() const noexcept { return commits_; }

 private:
  using Done = std::expected<void, InputStop>;

  Done load_all(RecordReader& reader);
  Done load_section(RecordReader& reader);
  Done begin_section(const std::string& database);
  Done commit_batch();
  Done commit_records(std::size_t begin, std::size_t end);
  Done load_atomically(RecordReader& reader);
  Done load_sorted(WriteTransaction& writer, Tree tree, RecordReader& reader);
  Done put(WriteTransaction& writer, Tree tree, const Record& record) const;
  [[nodiscard]] std::string remedy(const Error& error, const Record* record) const;
  void show_progress();
  [[nodiscard]] std::string outcome() const;

  Database& database_;
  const Arguments& args_;
  Console& console_;
  ProgressLine progress_;
  std::uint64_t sections_ = 0;
  std::uint64_t read_ = 0;
  std::uint64_t committed_ = 0;
  std::uint64_t commits_ = 0;

  std::string tree_;  // Of the section being loaded.
  bool tree_made_ = false;
  std::vector<Record> batch_;
  std::size_t batch_bytes_ = 0;
};

}  // namespace holdfast::tools
