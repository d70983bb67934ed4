// The two readers of `load`. Input comes from other programs and people: every way in which it can
// be wrong is an error that names the line, what was expected and what to do.
#include "tools/record_reader.h"

#include <fmt/format.h>

#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "tools/text_bytes.h"

namespace holdfast::tools {
namespace {

using Step = std::expected<bool, InputStop>;

std::unexpected<InputStop> wrong(std::uint64_t line, std::string_view sentence) {
  return std::unexpected(InputStop{ExitCode::kFailed, fmt::format("Line {}: {}", line, sentence)});
}

// The next line; false at the end of the input.
Step take_line(LineReader& lines, std::string& line) {
  switch (lines.next(line)) {
    case LineReader::Got::kLine:
      return true;
    case LineReader::Got::kEnd:
      return false;
    case LineReader::Got::kInterrupted:
      return std::unexpected(InputStop{ExitCode::kInterrupted, "Interrupted."});
    case LineReader::Got::kTooLong:
      return wrong(lines.line_number(),
                   fmt::format("it has more than {} bytes, too many for the cache; give more with "
                               "--cache.",
                               lines.max_line_bytes()));
    case LineReader::Got::kFailed:
      break;
  }
  return std::unexpected(
      InputStop{ExitCode::kFailed, fmt::format("The input could not be read after line {}: {}.",
                                               lines.line_number(), std::strerror(lines.error()))});
}

void drop_carriage_return(std::string& line) {
  if (line.ends_with('\r')) line.pop_back();
}

class TsvReader : public RecordReader {
 public:
  explicit TsvReader(LineReader& lines) : lines_(lines) {}

  Step next_section(std::string& database) override {
    database.clear();
    return !std::exchange(started_, true);
  }

  Step next_record(Record& record) override {
    std::string line;
    if (auto got = take_line(lines_, line); !got || !*got) return got;
    drop_carriage_return(line);
    const std::size_t tab = line.find('\t');
    if (tab == std::string::npos) {
      return wrong(lines_.line_number(),
                   "a TAB between key and value was expected; there is none.");
    }
    if (line.find('\t', tab + 1) != std::string::npos) {
      return wrong(lines_.line_number(),
                   "there is more than one TAB; write those of keys and values as \\09.");
    }
    auto key = from_escaped(std::string_view(line).substr(0, tab));
    auto value = from_escaped(std::string_view(line).substr(tab + 1));
    if (!key || !value) {
      return wrong(lines_.line_number(),
                   "after a backslash another or two hexadecimal digits were expected; write a "
                   "backslash as \\\\.");
    }
    record = {std::move(*key), std::move(*value), lines_.line_number()};
    return true;
  }

 private:
  LineReader& lines_;
  bool started_ = false;
};

class DumpReader : public RecordReader {
 public:
  explicit DumpReader(LineReader& lines) : lines_(lines) {}

  // Reads the first header, so that a wrong one is told before anything is done.
  Step open() {
    auto header = read_header();
    if (header) opened_ = *header;
    return header;
  }

  Step next_section(std::string& database) override {
    const Step header = std::exchange(opened_, false) ? true : read_header();
    database = database_;
    return header;
  }

  Step next_record(Record& record) override {
    std::string line;
    auto got = take_line(lines_, line);
    if (!got) return got;
    if (!*got) return cut_short("DATA=END");
    if (line == "DATA=END" || line == "DATA=END\r") return false;
    const std::uint64_t key_line = lines_.line_number();
    auto key = decode(line, "a key line that begins with a space, or DATA=END,");
    if (!key) return std::unexpected(key.error());

    got = take_line(lines_, line);
    if (!got) return got;
    if (!*got) return cut_short("DATA=END");
    auto value = decode(line, "the value of the key above, on a line that begins with a space,");
    if (!value) return std::unexpected(value.error());
    record = {std::move(*key), std::move(*value), key_line};
    return true;
  }

 private:
  enum class Format { kByteValue, kPrint };

