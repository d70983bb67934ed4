// A disk in memory that can lose power: after crash() only what was synced is sure to be there;
// each unsynced 512-byte sector of a file, and each unsynced name, is there or not as a seed
// decides. Faults can be asked for by kind. Thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/sync.h"
#include "engine/storage/place.h"
#include "engine/storage/storage.h"

namespace holdfast::testing {

class CrashStorage final : public Storage {
 public:
  static constexpr std::size_t kSector = 512;
  enum class Op { kWrite, kSync, kAllocate, kRename, kRead, kSyncDirectory };
  using Bytes = std::vector<std::byte>;
  struct Node {
    Bytes live, durable;
    std::set<std::size_t> dirty;    // Sectors.
    std::set<std::size_t> sealed;   // 4 KiB blocks that a sync covered while they held something.
    std::set<std::size_t> written;  // 4 KiB blocks that hold something since the last sync.
  };

  // Answers an error to fail with, or nothing. Called under the lock.
  std::function<std::optional<ErrorCode>(Op, const std::string& path)> fault;
  std::uint64_t syncs = 0, writes = 0;
  std::vector<std::string> violations;  // Writes over sealed blocks.

  Result<std::unique_ptr<StorageFile>> open(const std::string& path, FileMode mode) override {
    MutexLock lock(mutex_);
    auto it = names_.find(path);
    if (mode == FileMode::kCreateNew) {
      if (it != names_.end()) return fail(ErrorCode::kAlreadyExists, "exists", place_in(path));
      it = names_.emplace(path, std::make_shared<Node>()).first;
    }
    if (it == names_.end()) return fail(ErrorCode::kNotFound, "no such file", place_in(path));
    return std::make_unique<File>(*this, path, it->second);
  }
  Result<bool> exists(const std::string& path) override {
    MutexLock lock(mutex_);
    return names_.contains(path);
  }
  Result<std::vector<std::string>> list(const std::string& directory,
                                        const std::string& prefix) override {
    MutexLock lock(mutex_);
    std::vector<std::string> out;
    for (const auto& [path, node] : names_) {
      if (directory_of(path) == directory && name_of(path).starts_with(prefix)) {
        out.push_back(name_of(path));
      }
    }
    return out;
  }
  Result<void> rename(const std::string& from, const std::string& to, bool replace) override {
    MutexLock lock(mutex_);
    TRY(check(Op::kRename, from));
    if (!replace && names_.contains(to)) return fail(ErrorCode::kAlreadyExists, "exists");
    if (!names_.contains(from)) return fail(ErrorCode::kNotFound, "no such file", place_in(from));
    names_[to] = names_[from];
    names_.erase(from);
    return {};
  }
  Result<void> remove(const std::string& path) override {
    MutexLock lock(mutex_);
    if (names_.erase(path) == 0) return fail(ErrorCode::kNotFound, "no such file", place_in(path));
    return {};
  }
  Result<void> sync_directory(const std::string& directory) override {
    MutexLock lock(mutex_);
    TRY(check(Op::kSyncDirectory, directory));
    durable_names_ = names_;
    return {};
  }
  void submit(std::span<IoRequest>) override {}
  void complete(std::span<IoRequest>) override {}

  // Power comes back: another storage with what survived.
  std::unique_ptr<CrashStorage> crash(std::uint64_t seed, double keep = 0.5) {
    MutexLock lock(mutex_);
    std::mt19937_64 random(seed);
    std::bernoulli_distribution lucky(keep);
    auto after = std::make_unique<CrashStorage>();
    std::map<std::string, std::shared_ptr<Node>> names = durable_names_;
    for (const auto& [path, node] : names_) {
      if (!names.contains(path) && lucky(random)) names[path] = node;
    }
    for (const auto& [path, node] : durable_names_) {
      if (!names_.contains(path) && lucky(random)) names.erase(path);
    }
    for (const auto& [path, node] : names) {
      auto kept = std::make_shared<Node>();
      kept->live = node->durable;
      if (lucky(random)) kept->live.resize(std::max(kept->live.size(), node->live.size()));
      for (const std::size_t sector : node->dirty) {
        const std::size_t at = sector * kSector;
        if (at >= kept->live.size() || !lucky(random)) continue;
        const std::size_t end = std::min({at + kSector, kept->live.size(), node->live.size()});
        if (end > at) std::memcpy(kept->live.data() + at, node->live.data() + at, end - at);
      }
      kept->durable = kept->live;
      kept->sealed = node->sealed;
      after->names_[path] = kept;
    }
    after->durable_names_ = after->names_;
    return after;
  }
  // A copy of everything as it stands, synced.
  std::unique_ptr<CrashStorage> clone() { return crash(0, 1.0); }

