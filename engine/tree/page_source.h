// What a tree needs of whatever keeps its pages. The transactions of engine/txn implement it; tests
// do with a std::map.
//
// Pages come verified: the tag, id and check are right. Their tree id, kind and level are for the
// tree to test, and what the body claims too: bytes from disk never reach an assertion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "engine/base/types.h"
#include "engine/page/edit.h"
#include "engine/page/page_format.h"
#include "holdfast/error.h"

namespace holdfast {

class PageSource;

// Pages that are worth reading at a time: what disks keep up with.
inline constexpr std::uint32_t kFetchMost = 32;

// Keeps one page's content in place. Move-only; an empty one keeps nothing.
class PagePin {
 public:
  PagePin() = default;
  PagePin(PageSource* source, const std::byte* page, std::uint32_t token)
      : source_(source), page_(page), token_(token) {}
  PagePin(PagePin&& other) noexcept
      : source_(std::exchange(other.source_, nullptr)),
        page_(std::exchange(other.page_, nullptr)),
        token_(other.token_) {}
  PagePin& operator=(PagePin&& other) noexcept {
    if (this != &other) {
      reset();
      source_ = std::exchange(other.source_, nullptr);
      page_ = std::exchange(other.page_, nullptr);
      token_ = other.token_;
    }
    return *this;
  }
  ~PagePin() { reset(); }
  inline void reset() noexcept;
  [[nodiscard]] const std::byte* page() const { return page_; }
  explicit operator bool() const { return page_ != nullptr; }

 private:
  PageSource* source_ = nullptr;
  const std::byte* page_ = nullptr;
  std::uint32_t token_ = 0;
};

// Reading, as of one snapshot.
class PageSource {
 public:
  virtual ~PageSource() = default;

  [[nodiscard]] virtual std::uint32_t page_size() const = 0;

  // Between enter() and leave() pointers from page() may be used; no waiting on user code there.
  // Calls nest.
  virtual void enter() = 0;
  virtual void leave() = 0;

  // The page's content as of the snapshot. Good until the next call of page() or pin() on this
  // source or until leave(), whichever is first: a miss may let go of earlier pages. (In a write
  // transaction pages obtained by PageSink::edit() or create() stay where they are until the change
  // is made, or they are finished().)
  // Errors: kDamaged (with place), kIo, kPoisoned, kLimitExceeded (no frame to be had).
  virtual Result<const std::byte*> page(PageId id) = 0;

  // The same if the page is in memory already; nullptr if it isn't, or can't be had without letting
  // go of others: what earlier peeks answered stays good. May always say nullptr.
  virtual const std::byte* peek(PageId) noexcept { return nullptr; }

  // Whether page() would wait for storage; may say so of what is in memory.
  [[nodiscard]] virtual bool at_hand(PageId id) noexcept { return peek(id) != nullptr; }

  // These will be asked for soon: brings those that aren't in memory there, with waits that
  // overlap. As many as there is room for, kFetchMost at most; of those after them storage may
  // begin to read. Whatever is wrong with one is told by page(). Pages that page() answered before
  // may be let go of.
  virtual void fetch(std::span<const PageId>) {}

  // As page(), kept beyond leave(). An empty pin when too many are held: then use page() each time.
  virtual Result<PagePin> pin(PageId id) = 0;
  virtual void unpin(std::uint32_t token) noexcept = 0;

  // Grows with every change made through a PageSink; constant for a snapshot.
  [[nodiscard]] virtual std::uint64_t change_count() const { return 0; }
};

// The source's error, with the tree that it can't know.
inline std::unexpected<Error> in_tree(TreeId tree, const Error& error) {
  ErrorPlace place;
  place.tree = raw(tree);
  return std::unexpected(error.at(place));
}

inline Result<const std::byte*> page_of(PageSource& source, TreeId tree, PageId id) {
  auto page = source.page(id);
  if (!page) [[unlikely]]
    return in_tree(tree, page.error());
  return page;
}

inline void PagePin::reset() noexcept {
  if (source_ != nullptr) source_->unpin(token_);
  source_ = nullptr;
  page_ = nullptr;
}

class PageGuard {
 public:
  explicit PageGuard(PageSource& source) : source_(source) { source_.enter(); }
  ~PageGuard() { source_.leave(); }
  PageGuard(const PageGuard&) = delete;
  PageGuard& operator=(const PageGuard&) = delete;

 private:
  PageSource& source_;
};

// What a tree has let go of without reading it: the subtree below a page, or the run of a long
// value.
struct CutPart {
  TreeId tree{};
  PageId first{};               // The subtree's root, or the run's first page.
  std::uint32_t run_pages = 0;  // 0: a subtree.
  bool damaged = false;         // Can't be read: to be kept in mind, not to be freed.
};

// Pages with consecutive ids that go to storage as they are written, once, and aren't in memory
// after that. Nobody knows of them before join(); destroyed without it, they and their ids are
// free. It ends before its sink does. An error leaves the sink as it was; only destroying the run
// is left then.
class PageRun {
 public:
  PageRun() = default;
  virtual ~PageRun() = default;
  PageRun(const PageRun&) = delete;
  PageRun& operator=(const PageRun&) = delete;

  [[nodiscard]] virtual PageId first() const = 0;
  [[nodiscard]] virtual std::uint32_t pages() const = 0;  // So far.
  // The next page, formatted, to be filled before the next call. kLimitExceeded: that were more
  // than the run was begun for. kDiskFull, kIo.
  virtual Result<Editor> next(PageKind kind, std::uint8_t level) = 0;
  // They are pages of the sink from here on, like those it has created. After the last next().
  virtual Result<void> join() = 0;
};

// Writing, within one write transaction.
class PageSink : public PageSource {
 public:
  // A private copy to change. Repeated calls for one page give the same copy. Errors as page(), and
  // kLimitExceeded when the transaction has no room for another page, kDiskFull.
  virtual Result<Editor> edit(PageId id) = 0;

  // A new formatted page.
  virtual Result<Editor> create(TreeId tree, PageKind kind, std::uint8_t level) = 0;

  // `count` new formatted overflow pages with consecutive ids; answers the first. Reach each by
  // edit().
  virtual Result<PageId> create_run(TreeId tree, std::uint32_t count) = 0;

  // Whether so many bytes, all for new pages, had better go to a PageRun.
  [[nodiscard]] virtual bool writes_once(std::uint64_t) const { return false; }
  // For up to `most` pages: as many ids as that are spoken for until the run ends.
  virtual Result<std::unique_ptr<PageRun>> begin_run(TreeId, std::uint32_t) {
    return std::unexpected(Error(ErrorCode::kInternal, "pages can't be written in runs here"));
  }

  // The page is complete and won't be looked at again by the change that is being made: it needn't
  // stay in memory. Its editor is no good any more.
  virtual Result<void> finished(PageId) { return {}; }

  // The pages' content is of no more use once this transaction commits. They need not be in memory.
  // kDamaged when one isn't there or was released before.
  virtual Result<void> release(PageId first, std::uint32_t count) = 0;

  // No tree names these pages any more; whoever keeps them has them freed in time.
  virtual Result<void> cut(const CutPart& part) = 0;
};

}  // namespace holdfast
