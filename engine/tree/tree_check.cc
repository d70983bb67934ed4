#include "engine/tree/tree_check.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "engine/base/result.h"
#include "engine/tree/descent.h"
#include "engine/tree/overflow.h"

namespace holdfast {
namespace {

class TreeWalk {
 public:
  TreeWalk(PageSource& source, TreeRef tree, TreeCheckSink& sink,
           std::span<const std::uint16_t> done)
      : source_(source), tree_(tree), sink_(sink), done_(done) {}

  Result<TreeTotals> run() {
    TRY(enter(tree_.root, kAnyLevel, {}));
    while (!open_.empty()) {
      Open& top = open_.back();
      if (top.next == top.children.size()) {
        open_.pop_back();
        continue;
      }
      const std::size_t i = top.next++;
      KeyBounds bounds{top.keys[i], top.bounds.high};
      if (i == 0) bounds.low = top.bounds.low;
      if (i + 1 < top.keys.size()) bounds.high = top.keys[i + 1];
      if (top.children[i] == kNoPage) continue;
      TRY(enter(top.children[i], top.level - 1, std::move(bounds)));
    }
    return totals_;
  }

 private:
  // An inner node whose children are being walked.
  struct Open {
    int level;
    KeyBounds bounds;
    std::vector<std::string> keys;  // One per child; the first is empty and means bounds.low.
    std::vector<PageId> children;   // kNoPage: unreadable, reported.
    std::size_t next = 0;
  };

  void report(std::string_view code, PageId page, std::string detail) {
    sink_.finding({code, std::move(detail), page});
  }

  Result<bool> claim(PageId id) {
    if (!sink_.go_on()) return fail(ErrorCode::kCancelled, "the check was cancelled");
    if (sink_.claim(id)) return true;
    report("page_shared", id, "page " + std::to_string(raw(id)) + " is named more than once");
    return false;
  }

  // The page, or nothing after a finding.
  Result<const std::byte*> fetch(PageId id) {
    Result<const std::byte*> page = source_.page(id);
    if (page || page.error().code() != ErrorCode::kDamaged) return page;
    sink_.finding({"page_damaged", page.error().message(), id, page.error().place().offset});
    return nullptr;
  }

  Result<void> enter(PageId id, int level, KeyBounds bounds) {
    if (!TRY(claim(id))) return {};
    const std::byte* page = TRY(fetch(id));
    if (page == nullptr) return {};
    NodeView node;
    if (const char* wrong = NodeView::open(page, source_.page_size(), tree_.id, node)) {
      report("node_layout", id, wrong);
      return {};
    }
    if (level != kAnyLevel && node.level() != level) {
      report("node_level", id,
             "node has level " + std::to_string(node.level()) + " where " + std::to_string(level) +
                 " should be");
      return {};
    }
    if (level == kAnyLevel) totals_.height = node.level() + 1u;
    ++totals_.nodes;
    totals_.bytes_used += node.bytes_used();
    if (node.leaf() && node.count() == 0 && level != kAnyLevel) {
      report("leaf_empty", id, "leaf is empty and not the root");
    }
    check_entries(node, bounds);
    if (node.leaf()) return leave_leaf(node);
    open(node, std::move(bounds));
    return {};
  }

  // Everything that can be said of a node alone, and of its keys within the bounds.
  void check_entries(const NodeView& node, const KeyBounds& bounds) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges;
    std::string before;
    std::string key;
    std::uint32_t live = 0;
    bool has_before = false;
    for (std::uint32_t i = 0; i < node.count(); ++i) {
      Record record;
      if (!node.record(i, record)) {
        report("node_record", node.id(), "record " + std::to_string(i) + " lies outside the heap");
        continue;
      }
      const std::uint32_t bytes = node.bytes_of(record);
      ranges.emplace_back(node.offset(i), bytes);
      live += bytes;
      if (node.head(i) != head_of(record.suffix)) {
        report("node_head", node.id(), "head " + std::to_string(i) + " is not its record's");
      }
      if (!node.leaf() && i == 0) {
        if (!record.suffix.empty())
          report("node_record", node.id(), "inner node's first record has a key");
        continue;
      }
      key.assign(node.prefix()).append(record.suffix);
      check_key(node, i, key, has_before ? &before : nullptr, bounds);
      before.swap(key);
      has_before = true;
    }
    check_heap(node, std::move(ranges), live);
  }

  void check_key(const NodeView& node, std::uint32_t index, const std::string& key,
                 const std::string* before, const KeyBounds& bounds) {
    const auto which = [&] { return "key " + std::to_string(index); };
    if (before != nullptr && key <= *before) {
      report("key_order", node.id(), which() + " is not after the one before it");
    }
    // An inner node's separators lie within its bounds too, and above the lower one.
    if ((bounds.low && (key < *bounds.low || (!node.leaf() && key == *bounds.low))) ||
        (bounds.high && key >= *bounds.high)) {
      report("key_bounds", node.id(), which() + " is outside what the parent's separators allow");
    }
    if (key.size() > max_key_bytes(node.page_size())) {
      report("key_size", node.id(), which() + " is longer than the limit");
    }
  }

