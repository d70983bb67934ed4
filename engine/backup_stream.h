// A state as a stream of bytes (engine/file/backup_format.h): writing it to a sink, and reading it
// with everything verified.
//
// What was sent to a sink before an error has no end, so nothing is ever restored from it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/backup_pages.h"
#include "engine/base/environment.h"

namespace holdfast {

// Strictly forwards, a piece at a time. Errors of hand_over_pages() and of the sink.
Result<void> write_stream(const Environment& environment, const CopiedState& from,
                          const BackupSink& sink, const BackupOptions& options,
                          BackupReport& report);

class StreamReader {
 public:
  // `name`: for errors, with the offset in the stream.
  StreamReader(BackupSource source, std::string name)
      : source_(std::move(source)), name_(std::move(name)) {}

  // kNotADatabase, kUnsupportedFormat, kDamaged, kLimitExceeded…: those of decode_meta() too.
  Result<StreamHead> head();
  struct Page {
    Slot slot{};
    bool damaged = false;
    std::span<const std::byte> bytes;  // Until the next call.
  };
  // Nothing at the end, behind which nothing may follow. kDamaged: a piece isn't the one that was
  // written there, or there is none.
  Result<std::optional<Page>> next();
  [[nodiscard]] std::uint64_t bytes_read() const { return at_; }

 private:
  Result<std::size_t> read_some(std::span<std::byte> into);
  Result<void> read(std::span<std::byte> into);
  Result<void> next_piece();
  Result<void> read_end();
  [[nodiscard]] std::unexpected<Error> damaged(const std::string& what) const;

  BackupSource source_;
  std::string name_;
  std::uint64_t at_ = 0;     // In the stream: what comes next,
  std::uint64_t begun_ = 0;  // and where the part that is read began.
  std::uint32_t page_size_ = 0;
  std::uint32_t slot_high_water_ = 0;
  std::uint64_t pieces_ = 0;
  std::uint64_t chain_ = 0;
  StreamEnd counted_;
  bool ended_ = false;
  std::vector<std::byte> piece_;
  std::size_t next_at_ = 0;  // In the piece.
};

}  // namespace holdfast
