#include "engine/base/zeros.h"

#include <gtest/gtest.h>

#include <vector>

namespace holdfast {
namespace {

// At, below and above the pieces that are compared as a whole.
TEST(Zeros, OneOtherByteAnywhereIsFound) {
  for (const std::size_t size : {0U, 1U, 7U, 255U, 256U, 257U, 511U, 512U, 513U, 1000U}) {
    std::vector<std::byte> bytes(size);
    EXPECT_TRUE(all_zero(bytes));
    EXPECT_EQ(zeros_ahead(bytes), size);
    EXPECT_EQ(size_without_zeros(bytes), 0U);
    for (std::size_t at = 0; at < size; ++at) {
      bytes[at] = std::byte{1};
      EXPECT_FALSE(all_zero(bytes)) << at << " of " << size;
      EXPECT_EQ(zeros_ahead(bytes), at);
      EXPECT_EQ(size_without_zeros(bytes), at + 1);
      bytes[at] = std::byte{0};
    }
  }
}

TEST(Zeros, TheFirstAndTheLastCount) {
  std::vector<std::byte> bytes(2000);
  bytes[300] = bytes[1500] = std::byte{0x80};
  EXPECT_EQ(zeros_ahead(bytes), 300U);
  EXPECT_EQ(size_without_zeros(bytes), 1501U);
}

}  // namespace
}  // namespace holdfast
