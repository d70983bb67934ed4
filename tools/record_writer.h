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
  RecordWriter(Output& out, TextFormat format) : out_(out), format_(format) {}

  // `database` is empty for the default tree. `map_bytes`: for LMDB, which can't load more than a
  // mebibyte without it and whose word no other program knows. False once writing makes no sense.
  bool begin(std::string_view database, std::optional<std::uint64_t> map_bytes);
  bool record(std::string_view key, std::string_view value);
  bool end();

 private:
  Output& out_;
  TextFormat format_;
  std::string line_;
};

}  // namespace holdfast::tools
