#include "engine/storage/memory_file.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/result.h"
#include "engine/storage/place.h"

namespace holdfast {

using Piece = MemoryFileContent::Piece;
constexpr std::size_t kPieceBytes = MemoryFileContent::kPieceBytes;

MemoryFile::MemoryFile(std::string path, bool writable, std::shared_ptr<MemoryFileContent> content)
    : path_(std::move(path)), writable_(writable), content_(std::move(content)) {}

MemoryFile::~MemoryFile() {
  MutexLock guard(content_->mutex);
  content_->locks.erase(this);
}

Result<std::uint64_t> MemoryFile::size() {
  MutexLock guard(content_->mutex);
  return content_->size;
}

Result<std::size_t> MemoryFile::read(std::uint64_t offset, std::span<std::byte> buffer) {
  MutexLock guard(content_->mutex);
  if (offset >= content_->size) return 0;
  const std::size_t total = std::min<std::uint64_t>(buffer.size(), content_->size - offset);
  for (std::size_t done = 0; done < total;) {
    const std::size_t in_piece = (offset + done) % kPieceBytes;
    const std::size_t length = std::min(total - done, kPieceBytes - in_piece);
    const std::unique_ptr<Piece>& piece = content_->pieces[(offset + done) / kPieceBytes];
    if (piece) {
      std::memcpy(buffer.data() + done, piece->data() + in_piece, length);
    } else {
      std::memset(buffer.data() + done, 0, length);
    }
    done += length;
  }
  return total;
}

Result<void> MemoryFile::may_grow_to(std::uint64_t offset, std::uint64_t length) const {
  const ErrorPlace place = place_in(path_, offset);
  if (!writable_) {
    return fail(ErrorCode::kIo, "could not change the file: it was opened read-only", place);
  }
  if (offset <= content_->max_bytes && length <= content_->max_bytes - offset) return {};
  return fail(ErrorCode::kDiskFull,
              "could not grow the file: it may have at most " +
                  std::to_string(content_->max_bytes) + " bytes in memory",
              place);
}

void MemoryFile::set_size(std::uint64_t size) {
  content_->pieces.resize((size + kPieceBytes - 1) / kPieceBytes);
  const std::size_t in_last = size % kPieceBytes;
  if (size < content_->size && in_last != 0 && content_->pieces.back()) {
    std::memset(content_->pieces.back()->data() + in_last, 0, kPieceBytes - in_last);
  }
  content_->size = size;
}

Result<void> MemoryFile::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (bytes.empty()) return {};
  MutexLock guard(content_->mutex);
  TRY(may_grow_to(offset, bytes.size()));
  if (offset + bytes.size() > content_->size) set_size(offset + bytes.size());
  for (std::size_t done = 0; done < bytes.size();) {
    const std::size_t in_piece = (offset + done) % kPieceBytes;
    const std::size_t length = std::min(bytes.size() - done, kPieceBytes - in_piece);
    std::unique_ptr<Piece>& piece = content_->pieces[(offset + done) / kPieceBytes];
    if (!piece) piece = std::make_unique<Piece>();
    std::memcpy(piece->data() + in_piece, bytes.data() + done, length);
    done += length;
  }
  return {};
}

Result<void> MemoryFile::allocate(std::uint64_t offset, std::uint64_t length) {
  if (length == 0) return {};
  MutexLock guard(content_->mutex);
  TRY(may_grow_to(offset, length));
  if (offset + length > content_->size) set_size(offset + length);
  return {};
}

Result<void> MemoryFile::truncate(std::uint64_t size) {
  MutexLock guard(content_->mutex);
  TRY(may_grow_to(size, 0));
  set_size(size);
  return {};
}

Result<void> MemoryFile::lock(LockMode mode) {
  MutexLock guard(content_->mutex);
  for (const auto& [owner, held] : content_->locks) {
    if (owner != this && (held == LockMode::kExclusive || mode == LockMode::kExclusive)) {
      return fail(ErrorCode::kBusy, "database is in use by this process already; close it there",
                  place_in(path_));
    }
  }
  content_->locks[this] = mode;
  return {};
}

}  // namespace holdfast
