// A tree by its id.
#pragma once

#include <cstdint>

namespace holdfast {

/// A plain value: keep it as long as you like, use it with any transaction of the same database; if
/// the tree is gone, or was never committed, calls answer kNotFound.
class Tree {
 public:
  /// The tree that every database has.
  constexpr Tree() = default;
  constexpr explicit Tree(std::uint32_t id) : id_(id) {}
  [[nodiscard]] constexpr std::uint32_t id() const noexcept { return id_; }
  friend constexpr bool operator==(Tree, Tree) = default;

 private:
  std::uint32_t id_ = 1;
};

}  // namespace holdfast
