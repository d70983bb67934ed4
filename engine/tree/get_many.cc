#include "engine/tree/get_many.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "engine/base/result.h"
#include "engine/tree/descent.h"
#include "engine/tree/node_view.h"

namespace holdfast {
namespace {

constexpr std::size_t kLanes = 16;  // Prefetches in flight that processors keep up with.

constexpr int kRounds = 5;  // Levels of a large tree.

// One key's way down.
struct Lane {
  std::size_t index = 0;  // Of the key.
  const std::byte* page = nullptr;
  int level = kAnyLevel;
  PageId missing = kNoPage;  // Not in memory: where it had to stop.
};

enum class Step : std::uint8_t {
  kDown,   // The lane stands on the next page.
  kDone,   // Answered.
  kAlone,  // A page is missing, or damage: a lookup of its own finds out.
};

Step step(PageSource& source, TreeRef tree, std::string_view key, Lane& lane,
          std::optional<std::string>& value) {
  NodeView node;
  if (NodeView::open(lane.page, source.page_size(), tree.id, node) != nullptr) return Step::kAlone;
  if (lane.level != kAnyLevel && node.level() != lane.level) return Step::kAlone;
  if (!node.leaf()) {
    std::uint32_t index = 0;
    PageId child = kNoPage;
    if (!node.child_for(key, index) || !node.child(index, child)) return Step::kAlone;
    lane.level = node.level() - 1;
    lane.page = source.peek(child);
    if (lane.page == nullptr) {
      lane.missing = child;
      return Step::kAlone;
    }
    prefetch_node(lane.page, source.page_size());
    return Step::kDown;
  }
  NodePlace place;
  if (!node.lower_bound(key, place)) return Step::kAlone;
  if (!place.found) {
    value.reset();
    return Step::kDone;
  }
  Record record;
  if (!node.record(place.index, record) || record.overflow) return Step::kAlone;
  value.emplace(record.payload);
  return Step::kDone;
}

// Answers which lanes are left, to be looked up one by one.
std::size_t go_down(PageSource& source, TreeRef tree, std::span<const std::string_view> keys,
                    std::span<std::optional<std::string>> values, std::span<Lane> lanes) {
  const PageGuard guard(source);
  const std::byte* root = source.peek(tree.root);
  if (root == nullptr) {
    for (Lane& lane : lanes) lane.missing = tree.root;
    return lanes.size();
  }
  for (Lane& lane : lanes) lane = {lane.index, root, kAnyLevel, kNoPage};
  std::size_t alone = 0;  // Moved to the front.
  std::size_t active = lanes.size();
  while (alone < active) {  // Levels fall.
    for (std::size_t at = alone; at < active;) {
      Lane& lane = lanes[at];
      switch (step(source, tree, keys[lane.index], lane, values[lane.index])) {
        case Step::kDown:
          ++at;
          break;
        case Step::kDone:
          std::swap(lane, lanes[--active]);
          break;
        case Step::kAlone:
          std::swap(lane, lanes[alone++]);
          at = std::max(at, alone);
          break;
      }
    }
  }
  return alone;
}

// Reads the pages at which these had to stop, as one set. False: there were none.
bool fetch_missing(PageSource& source, std::span<const Lane> lanes) {
  std::array<PageId, kLanes> pages;
  std::size_t count = 0;
  for (const Lane& lane : lanes) {
    if (lane.missing != kNoPage) pages[count++] = lane.missing;
  }
  std::sort(pages.begin(), pages.begin() + count);
  count =
      static_cast<std::size_t>(std::unique(pages.begin(), pages.begin() + count) - pages.begin());
  if (count == 0) return false;
  const PageGuard guard(source);
  source.fetch(std::span(pages).first(count));
  return true;
}

}  // namespace

Result<void> tree_get_many(PageSource& source, TreeRef tree, std::span<const std::string_view> keys,
                           std::span<std::optional<std::string>> values) {
  std::array<Lane, kLanes> all;
  for (std::size_t from = 0; from < keys.size(); from += kLanes) {
    const std::span lanes = std::span(all).first(std::min(kLanes, keys.size() - from));
    for (std::size_t i = 0; i < lanes.size(); ++i) lanes[i].index = from + i;
    std::size_t alone = go_down(source, tree, keys, values, lanes);
    // Each round brings those that go on a level further down.
    for (int round = 0; round < kRounds && alone > 1; ++round) {
      if (!fetch_missing(source, lanes.first(alone))) break;
      alone = go_down(source, tree, keys, values, lanes.first(alone));
    }
    for (const Lane& lane : lanes.first(alone)) {
      std::string value;
      const bool found = TRY(tree_get(source, tree, keys[lane.index], value));
      values[lane.index].reset();
      if (found) values[lane.index] = std::move(value);
    }
  }
  return {};
}

}  // namespace holdfast
