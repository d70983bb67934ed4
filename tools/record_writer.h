// Records as text: what `dump` writes and `load`, Berkeley DB and LMDB read. record_reader.h draws
// the formats.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tools/args.h"
#include "tools/output.h"

namespace holdfast::tools {

class RecordWriter {
 public:
  // `lmdb_map_bytes`: the dump is for LMDB, which can't load more than a mebibyte without that
  // number, and whose word for it no other program knows.
  RecordWriter(Output& out, TextFormat format, std::optional<std::uint64_t> lmdb_map_bytes)
      : out_(out), format_(format), lmdb_map_bytes_(lmdb_map_bytes) {}

  // `database` is empty for the default tree. False once writing makes no sense.
  bool begin(std::string_view database);
  bool record(std::string_view key, std::string_view value) {
    return this->key(key) && this->value(value) && end_record();
  }
  // The same by parts: its key, its value in as many pieces as one likes, its end.
  bool key(std::string_view key);
  bool value(std::string_view piece);
  bool end_record();
  bool end();

 private:
  bool write(std::string_view before, std::string_view bytes, std::string_view after);

  Output& out_;
  TextFormat format_;
  std::optional<std::uint64_t> lmdb_map_bytes_;
  std::string line_;
};

}  // namespace holdfast::tools
