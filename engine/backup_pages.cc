#include "engine/backup_pages.h"

#include <algorithm>
#include <cstring>

#include "engine/base/result.h"
#include "engine/file/map_walk.h"

namespace holdfast {
namespace {

void note(const StoredPage& page, std::uint64_t findings_max, BackupReport& report) {
  ++report.findings_total;
  if (report.findings.size() >= findings_max) return;
  const ErrorPlace& place = page.damage->place();
  report.findings.push_back({page.of_map ? "map_page_check" : "page_check", page.damage->message(),
                             place.file, place.offset, place.page, place.tree, place.txn});
}

std::vector<std::byte> left_out(const StoredPage& page, std::uint32_t page_size) {
  std::vector<std::byte> bytes(page_size);
  const std::string text =
      "Holdfast left this page out of a backup, since it was damaged: " + page.damage->to_string();
  std::memcpy(bytes.data() + 8, text.data(), std::min(text.size(), bytes.size() - 8));
  return bytes;
}

}  // namespace

Meta meta_of_copy(const Meta& state) {
  Meta meta;
  meta.page_size = state.page_size;
  meta.compatible = state.compatible;
  meta.read_only_compatible = state.read_only_compatible;
  meta.uuid = state.uuid;
  meta.creator = state.creator;
  meta.txn = state.txn;
  meta.map_root = state.map_root;
  meta.map_height = state.map_height;
  meta.id_high_water = state.id_high_water;
  meta.slot_high_water = state.slot_high_water;
  meta.pages = state.pages;
  return meta;
}

Result<void> hand_over_pages(const CopiedState& from, PageTaker& to, ProgressTeller& teller,
                             std::uint64_t findings_max, BackupReport& report) {
  const Meta& state = from.state;
  PageMap map(*from.file, *from.slots, state.page_size, state.tag());
  TRY(map.open(state));
  PageMap base(*from.file, *from.slots, state.page_size, state.tag());
  if (from.base) TRY(base.open(*from.base));
  const auto visit = [&](const StoredPage& page) -> Result<void> {
    if (!teller.step()) return ProgressTeller::cancelled("copying pages");
    if (page.damage) note(page, findings_max, report);
    ++report.pages;
    if (!page.bytes.empty()) return to.take(page.slot, page.bytes, false);
    return to.take(page.slot, left_out(page, state.page_size), true);
  };
  TRY(walk_map(
      *from.file, map,
      {.skip = [](Slot) { return false; }, .base = from.base ? &base : nullptr, .visit = visit}));
  if (!teller.tell()) return ProgressTeller::cancelled("copying pages");
  report.txn = raw(state.txn);
  return {};
}

}  // namespace holdfast
