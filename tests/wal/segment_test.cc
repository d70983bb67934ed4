#include "wal/segment.h"

#include "engine/base/checksum.h"
#include "tests/wal/log_fixture.h"
#include "wal/log_reader.h"

namespace holdfast::testing {
namespace {

SegmentHeader header_of(std::uint64_t epoch) {
  SegmentHeader header;
  header.flags = kFirstOfEpoch;
  header.uuid = test_uuid();
  header.ref = {EpochNumber{epoch}, test_salt(epoch), Lsn{0}};
  return header;
}

void drop_in(CrashStorage& storage, const std::string& path, std::size_t bytes, int value) {
  auto file = *storage.open(path, FileMode::kCreateNew);
  ASSERT_TRUE(file->write(0, std::vector<std::byte>(bytes, std::byte(value))).has_value());
}

TEST(Segment, IsDurableWithItsNameWhenCreated) {
  LogEnv env;
  std::uint64_t number = 1;
  ASSERT_TRUE(create_segment(*env.storage, "dir/db", header_of(3), number, 64 << 10).has_value());
  EXPECT_EQ(number, 2u);
  auto after = env.storage->crash(1, 0);
  const auto list = *list_segments(*after, "dir/db", test_uuid(), FileMode::kReadOnly, true);
  ASSERT_EQ(list.segments.size(), 1u);
  EXPECT_EQ(list.segments[0].state, FoundSegment::State::kSound);
  EXPECT_EQ(list.segments[0].header.ref, header_of(3).ref);
  EXPECT_EQ(list.segments[0].bytes, 64u << 10);
  EXPECT_EQ(list.segments[0].path, "dir/db.log-3-1");
  EXPECT_TRUE(list.temporary.empty());
}

TEST(Segment, PassesByNamesThatAreTaken) {
  LogEnv env;
  drop_in(*env.storage, "dir/db.log-3-1", 10, 1);
  std::uint64_t number = 1;
  const auto made = create_segment(*env.storage, "dir/db", header_of(3), number, 64 << 10);
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ((*made)->path, "dir/db.log-3-2");
}

TEST(Segment, FailureLeavesNoName) {
  using Op = CrashStorage::Op;
  for (const Op op : {Op::kWrite, Op::kSync, Op::kAllocate, Op::kRename}) {
    LogEnv env;
    env.storage->fault = [op](Op now, const std::string&) -> std::optional<ErrorCode> {
      return now == op ? std::optional(ErrorCode::kDiskFull) : std::nullopt;
    };
    std::uint64_t number = 1;
    const auto made = create_segment(*env.storage, "dir/db", header_of(3), number, 64 << 10);
    EXPECT_EQ(made.error().code(), ErrorCode::kDiskFull);
    EXPECT_TRUE(env.storage->paths().empty());
  }
}

// DR-A3: names mean nothing.
TEST(Segment, ListTellsFilesApartByContent) {
  LogEnv env;
  std::uint64_t number = 1;
  ASSERT_TRUE(create_segment(*env.storage, "dir/db", header_of(1), number, 64 << 10).has_value());
  SegmentHeader foreign = header_of(2);
  foreign.uuid.fill(std::byte{1});
  ASSERT_TRUE(create_segment(*env.storage, "dir/db", foreign, number, 64 << 10).has_value());
  drop_in(*env.storage, "dir/db.log-5-5", 10000, 7);
  drop_in(*env.storage, "dir/db.log-6-6", 10000, 0);
  const char* const others[] = {"dir/db.log-notes.txt", "dir/db.log-",    "dir/db.log-7",
                                "dir/db.log-7-",        "dir/db.log--7",  "dir/db.log-7-x",
                                "dir/db.log-x-7",       "dir/db.log-7-7a"};
  for (const char* other : others) drop_in(*env.storage, other, 100, 'x');
  drop_in(*env.storage, "dir/db.log-tmp-9-9", 100, 'x');
  drop_in(*env.storage, "dir/db.logbook", 100, 'x');
  drop_in(*env.storage, "dir/db2.log-1-1", 100, 'x');
  const auto list = *list_segments(*env.storage, "dir/db", test_uuid(), FileMode::kReadOnly, false);
  std::map<std::string, FoundSegment::State> states;
  for (const auto& found : list.segments) states[found.path] = found.state;
  using State = FoundSegment::State;
  std::map<std::string, State> expected = {{"dir/db.log-1-1", State::kSound},
                                           {"dir/db.log-2-2", State::kForeign},
                                           {"dir/db.log-5-5", State::kBadHeader},
                                           {"dir/db.log-6-6", State::kEmpty}};
  for (const char* other : others) expected[other] = State::kForeign;
  EXPECT_EQ(states, expected);
  EXPECT_EQ(list.temporary, std::vector<std::string>{"dir/db.log-tmp-9-9"});
}

TEST(Segment, OneOfANewerFormatIsRefusedByItsName) {
  LogEnv env;
  std::uint64_t number = 1;
  ASSERT_TRUE(create_segment(*env.storage, "dir/db", header_of(1), number, 64 << 10).has_value());
  auto& bytes = env.storage->bytes("dir/db.log-1-1");
  store32(bytes.data() + segment_at::kFormat, kLogFormatVersion + 1);
  store64(bytes.data() + segment_at::kCheck, hash64(std::span(bytes).first(segment_at::kCheck)));
  const auto list = list_segments(*env.storage, "dir/db", test_uuid(), FileMode::kReadOnly, false);
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().code(), ErrorCode::kUnsupportedFormat);
  EXPECT_EQ(list.error().place().file, "dir/db.log-1-1");
}

// The file becomes shorter than it was when it was listed.
TEST(Segment, AFileThatShrinksUnderItsReaderJustEnds) {
  LogEnv env;
  auto log = env.start(1, {}, 64 << 10);
  ASSERT_TRUE(put(*log, 1).has_value());
  ASSERT_TRUE(log->sync_through(TxnNumber{1}).has_value());
  const auto list = *list_segments(*env.storage, "dir/db", test_uuid(), FileMode::kReadOnly, false);
  const std::uint64_t chain = list.segments[0].header.chain;
  for (const std::size_t left : {kBatchHeaderBytes, kBatchHeaderBytes - 8, std::size_t{0}}) {
    env.storage->bytes("dir/db.log-1-1").resize(kSegmentBodyOffset + left);
    SegmentReader reader(list.segments[0], false);
    const auto item = reader.read(list.segments[0].header.ref.start, chain);
    ASSERT_TRUE(item.has_value());
    EXPECT_NE(item->ahead, Ahead::kBatch);
    SegmentReader again(list.segments[0], false);
    std::uint64_t found = 0;
    ASSERT_TRUE(
        again.find_batches(kSegmentBodyOffset, [&](std::uint64_t, const BatchHeader&) { ++found; })
            .has_value());
    EXPECT_EQ(found, left == kBatchHeaderBytes ? 1U : 0U);
    EXPECT_LE(*SegmentReader(list.segments[0], false).end_of_bytes(kSegmentBodyOffset),
              kSegmentBodyOffset + left);
  }
}

// DR-C5: one flipped bit in a header takes nothing away.
TEST(Segment, EitherHeaderServes) {
  for (const std::size_t copy : {0u, 4096u}) {
    LogEnv env;
    std::uint64_t number = 1;
    ASSERT_TRUE(create_segment(*env.storage, "dir/db", header_of(1), number, 64 << 10).has_value());
    env.storage->bytes("dir/db.log-1-1")[copy + 50] ^= std::byte{1};
    const auto list =
        *list_segments(*env.storage, "dir/db", test_uuid(), FileMode::kReadOnly, false);
    EXPECT_EQ(list.segments.at(0).state, FoundSegment::State::kSound);
    EXPECT_EQ(list.segments[0].bad_copies, 1u);
  }
}

}  // namespace
}  // namespace holdfast::testing
