// What the harness sees and changes behind the engine's back.
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/bytes.h"
#include "fuzz/lab/sim_disk.h"

namespace holdfast {
namespace {

void patch_view(std::vector<std::byte>& view, std::uint64_t offset,
                std::span<const std::byte> bytes) {
  if (offset >= view.size()) return;
  const std::size_t length = std::min<std::uint64_t>(bytes.size(), view.size() - offset);
  std::memcpy(view.data() + offset, bytes.data(), length);
}

}  // namespace

SimInode* SimDisk::find_inode(const std::string& path) const {
  auto inode = names_.find(path);
  if (!inode) inode = names_.find_durable(path);
  return inode ? inodes_[*inode].get() : nullptr;
}

std::span<const std::byte> SimDisk::durable_bytes(const std::string& path) const {
  const SimInode* inode = find_inode(path);
  return inode == nullptr ? std::span<const std::byte>() : std::span(inode->medium);
}

std::span<const std::byte> SimDisk::cached_bytes(const std::string& path) const {
  const SimInode* inode = find_inode(path);
  return inode == nullptr ? std::span<const std::byte>() : std::span(inode->cache);
}

std::vector<std::string> SimDisk::paths() const {
  std::vector<std::string> paths;
  for (const NameEntry& entry : names_.seen()) paths.push_back(entry.path);
  std::sort(paths.begin(), paths.end());
  return paths;
}

void SimDisk::flip_bit(const std::string& path, std::uint64_t bit, Where where) {
  const SimInode* inode = find_inode(path);
  if (inode == nullptr || bit / 8 >= inode->medium.size()) return;
  const std::byte flipped = inode->medium[bit / 8] ^ (std::byte{1} << (bit % 8));
  patch(path, bit / 8, std::span(&flipped, 1), where);
}

void SimDisk::patch(const std::string& path, std::uint64_t offset, std::span<const std::byte> bytes,
                    Where where) {
  SimInode* inode = find_inode(path);
  if (inode == nullptr) return;
  patch_view(inode->medium, offset, bytes);
  if (where == Where::kMediumAndCache) {
    patch_view(inode->cache, offset, bytes);
  } else {
    inode->diverged = true;
  }
  rule_.durable_changed();
}

void SimDisk::set_file(const std::string& path, std::span<const std::byte> bytes) {
  SimInode* inode = find_inode(path);
  const std::uint32_t number =
      inode != nullptr ? names_.find(path).value_or(names_.find_durable(path).value_or(0))
                       : take_inode(path);
  names_.place(path, number);
  inode = inodes_[number].get();
  inode->cache.assign(bytes.begin(), bytes.end());
  inode->medium = inode->cache;
  inode->ops.clear();
  inode->arena.clear();
  inode->limbo.clear();
  inode->limbo_bytes.clear();
  inode->sealed.clear();
  inode->diverged = false;
  rule_.durable_changed();
}

void SimDisk::drop_file(const std::string& path) {
  names_.drop(path);
  collect_inodes();
}

void SimDisk::make_unreadable(const std::string& path, std::uint64_t offset, std::uint64_t length) {
  if (SimInode* inode = find_inode(path)) inode->unreadable.emplace_back(offset, length);
}

void SimDisk::make_readable(const std::string& path) {
  if (SimInode* inode = find_inode(path)) inode->unreadable.clear();
}

std::array<std::uint64_t, 2> SimDisk::durable_hash() const {
  std::vector<const NameEntry*> entries;
  for (const NameEntry& entry : names_.durable()) entries.push_back(&entry);
  std::sort(entries.begin(), entries.end(),
            [](const NameEntry* a, const NameEntry* b) { return a->path < b->path; });
  std::vector<XXH128_hash_t> hashes;
  for (const NameEntry* entry : entries) {
    const std::vector<std::byte>& medium = inodes_[entry->inode]->medium;
    hashes.push_back(XXH3_128bits(entry->path.data(), entry->path.size()));
    hashes.push_back(XXH3_128bits(medium.data(), medium.size()));
  }
  const XXH128_hash_t hash = XXH3_128bits(hashes.data(), hashes.size() * sizeof hashes[0]);
  return {hash.high64, hash.low64};
}

void SimDisk::watch(const std::string& path, NeededRanges needed) {
  rule_.watch(path, std::move(needed));
  for (auto& inode : inodes_) inode->watch = -1;
  for (const NameEntry& entry : names_.seen()) {
    inodes_[entry.inode]->watch = rule_.watch_of(entry.path);
  }
}

void SimDisk::unwatch() {
  rule_.clear_watches();
  for (auto& inode : inodes_) inode->watch = -1;
}

}  // namespace holdfast
