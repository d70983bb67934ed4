// Headers, record lines and footers of dumps.
#include "tools/record_writer.h"

#include <fmt/format.h>

#include "tools/text_bytes.h"

namespace holdfast::tools {

bool RecordWriter::begin(std::string_view database) {
  if (format_ == TextFormat::kTsv) return out_.ok();
  const char* format = format_ == TextFormat::kPrint ? "print" : "bytevalue";
  std::string header = fmt::format("VERSION=3\nformat={}\n", format);
  if (!database.empty()) {
    // LMDB takes the name as it stands, Berkeley DB with escapes.
    header +=
        fmt::format("database={}\n", lmdb_map_bytes_ ? std::string(database) : escaped(database));
  }
  header += "type=btree\n";
  if (lmdb_map_bytes_) header += fmt::format("mapsize={}\n", *lmdb_map_bytes_);
  return out_.write(header + "HEADER=END\n");
}

bool RecordWriter::write(std::string_view before, std::string_view bytes, std::string_view after) {
  line_ = before;
  if (format_ == TextFormat::kByteValue) {
    append_hex(line_, bytes);
  } else {
    // LMDB 0.9.24 reads \\ wrongly, and \5c as everybody does.
    append_escaped(line_, bytes, lmdb_map_bytes_ ? "\\5c" : "\\\\");
  }
  line_ += after;
  return out_.write(line_);
}

bool RecordWriter::key(std::string_view key) {
  const bool tsv = format_ == TextFormat::kTsv;
  return write(tsv ? "" : " ", key, tsv ? "\t" : "\n ");
}

bool RecordWriter::value(std::string_view piece) {
  return write("", piece, "");
}

bool RecordWriter::end_record() {
  return out_.write("\n");
}

bool RecordWriter::end() {
  return format_ == TextFormat::kTsv ? out_.ok() : out_.write("DATA=END\n");
}

}  // namespace holdfast::tools
