// The contract of storage.h, asked of real files and of files in memory.
#include "tests/storage/storage_contract.h"

#include <memory>

#include "engine/storage/memory_storage.h"
#include "engine/storage/posix_storage.h"

namespace holdfast {
namespace {

INSTANTIATE_TEST_SUITE_P(
    Real, StorageContract,
    testing::Values(
        StorageUnderTest{"Posix", [] { return std::make_unique<PosixStorage>(); }, true},
        StorageUnderTest{"Memory", [] { return std::make_unique<MemoryStorage>(); }, false}),
    test_name);

TEST(Paths, DirectoryAndName) {
  EXPECT_EQ(directory_of("a/b/c"), "a/b");
  EXPECT_EQ(directory_of("c"), ".");
  EXPECT_EQ(directory_of("/c"), "/");
  EXPECT_EQ(name_of("a/b/c"), "c");
  EXPECT_EQ(name_of("c"), "c");
}

TEST(MemoryStorage, RefusesToGrowWithoutBound) {
  MemoryStorage storage(1 << 20);
  auto file = storage.open("a", FileMode::kCreateNew).value();
  ASSERT_TRUE(file->allocate(0, 1 << 20));
  const auto refused = file->allocate(1, 1 << 20);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kDiskFull);
  EXPECT_EQ(file->size().value(), std::uint64_t{1} << 20);
}

}  // namespace
}  // namespace holdfast
