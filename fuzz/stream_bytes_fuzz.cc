// Backup streams of any bytes: a restore of them ends with an error or with a database that opens,
// and leaves no other file. The input is a stream, and in the place of an image's log another that
// is put on top; both are mended piece by piece, so that changed bytes are believed.
#include <algorithm>
#include <cstdlib>

#include "engine/base/bytes.h"
#include "engine/base/checksum.h"
#include "engine/base/environment.h"
#include "engine/file/backup_format.h"
#include "engine/storage/memory_storage.h"
#include "fuzz/image_mutator.h"
#include "fuzz/lab/keep_memory.h"
#include "fuzz/lab/sim_environment.h"
#include "holdfast/holdfast.h"

namespace {

using namespace holdfast;

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{16} << 20;

// Checks of a stream as its writer would have made them. What is no piece ends it.
void mend(std::span<std::byte> stream) {
  if (stream.size() < kStreamHeadBytes) return;
  std::byte* meta = stream.data() + stream_at::kMeta;
  store64(meta + meta_at::kCheck, hash64({meta, meta_at::kCheck}));
  std::uint64_t chain = hash64(stream.first(stream_at::kCheck));
  store64(stream.data() + stream_at::kCheck, chain);
  const std::uint32_t page_size = load32(meta + meta_at::kPageSize);
  std::size_t at = kStreamHeadBytes;
  for (std::uint64_t number = 1; at + kPieceHeadBytes <= stream.size(); ++number) {
    std::byte* piece = stream.data() + at;
    const std::uint64_t pages = load32(piece + piece_at::kPages);
    const std::uint64_t bytes =
        pages == 0 ? kStreamEndBytes : pages * (kPageHeadInPiece + page_size);
    if (bytes > stream.size() - at - kPieceHeadBytes) return;
    store32(piece + piece_at::kMagic, kPieceMagic);
    store64(piece + piece_at::kNumber, number);
    store64(piece + piece_at::kChain, chain);
    store64(piece + piece_at::kHash, hash64({piece + kPieceHeadBytes, bytes}));
    chain = hash64({piece, piece_at::kCheck});
    store64(piece + piece_at::kCheck, chain);
    at += kPieceHeadBytes + bytes;
  }
}

BackupPart part_of(std::span<const std::byte> bytes) {
  return {"stream", [bytes](std::span<char> buffer) mutable {
            const std::size_t n = std::min(buffer.size(), bytes.size());
            std::ranges::copy(bytes.first(n), std::as_writable_bytes(buffer).begin());
            bytes = bytes.subspan(n);
            return Result<std::size_t>(n);
          }};
}

void read(Database& db) {
  (void)db.verify();
  auto reader = db.begin_read();
  if (!reader) return;
  auto cursor = reader->cursor();
  if (!cursor) return;
  int left = 1000;
  for (auto on = cursor->first(); on && *on && --left > 0; on = cursor->next()) {
    (void)cursor->value();
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  keep_memory();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const FileImage input = image_of(data, size);
  MemoryStorage storage(kMaxFileBytes);
  SimClock clock;
  SimRandom random;
  Environment environment{&storage, &clock, &random};
  RestoreOptions restoring;
  restoring.environment = &environment;
  std::vector<BackupPart> parts{part_of(input.tree)};
  if (!input.log.empty()) parts.push_back(part_of(input.log));
  const auto report = Database::restore(parts, "new", restoring);
  const auto names = storage.list(".", "");
  if (!names || names->size() != (report ? 1U : 0U)) std::abort();
  if (!report) return 0;
  Options options;
  options.environment = &environment;
  options.background = Background::kHost;
  options.cache_bytes = std::size_t{2} << 20;
  options.mode = OpenMode::kReadOnly;
  auto opened = Database::open("new", options);
  if (opened) read(*opened);
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  return mutate_image(data, size, max_size, seed, [](FileImage& image) {
    mend(image.tree);
    mend(image.log);
  });
}
