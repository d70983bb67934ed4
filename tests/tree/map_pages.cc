// Pages in a std::map, for testing trees without an engine.
#include "tests/tree/map_pages.h"

#include <algorithm>
#include <cstring>

#include "engine/base/result.h"

namespace holdfast::testing {

const MapPages::Bytes* MapPages::find(PageId id) const {
  if (released_.contains(id)) return nullptr;
  if (const auto own = private_.find(id); own != private_.end()) return own->second.bytes.get();
  const auto old = committed.find(id);
  return old == committed.end() ? nullptr : &old->second;
}

Result<const std::byte*> MapPages::page(PageId id) {
  if (guards_ <= 0) complain("page() outside a guard");
  ++pages_asked;
  const Bytes* bytes = find(id);
  if (bytes == nullptr) return fail(ErrorCode::kDamaged, "no page " + std::to_string(raw(id)));
  if (const auto own = private_.find(id); own != private_.end()) return own->second.bytes->data();
  lent_ = std::make_unique<Bytes>(*bytes);
  return lent_->data();
}

const std::byte* MapPages::peek(PageId id) noexcept {
  if (guards_ <= 0) complain("peek() or at_hand() outside a guard");
  if (!fetched.contains(id) && (unpeekable == 0 || raw(id) % unpeekable == 0)) return nullptr;
  const Bytes* bytes = find(id);
  return bytes == nullptr ? nullptr : bytes->data();
}

void MapPages::fetch(std::span<const PageId> ids) {
  lent_.reset();
  ids = ids.first(std::min<std::size_t>(ids.size(), kFetchMost));
  sets.push_back(ids.size());
  fetched.insert(ids.begin(), ids.end());
}

Result<PagePin> MapPages::pin(PageId id) {
  const Bytes* bytes = find(id);
  if (bytes == nullptr) return fail(ErrorCode::kDamaged, "no page " + std::to_string(raw(id)));
  lent_.reset();
  if (pins_.size() >= max_pins) return PagePin();
  const std::uint32_t token = next_token_++;
  if (const auto own = private_.find(id); own != private_.end()) {
    pins_[token];
    return PagePin(this, own->second.bytes->data(), token);
  }
  return PagePin(this, (pins_[token] = *bytes).data(), token);
}

void MapPages::unpin(std::uint32_t token) noexcept {
  if (pins_.erase(token) == 0) complain("unpinned twice");
}

Result<Editor> MapPages::edit(PageId id) {
  ++changes_;
  const Bytes* bytes = find(id);
  if (bytes == nullptr) return fail(ErrorCode::kDamaged, "no page " + std::to_string(raw(id)));
  auto own = private_.find(id);
  if (own == private_.end()) {
    const TxnNumber base = page_txn(bytes->data());
    own = private_
              .emplace(id, Private{std::make_unique<Bytes>(*bytes),
                                   std::make_unique<EditList>(EditList::on(base))})
              .first;
  }
  return Editor(*own->second.bytes, own->second.list.get());
}

MapPages::Private& MapPages::make(PageId id, TreeId tree, PageKind kind, std::uint8_t level) {
  ++changes_;
  Private fresh{std::make_unique<Bytes>(page_size_), std::make_unique<EditList>(EditList::fresh())};
  format_page(*fresh.bytes, 7, txn_, id, tree, kind, level);
  spoil_gap(*fresh.bytes);
  return private_[id] = std::move(fresh);
}

Result<Editor> MapPages::create(TreeId tree, PageKind kind, std::uint8_t level) {
  PageId id{next_id_};
  if (reuse_ids && !free_.empty()) {
    id = *free_.begin();
    free_.erase(free_.begin());
  } else {
    ++next_id_;
  }
  Private& page = make(id, tree, kind, level);
  return Editor(*page.bytes, page.list.get());
}

Result<PageId> MapPages::create_run(TreeId tree, std::uint32_t count) {
  if (count == 0) complain("empty run");
  const PageId first{next_id_};
  next_id_ += count;
  for (std::uint32_t i = 0; i < count; ++i) make(first + i, tree, PageKind::kOverflow, 0);
  return first;
}

// Ids are given when it begins; those that it doesn't need are lost.
class MapPages::Run final : public PageRun {
 public:
  Run(MapPages& pages, TreeId tree, std::uint32_t most)
      : sink_(pages), tree_(tree), first_{pages.next_id_}, most_(most) {
    sink_.next_id_ += most;
  }
  PageId first() const override { return first_; }
  std::uint32_t pages() const override { return static_cast<std::uint32_t>(written_.size()); }
  Result<Editor> next(PageKind kind, std::uint8_t level) override {
    if (pages() == most_) return fail(ErrorCode::kLimitExceeded, "the run is full");
    auto bytes = std::make_unique<Bytes>(sink_.page_size_);
    format_page(*bytes, 7, sink_.txn_, first_ + pages(), tree_, kind, level);
    sink_.spoil_gap(*bytes);
    written_.push_back({std::move(bytes), std::make_unique<EditList>(EditList::fresh())});
    return Editor(*written_.back().bytes, written_.back().list.get());
  }
  Result<void> join() override {
    ++sink_.changes_;
    PageId id = first_;
    for (Private& page : written_) {
      sink_.private_[id] = std::move(page);
      id = id + 1;
    }
    return {};
  }

