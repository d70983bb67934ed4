// Changes written down now and made later: in any thread, without a transaction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "holdfast/error.h"
#include "holdfast/export.h"
#include "holdfast/tree.h"

namespace holdfast {

/// A list of puts and erases, in order; the later one of a key wins. It takes copies of keys and
/// values. Apply it with Database::write() or WriteTransaction::apply(), as often as you like, to
/// any database: nothing is looked up or tested before. A plain value: copy it, move it, use it in
/// one thread at a time; while write() runs it must stay as it is.
class HOLDFAST_EXPORT WriteBatch {
 public:
  /// Errors: kOutOfMemory, kLimitExceeded (a key or value of 4 GiB or more). Nothing is added then.
  [[nodiscard]] Result<void> put(std::string_view key, std::string_view value) {
    return put(Tree{}, key, value);
  }
  [[nodiscard]] Result<void> put(Tree tree, std::string_view key, std::string_view value);
  /// There need not be such a record.
  [[nodiscard]] Result<void> erase(std::string_view key) { return erase(Tree{}, key); }
  [[nodiscard]] Result<void> erase(Tree tree, std::string_view key);

  /// Forgets everything, and keeps the memory for what comes.
  void clear() noexcept;
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  /// Memory that the list takes, the keys and values in it.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_.size(); }

  /// What was written down.
  struct Change {
    Tree tree;
    bool is_put = false;
    std::string_view key;    ///< Both are good until the batch changes or ends.
    std::string_view value;  ///< Of a put.
  };
  /// Reads the change at `at`, from 0 on, and moves `at` to the next; false at the end.
  [[nodiscard]] bool next(std::size_t& at, Change& change) const noexcept;

 private:
  Result<void> add(Tree tree, bool is_put, std::string_view key, std::string_view value);

  std::string bytes_;  // Per change: kind, tree id, lengths, key, value.
  std::size_t count_ = 0;
};

}  // namespace holdfast
