// What tests of the log share: a clock, a configuration, and groups that are easy to check.
#pragma once

#include <gtest/gtest.h>

#include "tests/wal/crash_storage.h"
#include "wal/log_writer.h"
#include "wal/record.h"

namespace holdfast::testing {

class TestClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point now() override { return {}; }
  std::uint64_t wall_us() override { return ++wall_; }

 private:
  Atomic<std::uint64_t> wall_{1'700'000'000'000'000};
};

inline Uuid test_uuid() {
  Uuid uuid;
  uuid.fill(std::byte{0xAB});
  return uuid;
}

inline Salt test_salt(std::uint64_t epoch) {
  Salt salt{};
  store64(salt.data(), epoch * 0x9E37'79B9'7F4A'7C15 + 1);
  return salt;
}

// One free record whose count is the number: recognisable, whatever else is in it. Then images of
// page 9 that hold `filler` bytes in all.
inline constexpr std::size_t kFillerPiece = 4000;
inline constexpr std::size_t kFillerHeadBytes = kImageHeadBytes + 2 * kImageRangeHeadBytes + 4;
inline std::vector<std::byte> payload_of(std::uint64_t txn, std::size_t filler = 0) {
  std::vector<std::byte> payload;
  append_free(payload, PageId{7}, static_cast<std::uint32_t>(txn));
  std::array<std::byte, 4> id;
  store32(id.data(), 9);
  while (filler != 0) {
    const std::size_t piece = std::min(filler, kFillerPiece);
    const std::vector<std::byte> bytes(piece, static_cast<std::byte>(txn | 1));
    const ImageRange ranges[] = {{24, id}, {40, bytes}};
    append_image(payload, PageId{9}, ranges);
    filler -= piece;
  }
  return payload;
}

struct LogEnv {
  TestClock clock;
  std::unique_ptr<CrashStorage> storage = std::make_unique<CrashStorage>();

  LogConfig config(std::uint64_t segment_bytes = 1 << 20) {
    LogConfig made;
    made.storage = storage.get();
    made.clock = &clock;
    made.base_path = "dir/db";
    made.uuid = test_uuid();
    made.segment_bytes = segment_bytes;
    return made;
  }
  std::unique_ptr<LogWriter> start(std::uint64_t epoch, const LogPosition& at,
                                   std::uint64_t segment_bytes = 1 << 20,
                                   LogObserver* observer = nullptr) {
    LogConfig made = config(segment_bytes);
    made.observer = observer;
    auto log = LogWriter::start(made, EpochNumber{epoch}, test_salt(epoch), at);
    EXPECT_TRUE(log.has_value()) << log.error().to_string();
    return std::move(*log);
  }
};

// Appends one transaction of `batches` batches.
inline Result<void> put(LogWriter& log, std::uint64_t txn, std::size_t filler = 0,
                        std::uint32_t batches = 1) {
  std::vector<std::vector<std::byte>> group;
  std::uint64_t bytes = 0;
  for (std::uint32_t i = 0; i < batches; ++i) {
    group.push_back(payload_of(txn, filler));
    bytes += group.back().size();
  }
  TRY(log.reserve(bytes, batches));
  log.append(TxnNumber{txn}, std::move(group));
  return {};
}

}  // namespace holdfast::testing