  // False at the end of the input.
  Step read_header() {
    database_.clear();
    format_.reset();
    lmdb_ = false;
    std::string line;
    if (auto got = take_line(lines_, line); !got || !*got) return got;
    drop_carriage_return(line);
    if (line != "VERSION=3") {
      return wrong(lines_.line_number(),
                   fmt::format("VERSION=3 was expected, not \"{}\".", shown(line)));
    }
    for (;;) {
      auto got = take_line(lines_, line);
      if (!got) return got;
      if (!*got) return cut_short("HEADER=END");
      drop_carriage_return(line);
      if (line == "HEADER=END") break;
      if (auto taken = take_keyword(line); !taken) return taken;
    }
    if (!format_) {
      return wrong(lines_.line_number(), "the header has no format=bytevalue or format=print.");
    }
    // Berkeley DB escapes names as it does data, LMDB doesn't.
    if (!lmdb_) database_ = from_escaped(database_).value_or(database_);
    return true;
  }

  static std::string shown(std::string_view line) { return escaped(line.substr(0, 40)); }

  std::unexpected<InputStop> cut_short(std::string_view missing) const {
    return wrong(
        lines_.line_number(),
        fmt::format("the input ends here without {}: it was cut short. Make the dump again.",
                    missing));
  }

  // One `name=value` line of a header. Unknown names are no concern of ours.
  Step take_keyword(const std::string& line) {
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos) {
      return wrong(lines_.line_number(),
                   fmt::format("name=value or HEADER=END was expected, not \"{}\".", shown(line)));
    }
    const std::string_view name = std::string_view(line).substr(0, equals);
    const std::string_view value = std::string_view(line).substr(equals + 1);
    if (name == "format") {
      if (value == "bytevalue") {
        format_ = Format::kByteValue;
      } else if (value == "print") {
        format_ = Format::kPrint;
      } else {
        return wrong(lines_.line_number(),
                     fmt::format("format=bytevalue or format=print was expected, not \"{}\".",
                                 shown(value)));
      }
    } else if (name == "database" || name == "subdatabase") {
      database_ = value;
    } else if (name == "mapsize" || name == "maxreaders") {
      lmdb_ = true;
    } else if ((name == "duplicates" || name == "dupsort") && value == "1") {
      return wrong(lines_.line_number(),
                   "the dump is of a database with duplicate keys, of which Holdfast keeps one "
                   "each. Dump it without duplicates, or make the keys distinct first.");
    } else if (name == "type" && (value == "recno" || value == "queue")) {
      return wrong(lines_.line_number(),
                   fmt::format("type=btree or type=hash was expected; \"{}\" has no keys.", value));
    }
    return true;
  }

  std::expected<std::string, InputStop> decode(std::string& line, std::string_view expected) {
    if (!line.starts_with(' ')) {
      return wrong(lines_.line_number(),
                   fmt::format("{} was expected, not \"{}\".", expected, shown(line)));
    }
    drop_carriage_return(line);  // One of the data would be written as \0d.
    const std::string_view text = std::string_view(line).substr(1);
    auto bytes = format_ == Format::kByteValue ? from_hex(text) : from_escaped(text);
    if (!bytes) {
      return wrong(lines_.line_number(), format_ == Format::kByteValue
                                             ? "pairs of hexadecimal digits were expected."
                                             : "after a backslash another or two hexadecimal "
                                               "digits were expected. (mdb_dump -p of LMDB 0.9.24 "
                                               "writes none: dump without -p.)");
    }
    return std::move(*bytes);
  }

  LineReader& lines_;
  bool opened_ = false;  // A header was read that next_section() has not told of.
  std::string database_;
  std::optional<Format> format_;
  bool lmdb_ = false;
};

// Input without a line: nothing to load.
class EmptyReader : public RecordReader {
 public:
  Step next_section(std::string&) override { return false; }
  Step next_record(Record&) override { return false; }
};

}  // namespace

std::expected<std::unique_ptr<RecordReader>, InputStop> open_records(LineReader& lines) {
  std::string line;
  auto got = take_line(lines, line);
  if (!got) return std::unexpected(got.error());
  if (!*got) return std::make_unique<EmptyReader>();
  // A key may begin with VERSION= too.
  const bool tsv = line.find('\t') != std::string::npos;
  const bool dump = !tsv && line.starts_with("VERSION=");
  if (!dump && !tsv) {
    return wrong(lines.line_number(),
                 "VERSION=3 (a Berkeley DB or LMDB dump) or key TAB value was expected; this is "
                 "neither.");
  }
  lines.put_back(std::move(line));
  if (dump) {
    auto reader = std::make_unique<DumpReader>(lines);
    if (auto opened = reader->open(); !opened) return std::unexpected(opened.error());
    return reader;
  }
  return std::make_unique<TsvReader>(lines);
}

}  // namespace holdfast::tools
