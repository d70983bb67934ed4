#include "engine/new_file.h"

#include <array>
#include <span>
#include <string_view>

#include "engine/base/boundary.h"
#include "engine/base/result.h"
#include "wal/segment.h"

namespace holdfast {
namespace {

constexpr std::string_view kNewSuffix = ".new-";
constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::size_t kNewDigits = 16;

// Whether something was committed when the log file was made, or later.
Result<bool> follows_a_commit(Storage& storage, const FoundSegment& segment) {
  if (segment.header.uuid == Uuid{}) return false;  // No segment.
  if (segment.header.ref.start != Lsn{}) return true;
  auto file = TRY(storage.open(segment.path, FileMode::kReadOnly));
  std::array<std::byte, sizeof kBatchMagic> first{};
  TRY(file->read(kSegmentBodyOffset, first));
  return first != std::array<std::byte, sizeof kBatchMagic>{};
}

}  // namespace

void remove_stale(Storage& storage, const std::string& path) {
  const std::string prefix = name_of(path) + std::string(kNewSuffix);
  auto names = storage.list(directory_of(path), prefix);
  if (!names) return;
  for (const std::string& name : *names) {
    const std::string_view tail = std::string_view(name).substr(prefix.size());
    if (tail.size() != kNewDigits || tail.find_first_not_of(kHexDigits) != tail.npos) continue;
    const std::string stale = directory_of(path) + "/" + name;
    auto file = storage.open(stale, FileMode::kReadWrite);
    if (!file || !(*file)->lock(LockMode::kExclusive)) continue;
    if (!storage.remove(stale)) continue;  // It only takes space; the next creation tries again.
  }
}

Result<void> refuse_beside_a_log(Storage& storage, const std::string& path) {
  const SegmentList list =
      TRY(list_segments(storage, path, Uuid{}, FileMode::kReadOnly, /*past_cache=*/false));
  for (const FoundSegment& segment : list.segments) {
    if (!TRY(follows_a_commit(storage, segment))) continue;
    return fail(ErrorCode::kDamaged,
                "there is no such database, and here is the log of one, which may hold its last "
                "transactions; bring the database file back, or move its log away to create a new "
                "one",
                {.file = segment.path, .offset = {}, .page = {}, .tree = {}, .txn = {}});
  }
  return {};
}

std::string temporary_name(const std::string& path, Random& random) {
  std::string name = path + std::string(kNewSuffix);
  const auto bytes = random.bytes16();
  for (std::byte b : std::span(bytes).first(kNewDigits / 2)) {
    name += kHexDigits[std::to_integer<unsigned>(b) >> 4];
    name += kHexDigits[std::to_integer<unsigned>(b) & 15];
  }
  return name;
}

Result<void> make_new_file(const Environment& environment, const std::string& target,
                           const std::string& original,
                           const std::function<Result<void>(StorageFile&)>& write) {
  Storage& storage = *environment.storage;
  const auto taken = [&] {
    return fail(ErrorCode::kAlreadyExists,
                "there is a file of this name already, and none is replaced; choose another",
                {.file = target, .offset = {}, .page = {}, .tree = {}, .txn = {}});
  };
  if (TRY(storage.exists(target))) return taken();
  remove_stale(storage, target);
  const std::string temporary = temporary_name(target, *environment.random);
  auto file = TRY(storage.create_like(temporary, original, Rights::kAtMost));
  auto done = at_boundary([&]() -> Result<void> {
    TRY(file->lock(LockMode::kExclusive));
    TRY(write(*file));
    return storage.rename(temporary, target, false);
  });
  file.reset();
  const bool named = done.has_value();
  if (named) done = at_boundary([&] { return storage.sync_directory(directory_of(target)); });
  if (done) return {};
  // What it left only takes space; the next one of this name tries again.
  (void)at_boundary([&] { return storage.remove(named ? target : temporary); });
  if (done.error().code() == ErrorCode::kAlreadyExists) return taken();
  return done;
}

Result<void> make_new_database(const Environment& environment, const std::string& target,
                               const std::string& original,
                               const std::function<Result<void>(StorageFile&)>& write) {
  if (!TRY(environment.storage->exists(target)))
    TRY(refuse_beside_a_log(*environment.storage, target));
  return make_new_file(environment, target, original, write);
}

}  // namespace holdfast
