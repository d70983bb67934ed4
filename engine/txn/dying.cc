#include "engine/txn/dying.h"

#include <algorithm>

#include "engine/base/bytes.h"
#include "engine/base/result.h"

namespace holdfast {
namespace {

constexpr std::size_t kHead = 9;
constexpr std::size_t kKeyBytes = 9;
constexpr std::byte kIsRun{1};
constexpr std::byte kIsDamaged{2};

void append_big_endian(std::string& key, std::uint32_t n) {
  for (int shift = 24; shift >= 0; shift -= 8) key.push_back(static_cast<char>(n >> shift));
}

std::uint32_t big_endian(std::string_view bytes) {
  std::uint32_t n = 0;
  for (const char c : bytes.substr(0, 4)) n = n << 8 | static_cast<unsigned char>(c);
  return n;
}

std::string key_of(const CutPart& part) {
  std::string key = "d";
  append_big_endian(key, raw(part.tree));
  append_big_endian(key, raw(part.first));
  return key;
}

std::string value_of(const DyingPart& dying) {
  const bool run = dying.part.run_pages != 0;
  std::vector<std::byte> bytes(kHead + (run ? 4 : 2 * dying.done.size()));
  bytes[0] = (run ? kIsRun : std::byte{0}) | (dying.part.damaged ? kIsDamaged : std::byte{0});
  store(bytes.data() + 1, dying.cut);
  if (run) store32(bytes.data() + kHead, dying.part.run_pages);
  for (std::size_t i = 0; i < dying.done.size(); ++i)
    store16(bytes.data() + kHead + 2 * i, dying.done[i]);
  return std::string(as_view(bytes.data(), bytes.size()));
}

std::unexpected<Error> bad_record(TreeId tree) {
  return fail(ErrorCode::kDamaged, "the catalog's record of what is being freed is malformed",
              {.file = {}, .offset = {}, .page = {}, .tree = raw(tree), .txn = {}});
}

Result<DyingPart> decode(std::string_view key, std::string_view value) {
  if (key.size() != kKeyBytes) return bad_record(kCatalogTree);
  DyingPart dying;
  dying.part.tree = TreeId{big_endian(key.substr(1))};
  dying.part.first = PageId{big_endian(key.substr(5))};
  if (value.size() < kHead || dying.part.first == kNoPage) return bad_record(dying.part.tree);
  const auto* at = reinterpret_cast<const std::byte*>(value.data());
  const std::size_t rest = value.size() - kHead;
  dying.part.damaged = (at[0] & kIsDamaged) != std::byte{0};
  dying.cut = load<TxnNumber>(at + 1);
  if ((at[0] & kIsRun) != std::byte{0}) {
    if (rest != 4) return bad_record(dying.part.tree);
    dying.part.run_pages = load32(at + kHead);
    const bool sound =
        dying.part.run_pages != 0 && dying.part.run_pages < kPageIdEnd - raw(dying.part.first);
    if (!sound) return bad_record(dying.part.tree);
    return dying;
  }
  if (rest % 2 != 0 || rest / 2 > kMaxTreeLevels) return bad_record(dying.part.tree);
  for (std::size_t i = 0; i < rest; i += 2) dying.done.push_back(load16(at + kHead + i));
  return dying;
}

// A run ends before it begins: what is left keeps its name.
Result<std::uint64_t> free_run(PageSink& sink, DyingPart& dying, std::uint32_t pages_wanted) {
  const std::uint32_t count = std::min(dying.part.run_pages, pages_wanted);
  dying.part.run_pages -= count;
  TRY(sink.release(dying.part.first + dying.part.run_pages, count));
  return count;
}

// Of a tree that may be gone meanwhile.
Result<void> take_off(PageSink& sink, TreeId tree, std::uint64_t records) {
  if (records == 0) return {};
  auto taken = catalog_add_records(sink, tree, -static_cast<std::int64_t>(records));
  if (!taken && taken.error().code() == ErrorCode::kNotFound) return {};
  return taken;
}

}  // namespace

DyingCursor::DyingCursor(PageSource& source, std::optional<TreeId> tree)
    : cursor_(source, kCatalog), prefix_("d") {
  if (tree) append_big_endian(prefix_, raw(*tree));
}

Result<std::optional<DyingPart>> DyingCursor::next() {
  const bool on = begun_ ? TRY(cursor_.next()) : TRY(cursor_.seek(prefix_));
  begun_ = true;
  if (!on || !cursor_.key().starts_with(prefix_)) return std::optional<DyingPart>();
  const std::string_view value = TRY(cursor_.value());
  return std::optional<DyingPart>(TRY(decode(cursor_.key(), value)));
}

Result<void> dying_add(PageSink& sink, const CutPart& part, TxnNumber cut) {
  const std::string value = value_of({part, cut, {}});
  const PutOutcome put = TRY(tree_put(sink, kCatalog, key_of(part), value, PutMode::kInsertOnly));
  if (put.stored) return {};
  return fail(
      ErrorCode::kDamaged, "a page is to be cut off its tree that was cut off before",
      {.file = {}, .offset = {}, .page = raw(part.first), .tree = raw(part.tree), .txn = {}});
}

Result<std::uint64_t> live_records(PageSource& source, TreeId tree, std::int64_t pending) {
  const std::uint64_t all =
      TRY(catalog_find(source, tree)).records + static_cast<std::uint64_t>(pending);
  std::uint64_t gone = 0;
  DyingCursor cursor(source, tree);
  while (const auto dying = TRY(cursor.next())) {
    if (dying->part.run_pages == 0) gone += TRY(subtree_records(source, dying->subtree()));
  }
  if (gone <= all) return all - gone;
  return fail(ErrorCode::kDamaged, "the catalog counts fewer records than were cut off this tree",
              {.file = {}, .offset = {}, .page = {}, .tree = raw(tree), .txn = {}});
}

Result<bool> dying_subtrees(PageSource& source, TreeId tree) {
  DyingCursor cursor(source, tree);
  while (const auto dying = TRY(cursor.next())) {
    if (dying->part.run_pages == 0) return true;
  }
  return false;
}

Result<std::uint64_t> dying_free_some(PageSink& sink, DyingPart dying, std::uint32_t pages_wanted) {
  std::uint64_t pages = 0;
  bool finished = false;
  if (dying.part.run_pages != 0) {
    pages = TRY(free_run(sink, dying, pages_wanted));
    finished = dying.part.run_pages == 0;
  } else {
    Subtree subtree = dying.subtree();
    const SubtreeFreed freed = TRY(subtree_free_some(sink, subtree, pages_wanted));
    TRY(take_off(sink, dying.part.tree, freed.records));
    dying.done = std::move(subtree.done);
    pages = freed.pages;
    finished = freed.finished;
  }
  if (finished) {
    TRY(tree_erase(sink, kCatalog, key_of(dying.part)));
  } else {
    TRY(tree_put(sink, kCatalog, key_of(dying.part), value_of(dying)));
  }
  return pages;
}

Result<void> dying_give_up(PageSink& sink, DyingPart dying) {
  dying.part.damaged = true;
  TRY(tree_put(sink, kCatalog, key_of(dying.part), value_of(dying)));
  return {};
}

}  // namespace holdfast