 private:
  MapPages& sink_;
  TreeId tree_;
  PageId first_;
  std::uint32_t most_;
  std::vector<Private> written_;
};

Result<std::unique_ptr<PageRun>> MapPages::begin_run(TreeId tree, std::uint32_t most) {
  return std::unique_ptr<PageRun>(std::make_unique<Run>(*this, tree, most));
}

Result<void> MapPages::release(PageId first, std::uint32_t count) {
  ++changes_;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (find(first + i) == nullptr) {
      complain("released a page that isn't there");
      return fail(ErrorCode::kDamaged, "released a page that isn't there");
    }
    released_.insert(first + i);
  }
  return {};
}

Result<void> MapPages::cut(const CutPart& part) {
  ++changes_;
  if (find(part.first) == nullptr && !part.damaged) complain("cut off a page that isn't there");
  cuts.push_back(part);
  return {};
}

void MapPages::spoil_gap(Bytes& page) const {
  const std::size_t begin = page_gap_begin(page.data());
  const std::size_t end = page_gap_end(page.data());
  if (begin <= end && end <= page.size()) std::memset(page.data() + begin, 0xA5, end - begin);
}

void MapPages::replay(PageId id, const Private& own) {
  const std::byte* page = own.bytes->data();
  if (own.list->broken()) complain("an edit left its page");
  const std::size_t begin = page_gap_begin(page);
  const std::size_t end = page_gap_end(page);
  if (begin > end || end > page_size_) return complain("impossible gap");
  if (own.list->is_image()) return;
  Bytes again = committed.at(id);
  if (!apply_edits(again, own.list->bytes())) return complain("edits don't apply");
  if (std::memcmp(again.data() + page_at::kKind, page + page_at::kKind, begin - page_at::kKind) !=
          0 ||
      std::memcmp(again.data() + end, page + end, page_size_ - end) != 0) {
    complain("replay of page " + std::to_string(raw(id)) + " differs");
  }
}

std::size_t MapPages::commit() {
  std::size_t redo = 0;
  for (auto& [id, own] : private_) {
    if (released_.contains(id)) continue;
    replay(id, own);
    const std::byte* page = own.bytes->data();
    redo += own.list->is_image() ? page_size_ - (page_gap_end(page) - page_gap_begin(page))
                                 : own.list->bytes().size();
    store(own.bytes->data() + page_at::kTxn, txn_);
    spoil_gap(*own.bytes);
    committed[id] = std::move(*own.bytes);
  }
  for (const PageId id : released_) {
    committed.erase(id);
    free_.insert(id);
  }
  private_.clear();
  released_.clear();
  txn_ = next(txn_);
  ++changes_;
  return redo;
}

void MapPages::abort() {
  // Ids of aborted pages are not reused here; that is the transactions' affair.
  private_.clear();
  released_.clear();
  ++changes_;
}

}  // namespace holdfast::testing
