#include "wal/segment.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "engine/base/result.h"
#include "engine/base/zeros.h"
#include "engine/storage/place.h"

namespace holdfast {
namespace {

constexpr const char* kLogSuffix = ".log-";
constexpr const char* kTemporarySuffix = ".log-tmp-";

// EPOCH-NUMBER and nothing else. Only asked of a file without a sound header: another database or a
// note of the user's may share our prefix, and is no sign of damage.
bool named_like_ours(std::string_view name, std::size_t prefix_bytes) {
  const std::string_view tail = name.substr(prefix_bytes);
  const std::size_t dash = tail.find('-');
  const auto digits = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  return dash != std::string_view::npos && digits(tail.substr(0, dash)) &&
         digits(tail.substr(dash + 1));
}

// Makes the temporary file complete: headers, space, sync.
Result<std::unique_ptr<StorageFile>> fill_temporary(Storage& storage, const std::string& path,
                                                    const std::string& base_path,
                                                    const SegmentHeader& header,
                                                    std::uint64_t bytes) {
  // What an earlier try left there is nobody's.
  if (TRY(storage.exists(path))) TRY(storage.remove(path));
  std::unique_ptr<StorageFile> file = TRY(storage.create_like(path, base_path, Rights::kSame));
  alignas(8) std::array<std::byte, kLogBlockBytes * kSegmentHeaderCopies> blocks;
  encode_segment_header(header, std::span(blocks).first<kLogBlockBytes>());
  std::memcpy(blocks.data() + kLogBlockBytes, blocks.data(), kLogBlockBytes);
  TRY(file->allocate(0, bytes));
  TRY(file->write(0, blocks));
  TRY(file->sync());
  return file;
}

Result<bool> is_all_zero(StorageFile& file, std::uint64_t size, bool past_cache) {
  std::vector<std::byte> chunk(std::min<std::uint64_t>(size, 256 << 10));
  for (std::uint64_t at = 0; at < size;) {
    const std::size_t got =
        TRY(past_cache ? file.read_past_cache(at, chunk) : file.read(at, chunk));
    if (got == 0) break;
    if (!all_zero(std::span(chunk).first(got))) return false;
    at += got;
  }
  return true;
}

Result<FoundSegment> inspect(Storage& storage, const std::string& path, const Uuid& uuid,
                             FileMode mode, bool past_cache) {
  FoundSegment found;
  found.path = path;
  std::shared_ptr<StorageFile> file = TRY(storage.open(path, mode));
  found.bytes = TRY(file->size());
  bool good = false;
  for (std::uint64_t copy = 0; copy < kSegmentHeaderCopies; ++copy) {
    std::array<std::byte, kLogBlockBytes> block;
    const std::uint64_t at = copy * kLogBlockBytes;
    const std::size_t got =
        TRY(past_cache ? file->read_past_cache(at, block) : file->read(at, block));
    auto header = decode_segment_header(std::span(block).first(got));
    if (!header && header.error().code() == ErrorCode::kUnsupportedFormat) {
      return std::unexpected(header.error().at(place_in(path)));
    }
    if (!header) {
      ++found.bad_copies;
    } else if (!good) {
      found.header = *header;
      good = true;
    }
  }
  if (!good) {
    found.state = TRY(is_all_zero(*file, found.bytes, past_cache))
                      ? FoundSegment::State::kEmpty
                      : FoundSegment::State::kBadHeader;
  } else if (found.header.uuid != uuid) {
    found.state = FoundSegment::State::kForeign;
  } else {
    found.state = FoundSegment::State::kSound;
    found.cut_short = found.bytes < kFirstAllocation;
    found.file = std::move(file);
  }
  return found;
}

}  // namespace

Result<std::unique_ptr<Segment>> create_segment(Storage& storage, const std::string& base_path,
                                                const SegmentHeader& header, std::uint64_t& number,
                                                std::uint64_t bytes) {
  const std::string epoch_text = std::to_string(raw(header.ref.epoch)) + "-";
  const std::string temporary = base_path + kTemporarySuffix + epoch_text + std::to_string(number);
  auto segment = std::make_unique<Segment>();
  segment->header = header;
  segment->bytes = bytes;
  if (auto file = fill_temporary(storage, temporary, base_path, header, bytes)) {
    file->reset();  // So that the name we go on with is the one the file has.
  } else {
    (void)storage.remove(temporary);
    return std::unexpected(std::move(file).error());
  }
  while (true) {
    segment->path = base_path + kLogSuffix + epoch_text + std::to_string(number++);
    auto renamed = storage.rename(temporary, segment->path, false);
    if (renamed) break;
    if (renamed.error().code() == ErrorCode::kAlreadyExists) continue;
    (void)storage.remove(temporary);
    return std::unexpected(std::move(renamed).error());
  }
  // From here on a full disk is an error like any other: the segment is there, and may be found.
  auto opened = [&]() -> Result<void> {
    TRY(storage.sync_directory(directory_of(base_path)));
    segment->file = TRY(storage.open(segment->path, FileMode::kReadWrite));
    return {};
  }();
  if (opened) return segment;
  if (opened.error().code() != ErrorCode::kDiskFull) return std::unexpected(opened.error());
  return fail(ErrorCode::kIo, opened.error().message(), opened.error().place());
}

Result<SegmentList> list_segments(Storage& storage, const std::string& base_path, const Uuid& uuid,
                                  FileMode mode, bool past_cache) {
  const std::string directory = directory_of(base_path);
  const std::string prefix = name_of(base_path) + kLogSuffix;
  const std::string temporary_prefix = name_of(base_path) + kTemporarySuffix;
  const std::string path_prefix = base_path.substr(0, base_path.size() - name_of(base_path).size());
  SegmentList list;
  for (const std::string& name : TRY(storage.list(directory, prefix))) {
    const std::string path = path_prefix + name;
    if (name.starts_with(temporary_prefix)) {
      list.temporary.push_back(path);
      continue;
    }
    FoundSegment found = TRY(inspect(storage, path, uuid, mode, past_cache));
    if (found.state == FoundSegment::State::kBadHeader && !named_like_ours(name, prefix.size())) {
      found.state = FoundSegment::State::kForeign;
    }
    list.segments.push_back(std::move(found));
  }
  return list;
}

}  // namespace holdfast