  Bytes& bytes(const std::string& path) { return names_.at(path)->live; }
  std::vector<std::string> paths() const {
    std::vector<std::string> out;
    for (const auto& [path, node] : names_) out.push_back(path);
    return out;
  }

 private:
  Result<void> check(Op op, const std::string& path) {
    if (!fault) return {};
    if (auto code = fault(op, path)) return fail(*code, "a fault was asked for", place_in(path));
    return {};
  }

  class File final : public StorageFile {
   public:
    File(CrashStorage& storage, std::string path, std::shared_ptr<Node> node)
        : storage_(storage), path_(std::move(path)), node_(std::move(node)) {}
    const std::string& path() const override { return path_; }
    Result<std::uint64_t> size() override {
      MutexLock lock(storage_.mutex_);
      return node_->live.size();
    }
    Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> buffer) override {
      MutexLock lock(storage_.mutex_);
      TRY(storage_.check(Op::kRead, path_));
      if (offset >= node_->live.size()) return 0;
      const std::size_t got = std::min<std::size_t>(buffer.size(), node_->live.size() - offset);
      std::memcpy(buffer.data(), node_->live.data() + offset, got);
      return got;
    }
    Result<void> write(std::uint64_t offset, std::span<const std::byte> bytes) override {
      MutexLock lock(storage_.mutex_);
      ++storage_.writes;
      TRY(storage_.check(Op::kWrite, path_));
      if (node_->live.size() < offset + bytes.size()) node_->live.resize(offset + bytes.size());
      std::memcpy(node_->live.data() + offset, bytes.data(), bytes.size());
      const std::size_t end = offset + bytes.size();
      for (std::size_t sector = offset / kSector; sector * kSector < end; ++sector) {
        node_->dirty.insert(node_->dirty.end(), sector);
      }
      for (std::size_t block = offset / 4096; block * 4096 < end; ++block) {
        if (node_->sealed.contains(block)) {
          storage_.violations.push_back(path_ + " block " + std::to_string(block));
        }
        const auto from = node_->live.begin() + static_cast<std::ptrdiff_t>(block * 4096);
        const auto to = from + std::min<std::ptrdiff_t>(4096, node_->live.end() - from);
        if (std::any_of(from, to, [](std::byte b) { return b != std::byte{0}; })) {
          node_->written.insert(block);
        }
      }
      return {};
    }
    Result<std::size_t> read_past_cache(std::uint64_t offset,
                                        std::span<std::byte> buffer) override {
      return read(offset, buffer);
    }
    bool reads_past_cache() const override { return true; }
    Result<void> allocate(std::uint64_t offset, std::uint64_t length) override {
      MutexLock lock(storage_.mutex_);
      TRY(storage_.check(Op::kAllocate, path_));
      if (node_->live.size() < offset + length) node_->live.resize(offset + length);
      return {};
    }
    Result<void> truncate(std::uint64_t size) override {
      MutexLock lock(storage_.mutex_);
      node_->live.resize(size);
      return {};
    }
    Result<void> sync() override {
      MutexLock lock(storage_.mutex_);
      ++storage_.syncs;
      TRY(storage_.check(Op::kSync, path_));
      for (const std::size_t block : node_->written) node_->sealed.insert(block);
      node_->written.clear();
      node_->durable.resize(node_->live.size());
      for (const std::size_t sector : node_->dirty) {
        const std::size_t at = sector * kSector;
        const std::size_t end = std::min(at + kSector, node_->live.size());
        if (end > at) std::memcpy(node_->durable.data() + at, node_->live.data() + at, end - at);
      }
      node_->dirty.clear();
      return {};
    }
    Result<void> lock(LockMode) override { return {}; }

   private:
    CrashStorage& storage_;
    std::string path_;
    std::shared_ptr<Node> node_;
  };

  Mutex mutex_;
  std::map<std::string, std::shared_ptr<Node>> names_, durable_names_;
};

}  // namespace holdfast::testing
