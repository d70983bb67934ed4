// Records as text: what `load` reads. Two formats, told apart by the first line.
//
// Berkeley DB's text dump: sections, each a header (`VERSION=3`, `format=…`, other lines
// `name=value`, `HEADER=END`), then lines in pairs, key and value, each after one space, in
// hexadecimal (bytevalue) or with backslash escapes (print), then `DATA=END`.
// tsv: `key TAB value` a line, with the same escapes. Lines may end with a carriage return.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "tools/exit_code.h"
#include "tools/line_reader.h"

namespace holdfast::tools {

struct Record {
  std::string key;
  std::string value;
  std::uint64_t line = 0;  // Where its key stands in the input, for messages.
};

// Why reading ended early.
struct InputStop {
  ExitCode code = ExitCode::kFailed;
  std::string sentence;  // With the line number.
};

class RecordReader {
 public:
  virtual ~RecordReader() = default;
  // Goes to the next section and gives its `database=` name, empty without one; false when there
  // is none. To be called first, and again after next_record() has answered false.
  virtual std::expected<bool, InputStop> next_section(std::string& database) = 0;
  // The section's next record; false at its end.
  virtual std::expected<bool, InputStop> next_record(Record& record) = 0;
};

// For the format of the first line; the header of a dump's first section is read and judged here.
// `lines` must outlive the reader.
std::expected<std::unique_ptr<RecordReader>, InputStop> open_records(LineReader& lines);

}  // namespace holdfast::tools
