// The stages of verify() that go by places in the file: pages, the page map, kept checkpoints, and
// whose each slot is.
#include <optional>

#include "engine/base/result.h"
#include "engine/file/map_walk.h"
#include "engine/verification.h"

namespace holdfast {
namespace {

bool has_bit(const std::vector<std::uint64_t>& bits, Slot slot) {
  return raw(slot) / 64 < bits.size() && ((bits[raw(slot) / 64] >> (raw(slot) % 64)) & 1) != 0;
}

void add_bits(std::vector<std::uint64_t>& to, const std::vector<std::uint64_t>& more) {
  if (to.size() < more.size()) to.resize(more.size(), 0);
  for (std::size_t word = 0; word < more.size(); ++word) to[word] |= more[word];
}

}  // namespace

Result<void> Verification::check_pages_on_disk() {
  const std::uint32_t high_water = id_end();
  std::vector<std::byte> page(parts_.cache->page_size());
  teller_.begin("pages", high_water);
  for (std::uint32_t id = first_id(1); id < high_water; id = first_id(id + 1)) {
    if (!teller_.step()) return ProgressTeller::cancelled("verify()");
    auto row = parts_.cache->pin_row(PageId{id});
    if (!row) {
      // The map leaf itself is bad, and check_map_pages() says so.
      id += parts_.cache->table().fanout() - id % parts_.cache->table().fanout() - 1;
      continue;
    }
    for (;;) {
      const MapEntry entry = (*row)->entry.load();
      if (entry_slot(entry) == kNoSlot) break;
      const std::uint64_t offset = parts_.slots->offset_of(entry_slot(entry));
      auto bytes = parts_.file->read_past_cache(offset, page);
      Result<void> sound = bytes ? Result<void>() : std::unexpected(bytes.error());
      if (bytes && *bytes != page.size())
        sound = fail(ErrorCode::kDamaged, "the file ends before this page");
      if (sound)
        sound = verify_page(page, {parts_.cache->tag(), PageId{id}, entry_check(entry), 32});
      if (!sound && (*row)->entry.load() != entry) continue;
      if (!sound) findings_.add({"page_check", sound.error().message(), {}, offset, id, {}, {}});
      ++report_.pages_checked;
      break;
    }
  }
  return {};
}

void Verification::check_map_pages() {
  std::vector<std::byte> page(parts_.cache->page_size());
  for (const MapRef& ref : parts_.map->all_refs()) {
    for (Slot slot : ref.slots) {
      if (slot == kNoSlot) continue;
      const std::uint64_t offset = parts_.slots->offset_of(slot);
      auto bytes = parts_.file->read_past_cache(offset, page);
      const bool whole = bytes && *bytes == page.size();
      Result<void> sound = bytes ? Result<void>() : std::unexpected(bytes.error());
      if (bytes && !whole)
        sound = fail(ErrorCode::kDamaged, "the file ends before this page of the page map");
      if (sound)
        sound = verify_page(page, {parts_.cache->tag(), page_id(page.data()), ref.check, 64});
      if (!sound)
        findings_.add({"map_page_check", sound.error().message(), {}, offset, {}, {}, {}});
      ++report_.map_pages_checked;
    }
  }
}

Result<void> Verification::check_kept(const Meta& meta) {
  PageMap map(*parts_.file, *parts_.slots, meta.page_size, meta.tag());
  if (auto opened = map.open(meta); !opened) {
    findings_.add("kept_map_check", opened.error());
    return {};
  }
  // The newest state has most of it, and was looked at.
  auto passed = parts_.map->needed_slots().value_or(std::vector<std::uint64_t>());
  add_bits(passed, kept_bits_);
  teller_.begin("kept", meta.pages);
  TRY(walk_map(*parts_.file, map,
               {.skip = [&](Slot slot) { return has_bit(passed, slot); },
                .visit = [&](const StoredPage& page) -> Result<void> {
                  if (!teller_.step()) return ProgressTeller::cancelled("verify()");
                  ++report_.kept_pages_checked;
                  if (page.damage)
                    findings_.add(page.of_map ? "kept_map_check" : "kept_page_check", *page.damage);
                  return {};
                }}));
  // Else what its slots are isn't known, and its damage has been told.
  if (auto needed = map.needed_slots()) add_bits(kept_bits_, *needed);
  return {};
}

Result<void> Verification::check_slots() {
  std::vector<bool> taken(std::size_t{parts_.slots->high_water()} + 1);
  auto take = [&](Slot slot, std::optional<std::uint32_t> page) {
    if (slot == kNoSlot) return;
    const std::uint64_t offset = parts_.slots->offset_of(slot);
    if (raw(slot) >= taken.size()) {
      findings_.add({"slot_beyond",
                     "a place beyond the highest slot in use is named",
                     {},
                     offset,
                     page,
                     {},
                     {}});
      return;
    }
    if (taken[raw(slot)])
      findings_.add({"slot_shared", "two pages claim the same place", {}, offset, page, {}, {}});
    if (!parts_.slots->is_used(slot))
      findings_.add(
          {"slot_free", "a page lies in a place that counts as free", {}, offset, page, {}, {}});
    taken[raw(slot)] = true;
  };
  for (const MapRef& ref : parts_.map->all_refs()) {
    for (Slot slot : ref.slots) take(slot, std::nullopt);
  }
  for (std::uint32_t id = first_id(1); id < id_end(); id = first_id(id + 1)) {
    auto row = parts_.cache->pin_row(PageId{id});
    if (row) take(entry_slot((*row)->entry.load()), id);
  }
  for (std::uint32_t slot = 1; slot < kept_bits_.size() * 64; ++slot) {
    if (!has_bit(kept_bits_, Slot{slot}) || (slot < taken.size() && taken[slot])) continue;
    ++report_.kept_slots;
    if (parts_.slots->is_used(Slot{slot})) continue;
    findings_.add({"slot_free",
                   "a page of a kept checkpoint lies in a place that counts as free",
                   {},
                   parts_.slots->offset_of(Slot{slot}),
                   {},
                   {},
                   {}});
  }
  report_.slots_free = parts_.slots->free_slots();
  return {};
}

}  // namespace holdfast