  void check_heap(const NodeView& node, std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges,
                  std::uint32_t live) {
    std::ranges::sort(ranges);
    std::uint32_t end = 0;
    for (const auto& [at, bytes] : ranges) {
      if (at < end)
        report("record_overlap", node.id(), "records overlap at byte " + std::to_string(at));
      end = std::max(end, at + bytes);
    }
    const std::uint32_t heap = node.heap_end() - page_gap_end(node.page());
    if (ranges.size() == node.count() && live + node.garbage() != heap) {
      report("node_garbage", node.id(),
             "node accounts for " + std::to_string(live + node.garbage()) +
                 " bytes of records and garbage and has " + std::to_string(heap));
    }
  }

  Result<void> leave_leaf(const NodeView& node) {
    ++totals_.leaves;
    totals_.leaf_bytes_used += node.bytes_used();
    std::vector<OverflowStub> runs;
    const PageId id = node.id();
    for (std::uint32_t i = 0; i < node.count(); ++i) {
      Record record;
      if (!node.record(i, record)) continue;
      ++totals_.records;
      OverflowStub stub;
      if (!record.overflow) {
        if (record.payload.size() > max_inline_value_bytes(node.page_size())) {
          report("value_size", id,
                 "value " + std::to_string(i) + " is too long to stand in a leaf");
        }
      } else if (OverflowStub::decode(record.payload, node.page_size(), stub)) {
        runs.push_back(stub);
      } else {
        report("overflow_stub", id,
               "record " + std::to_string(i) + " names an impossible overflow run");
      }
    }
    for (const OverflowStub& run : runs) TRY(walk_run(run));
    return {};
  }

  Result<void> walk_run(const OverflowStub& run) {
    for (std::uint32_t i = 0; i < run.pages; ++i) {
      const PageId id = run.first + i;
      // What follows a page that isn't ours can't be taken for ours; one hostile stub claims a lot.
      if (!TRY(claim(id))) return {};
      ++totals_.overflow_pages;
      const std::byte* page = TRY(fetch(id));
      if (page == nullptr) continue;
      if (const char* wrong = check_overflow_page(page, source_.page_size(), tree_.id, run, i)) {
        report("overflow_page", id, wrong);
        return {};
      }
    }
    return {};
  }

  void open(const NodeView& node, KeyBounds bounds) {
    Open next{node.level(), std::move(bounds), {}, {}, 0};
    for (std::uint32_t i = 0; i < node.count(); ++i) {
      PageId child = kNoPage;
      if (!node.key(i, next.keys.emplace_back())) next.keys.back().clear();
      Record record;
      const bool sound = node.record(i, record);
      if (sound && !node.child(i, child)) {
        report("node_child", node.id(), "entry " + std::to_string(i) + " names no page");
      }
      next.children.push_back(sound ? child : kNoPage);
    }
    if (on_way_of_done()) next.next = std::min<std::size_t>(done_[done_met_++], node.count());
    open_.push_back(std::move(next));
  }

  // Whether the node to be opened next is the one that was being freed at its level.
  [[nodiscard]] bool on_way_of_done() const {
    if (open_.size() != done_met_ || done_met_ == done_.size()) return false;
    for (std::size_t i = 0; i < done_met_; ++i) {
      if (open_[i].next != done_[i] + std::size_t{1}) return false;
    }
    return true;
  }

  PageSource& source_;
  TreeRef tree_;
  TreeCheckSink& sink_;
  std::span<const std::uint16_t> done_;
  std::size_t done_met_ = 0;
  TreeTotals totals_;
  std::vector<Open> open_;  // One per level at most.
};

}  // namespace

Result<TreeTotals> tree_check(PageSource& source, TreeRef tree, TreeCheckSink& sink,
                              std::span<const std::uint16_t> done) {
  const PageGuard guard(source);
  return TreeWalk(source, tree, sink, done).run();
}

Result<void> run_check(PageSource& source, TreeId tree, PageId first, std::uint32_t pages,
                       TreeCheckSink& sink) {
  const PageGuard guard(source);
  for (std::uint32_t i = 0; i < pages; ++i) {
    const PageId id = first + i;
    if (!sink.go_on()) return fail(ErrorCode::kCancelled, "the check was cancelled");
    if (!sink.claim(id)) {
      sink.finding({"page_shared", "a page that is being freed is named more than once", id});
      return {};
    }
    const Result<const std::byte*> page = source.page(id);
    if (!page && page.error().code() != ErrorCode::kDamaged) return std::unexpected(page.error());
    if (!page) {
      sink.finding({"page_damaged", page.error().message(), id, page.error().place().offset});
    } else if (page_kind(*page) != PageKind::kOverflow || page_tree(*page) != tree) {
      sink.finding({"overflow_page", "page is not an overflow page of this tree", id});
      return {};
    }
  }
  return {};
}

}  // namespace holdfast
