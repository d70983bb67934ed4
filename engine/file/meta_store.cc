#include "engine/file/meta_store.h"

#include <cstring>
#include <optional>

#include "engine/base/result.h"

namespace holdfast {
namespace {

using Block = std::array<std::byte, kMetaBytes>;

constexpr unsigned pair_of(unsigned copy) {
  return copy & 1U;
}

std::optional<Error> worse(const std::optional<Error>& a, const Error& b) {
  auto rank = [](ErrorCode code) {
    return code == ErrorCode::kUnsupportedFormat ? 3
           : code == ErrorCode::kIo              ? 2
           : code == ErrorCode::kDamaged         ? 1
                                                 : 0;
  };
  return !a || rank(b.code()) > rank(a->code()) ? b : *a;
}

}  // namespace

Result<MetaStore> MetaStore::open(StorageFile& file) {
  MetaStore store(file);
  std::array<std::optional<Meta>, kMetaCopies> found;
  std::optional<Error> trouble;
  std::array<std::optional<Error>, 2> unread;
  std::array<bool, kMetaCopies> was_read{};
  for (unsigned copy = 0; copy < kMetaCopies; ++copy) {
    Block block{};
    const ErrorPlace place{
        .file = file.path(), .offset = meta_offset(copy), .page = {}, .tree = {}, .txn = {}};
    auto bytes = file.read_past_cache(meta_offset(copy), block);
    if (!bytes) {
      trouble = worse(trouble, bytes.error());
      unread[pair_of(copy)] = bytes.error();
      continue;
    }
    was_read[copy] = true;
    auto meta = decode_meta(block);
    if (meta) {
      found[copy] = *meta;
    } else {
      trouble = worse(trouble, meta.error().at(place));
    }
  }
  std::optional<unsigned> newest;
  for (unsigned copy = 0; copy < kMetaCopies; ++copy) {
    if (found[copy] && (!newest || found[copy]->generation > found[*newest]->generation))
      newest = copy;
  }
  // A newer format anywhere means that a newer library owns the file, whatever else is there.
  if (trouble && trouble->code() == ErrorCode::kUnsupportedFormat) return std::unexpected(*trouble);
  if (!newest) return std::unexpected(*trouble);
  // A pair of which nothing could be read may hold a newer generation than any that was.
  for (unsigned pair = 0; pair < 2; ++pair) {
    if (found[pair] || found[pair + 2]) continue;
    if (unread[pair]) return std::unexpected(*unread[pair]);
  }
  store.meta_ = *found[*newest];
  store.pair_ = pair_of(*newest);
  // A lone copy that can't be read may be what a crash left of the next generation: no other state
  // may get its number.
  store.step_ = unread[0] || unread[1] ? 2 : 1;
  for (unsigned copy = store.pair_; copy < kMetaCopies; copy += 2) {
    if (found[copy] && found[copy]->generation == store.meta_.generation) continue;
    ++store.bad_copies_;
    store.to_restore_.push_back(copy);
  }
  for (unsigned copy = 1 - store.pair_; copy < kMetaCopies; copy += 2) {
    const unsigned twin = (copy + 2) % kMetaCopies;
    if (!was_read[copy] && found[twin]) store.unread_.emplace(copy, *found[twin]);
  }
  return store;
}

Result<void> MetaStore::restore_copies() {
  if (!to_restore_.empty()) TRY(write_copies(meta_, to_restore_));
  to_restore_.clear();
  if (unread_) TRY(write_copies(unread_->second, std::array{unread_->first}));
  unread_.reset();
  return {};
}

Result<void> MetaStore::write(Meta meta) {
  const unsigned pair = 1 - pair_;
  meta.generation = next_generation();
  TRY(write_copies(meta, std::array{pair, pair + 2}));
  meta_ = std::move(meta);
  pair_ = pair;
  step_ = 1;
  bad_copies_ = 0;
  to_restore_.clear();
  unread_.reset();
  return {};
}

Result<void> MetaStore::write_copies(const Meta& meta, std::span<const unsigned> copies) {
  Block block;
  encode_meta(meta, block);
  // What nobody could read would be found at the next opening, when an older state opens.
  if (auto readable = decode_meta(block); !readable) {
    return fail(
        ErrorCode::kInternal, "a meta block was to be written that no opening would accept",
        {.file = file_->path(), .offset = {}, .page = {}, .tree = {}, .txn = raw(meta.txn)});
  }
  for (unsigned copy : copies) TRY(file_->write(meta_offset(copy), block));
  TRY(file_->sync());
  for (unsigned copy : copies) {
    Block back{};
    const std::size_t bytes = TRY(file_->read_past_cache(meta_offset(copy), back));
    if (bytes != kMetaBytes || std::memcmp(back.data(), block.data(), kMetaBytes) != 0) {
      return fail(
          ErrorCode::kIo, "a meta block reads back differently from what was written and synced",
          {.file = file_->path(), .offset = meta_offset(copy), .page = {}, .tree = {}, .txn = {}});
    }
  }
  return {};
}

}  // namespace holdfast
