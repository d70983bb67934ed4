// A database in memory that is filled and emptied, for tests of what it takes.
#pragma once

#include "tests/engine/engine_fixture.h"

namespace holdfast {

class SpaceTest : public testing::Test {
 protected:
  static Result<void> fill(Database& db, int from, int to, std::size_t bytes, char with) {
    auto writer = db.begin_write();
    if (!writer) return std::unexpected(writer.error());
    for (int i = from; i < to; ++i) {
      if (auto put = writer->put(numbered(i), std::string(bytes, with)); !put) return put;
    }
    auto done = writer->commit(Durability::kOs);
    if (!done) return std::unexpected(done.error());
    return {};
  }
  static Result<void> clear(Database& db, int from, int to) {
    auto writer = db.begin_write();
    if (!writer) return std::unexpected(writer.error());
    for (int i = from; i < to; ++i) {
      if (auto erased = writer->erase(numbered(i)); !erased) return std::unexpected(erased.error());
    }
    auto done = writer->commit(Durability::kOs);
    if (!done) return std::unexpected(done.error());
    return {};
  }
  MemoryWorld world_;
};

}  // namespace holdfast
