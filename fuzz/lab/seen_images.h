// The images of a workload that were recovered already, and what came back: the same image gives
// the same state again, which is then only compared with what its own moment promises.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>

#include "engine/base/sync.h"

namespace holdfast {

class SeenImages {
 public:
  using Hash = std::array<std::uint64_t, 2>;

  // The transaction that this image came back with; nothing for a new one, which then counts as
  // seen, and for one that somebody else is recovering.
  std::optional<std::uint64_t> find_or_add(const Hash& hash) {
    MutexLock guard(mutex_);
    const auto [at, added] = images_.try_emplace(hash, kUnknown);
    if (added || at->second == kUnknown) return std::nullopt;
    return at->second;
  }
  void recovered(const Hash& hash, std::uint64_t txn) {
    MutexLock guard(mutex_);
    images_[hash] = txn;
    states_.insert(txn);
  }
  // True for one that wasn't there.
  bool add(const Hash& hash) {
    MutexLock guard(mutex_);
    return images_.try_emplace(hash, kUnknown).second;
  }
  [[nodiscard]] std::size_t size() const {
    MutexLock guard(mutex_);
    return images_.size();
  }
  // How many states came back, all together.
  [[nodiscard]] std::size_t states() const {
    MutexLock guard(mutex_);
    return states_.size();
  }
  void clear() {
    MutexLock guard(mutex_);
    images_.clear();
    states_.clear();
  }

 private:
  static constexpr std::uint64_t kUnknown = 0;
  struct Low {  // A hash of a hash.
    std::size_t operator()(const Hash& hash) const { return hash[1]; }
  };

  mutable Mutex mutex_;
  std::unordered_map<Hash, std::uint64_t, Low> images_;
  std::set<std::uint64_t> states_;
};

}  // namespace holdfast
