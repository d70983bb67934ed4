// A database in memory, for tests of what its users see.
#pragma once

#include "tests/engine/engine_fixture.h"

namespace holdfast {

class TransactionTest : public testing::Test {
 protected:
  Database open(const std::string& name = "db") {
    return MUST(Database::open(name, world_.options()));
  }
  MemoryWorld world_;
};

}  // namespace holdfast
