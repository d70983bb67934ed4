// Integers on disk are little-endian, whatever their address; hashes are xxh3-64, piecewise too.
#include "engine/base/bytes.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "engine/base/checksum.h"
#include "engine/base/types.h"

namespace holdfast {
namespace {

TEST(Bytes, AreLittleEndianAndNeedNoAlignment) {
  std::array<std::byte, 16> memory{};
  store32(memory.data() + 1, 0x04030201);
  for (int i = 1; i <= 4; ++i)
    EXPECT_EQ(memory[static_cast<std::size_t>(i)], static_cast<std::byte>(i));
  EXPECT_EQ(load32(memory.data() + 1), 0x04030201U);
  store(memory.data() + 3, TxnNumber{0x1122334455667788});
  EXPECT_EQ(load64(memory.data() + 3), 0x1122334455667788U);
  EXPECT_EQ(memory[3], std::byte{0x88});
}

TEST(Bytes, AlignmentRoundsToMultiples) {
  EXPECT_EQ(align_up(0, 4096), 0U);
  EXPECT_EQ(align_up(1, 4096), 4096U);
  EXPECT_EQ(align_up(4096, 4096), 4096U);
  EXPECT_EQ(align_down(8191, 4096), 4096U);
}

TEST(Checksum, IsXxh3) {
  // From the reference implementation; other decoders must find the same.
  EXPECT_EQ(hash64({}), 0x2D06800538D394C2U);
  const std::string text = "holdfast";
  EXPECT_NE(hash64(as_bytes(text)), hash64(as_bytes(text), 1));
}

TEST(Checksum, PiecesHashLikeTheWhole) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += static_cast<char>(i * 31);
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{77}}) {
    for (const std::size_t cut : {0U, 1U, 240U, 241U, 1024U, 4999U, 5000U}) {
      Hasher hasher(seed);
      hasher.add(as_bytes(std::string_view(text).substr(0, cut)));
      hasher.add(as_bytes(std::string_view(text).substr(cut)));
      EXPECT_EQ(hasher.digest(), hash64(as_bytes(text), seed)) << cut;
    }
  }
}

}  // namespace
}  // namespace holdfast
