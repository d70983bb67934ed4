// What the tests of values in pieces share.
#pragma once

#include <algorithm>
#include <random>
#include <span>

#include "tests/engine/sim_world.h"

namespace holdfast {

inline std::string bytes_of(std::size_t size, unsigned seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

class ValueStreamTest : public testing::Test {
 protected:
  Database open() { return MUST(Database::open("db", options_)); }

  static Result<void> append_in(ValueWriter& stream, std::string_view bytes, std::size_t piece) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
      if (auto done = stream.append(bytes.substr(0, piece)); !done) return done;
    }
    return {};
  }
  static void put(WriteTransaction& writer, std::string_view key, std::string_view value,
                  std::size_t piece, bool size_known) {
    ValueWriter stream = MUST(writer.put_stream(
        key, size_known ? std::optional<std::uint64_t>(value.size()) : std::nullopt));
    MUST(append_in(stream, value, piece));
    EXPECT_EQ(stream.size(), value.size());
    MUST(stream.finish());
  }
  template <class R>
  static std::string read_in(const R& reader, std::string_view key, std::size_t piece) {
    const auto value = MUST(reader.open_value(key));
    if (!value) throw std::runtime_error("no such value");
    std::string all;
    std::string some(piece, '\0');
    for (;;) {
      const std::size_t got =
          MUST(value->read(all.size(), std::as_writable_bytes(std::span(some))));
      if (got == 0) break;
      all.append(some, 0, got);
    }
    EXPECT_EQ(all.size(), value->size());
    return all;
  }
  // What the file uses once nothing is left to do, in pages.
  static std::uint64_t pages_in_use(Database& db) {
    for (int i = 0; i < 3; ++i) MUST(db.checkpoint());
    const Stats stats = db.stats();
    return stats.file_bytes - stats.free_bytes;
  }

  SimWorld world_;
  Options options_ = world_.options();
};

}  // namespace holdfast
