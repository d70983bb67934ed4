// What a checkpoint does to empty the file's tail: pages that lie above the ceiling are read,
// verified, and written as they are to slots below; the map then leads there. See checkpoint.h.
//
// Pages are taken in the order of the map, so that each of its leaves is read once and written once
// for all that it moves. None passes through the cache: a page in memory stays there, and learns
// its new place when the checkpoint is durable. What can't be read stays where it is.
#include <algorithm>
#include <array>
#include <cstring>

#include "engine/base/result.h"
#include "engine/checkpoint.h"

namespace holdfast {
namespace {

constexpr std::size_t kBatchPages = 16;

}  // namespace

void Checkpoint::move_tail(std::shared_ptr<TailMoves> moves) {
  going_ = std::make_unique<TailMoves>(*moves);
  moves_ = std::move(moves);
}

void Checkpoint::note_damage(const Error& error) {
  ++going_->damaged;
  if (!going_->damage) going_->damage = error;
}

// The map's inner pages, its root above all, are written with any leaf below them: for those that
// lie above the ceiling one is chosen. False: there is no room.
bool Checkpoint::force_inner_pages_down() {
  for (const PageMap::Place& place : parts_.map->places()) {
    const Slot highest = std::max(place.ref.slots[0], place.ref.slots[1]);
    if (place.level == 0 || raw(highest) <= going_->ceiling) continue;
    const std::optional<std::uint32_t> leaf = parts_.map->leaf_below(place.level, place.index);
    if (!leaf || leaves_.contains(*leaf)) continue;
    const std::uint32_t slots = parts_.map->pages_per_leaf_change();
    if (!parts_.slots->reserve_below(slots)) return false;
    moves_reserved_ += slots;
    leaves_.insert(*leaf);
  }
  return true;
}

// Answers whether there is more to do.
Result<bool> Checkpoint::move_some_pages() {
  if (next_chosen_ == chosen_.size()) return take_next_leaf();
  const std::size_t count = std::min(chosen_.size() - next_chosen_, kBatchPages);
  TRY(move_batch(std::span(chosen_).subspan(next_chosen_, count)));
  next_chosen_ += count;
  if (next_chosen_ == chosen_.size() || going_->no_room) {
    next_chosen_ = chosen_.size();
    ++going_->next_leaf;
  }
  return true;
}

// False: that was all for this time.
bool Checkpoint::take_next_leaf() {
  if (going_->no_room || pages_moved() >= going_->most) return false;
  if (going_->next_leaf >= parts_.map->leaf_count()) return false;
  if (going_->next_leaf == 0) going_->no_room = !force_inner_pages_down();
  if (going_->no_room) return false;
  if (!choose(going_->next_leaf)) {
    going_->no_room = true;
  } else if (chosen_.empty()) {
    ++going_->next_leaf;
  }
  return true;
}

// False: there is no room for what would have to be written.
bool Checkpoint::choose(std::uint32_t leaf) {
  chosen_.clear();
  next_chosen_ = 0;
  const Slot own = parts_.map->leaf_slot(leaf);
  if (own == kNoSlot) return true;
  const std::uint32_t fanout = parts_.map->leaf_fanout();
  std::vector<MapEntry> entries(fanout);
  if (auto read = parts_.map->read_leaf(leaf, entries); !read) {
    note_damage(read.error());
    return true;
  }
  const std::span written = std::span(written_).first(moved_from_);
  for (std::uint32_t i = 0; i < fanout; ++i) {
    if (raw(entry_slot(entries[i])) <= going_->ceiling) continue;
    const PageId id{leaf * fanout + i};
    const auto at = std::lower_bound(written.begin(), written.end(), id,
                                     [](const Written& page, PageId p) { return page.page < p; });
    if ((at != written.end() && at->page == id) || is_freed(id)) continue;
    chosen_.push_back({id, entries[i], false, entry_slot(entries[i])});
  }
  if (chosen_.empty() && raw(own) <= going_->ceiling) return true;
  const auto slots =
      static_cast<std::uint32_t>(chosen_.size()) + parts_.map->pages_per_leaf_change();
  if (!parts_.slots->reserve_below(slots)) return false;
  moves_reserved_ += slots;
  if (raw(own) > going_->ceiling) leaves_.insert(leaf);
  written_.reserve(written_.size() + chosen_.size());  // A slot that is taken is always noted.
  return true;
}

Result<void> Checkpoint::move_batch(std::span<const Written> batch) {
  const std::size_t page_size = parts_.cache->page_size();
  std::array<IoRequest, kBatchPages> requests;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    requests[i].kind = IoRequest::Kind::kRead;
    requests[i].file = parts_.file;
    requests[i].offset = parts_.slots->offset_of(batch[i].moved_from);
    requests[i].buffer = std::span(buffer_).subspan(i * page_size, page_size);
  }
  const std::span<IoRequest> set = std::span(requests).first(batch.size());
  parts_.storage->submit(set);
  parts_.storage->complete(set);
  const std::size_t first = written_.size();
  Slot near = first == moved_from_ ? kNoSlot : entry_slot(written_.back().entry);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::span<std::byte> page = set[i].buffer;
    const std::uint32_t check = entry_check(batch[i].entry);
    Result<void> sound;
    if (set[i].error) {
      sound = std::unexpected(*set[i].error);
    } else if (set[i].transferred != page_size) {
      sound = fail(ErrorCode::kDamaged, "the file ends before this page");
    } else {
      sound = verify_page(page, {parts_.cache->tag(), batch[i].page, check, 32});
    }
    if (!sound) {
      note_damage(sound.error().at({.file = parts_.file->path(),
                                    .offset = requests[i].offset,
                                    .page = raw(batch[i].page),
                                    .tree = {},
                                    .txn = {}}));
      continue;
    }
    const Slot to = parts_.slots->allocate_below(near);
    if (to == kNoSlot) {
      going_->no_room = true;
      break;
    }
    // Those that stay leave a gap, which what follows closes.
    std::memmove(buffer_.data() + (written_.size() - first) * page_size, page.data(), page_size);
    written_.push_back({batch[i].page, make_entry(to, check), false, batch[i].moved_from});
    near = to;
  }
  if (written_.size() == first) return {};
  going_->pages += written_.size() - first;
  leaves_.insert(going_->next_leaf);
  return write_batch(first);
}

}  // namespace holdfast
