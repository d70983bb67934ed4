#include "engine/txn/catalog.h"

#include <algorithm>

#include "engine/base/bytes.h"
#include "engine/base/limits.h"
#include "engine/base/result.h"
#include "engine/page/page_format.h"
#include "engine/tree/cursor.h"

namespace holdfast {
namespace {

constexpr std::size_t kTreeValueHead = 12;
constexpr std::string_view kNextIdKey = "i";

std::string name_key(std::string_view name) {
  return "n" + std::string(name);
}

std::string tree_key(TreeId id) {
  const std::uint32_t n = raw(id);
  return {'t', static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8),
          static_cast<char>(n)};
}

std::string u32_value(std::uint32_t n) {
  std::byte bytes[4];
  store32(bytes, n);
  return std::string(as_view(bytes, 4));
}

std::string tree_value(const CatalogEntry& entry) {
  std::byte head[kTreeValueHead];
  store(head, entry.tree.root);
  store64(head + 4, entry.records);
  return std::string(as_view(head, kTreeValueHead)) + entry.name;
}

std::unexpected<Error> bad_record(TreeId id) {
  return fail(ErrorCode::kDamaged, "the catalog's record of this tree is malformed",
              {.file = {}, .offset = {}, .page = {}, .tree = raw(id), .txn = {}});
}

Result<CatalogEntry> decode_tree(TreeId id, std::string_view value) {
  if (value.size() < kTreeValueHead) return bad_record(id);
  const std::byte* at = reinterpret_cast<const std::byte*>(value.data());
  return CatalogEntry{
      {id, load<PageId>(at)}, load64(at + 4), std::string(value.substr(kTreeValueHead))};
}

Result<std::uint32_t> stored_next_id(PageSource& source) {
  std::string value;
  if (!TRY(tree_get(source, kCatalog, kNextIdKey, value)) || value.size() != 4)
    return bad_record(kCatalogTree);
  return load32(reinterpret_cast<const std::byte*>(value.data()));
}

Result<void> check_new_name(PageSource& source, std::string_view name) {
  if (name.empty() || name.size() > kMaxTreeNameBytes) {
    return fail(ErrorCode::kLimitExceeded,
                "a tree's name has 1 to " + std::to_string(kMaxTreeNameBytes) +
                    " bytes; this one has " + std::to_string(name.size()));
  }
  if (TRY(tree_contains(source, kCatalog, name_key(name)))) {
    return fail(ErrorCode::kAlreadyExists,
                "there is a tree named '" + std::string(name) + "' already");
  }
  return {};
}

Result<CatalogEntry> find_to_change(PageSource& source, TreeId id) {
  if (id == kDefaultTree) {
    return fail(ErrorCode::kInvalidArgument,
                "the default tree stays and has no name: erase its records instead",
                {.file = {}, .offset = {}, .page = {}, .tree = raw(id), .txn = {}});
  }
  return catalog_find(source, id);
}

Result<void> put_entry(PageSink& sink, const CatalogEntry& entry) {
  TRY(tree_put(sink, kCatalog, tree_key(entry.tree.id), tree_value(entry)));
  return {};
}

}  // namespace

Result<void> catalog_create(PageSink& sink) {
  const PageId root = TRY(tree_create(sink, kCatalogTree));
  if (root != kCatalogRoot)
    return fail(ErrorCode::kInternal, "the catalog's root isn't the first page of a new database");
  const CatalogEntry entry{{kDefaultTree, TRY(tree_create(sink, kDefaultTree))}, 0, ""};
  TRY(put_entry(sink, entry));
  TRY(tree_put(sink, kCatalog, name_key(""), u32_value(raw(kDefaultTree))));
  TRY(tree_put(sink, kCatalog, kNextIdKey, u32_value(raw(kDefaultTree) + 1)));
  return {};
}

Result<CatalogEntry> catalog_find(PageSource& source, TreeId id) {
  std::string value;
  if (id == kCatalogTree || !TRY(tree_get(source, kCatalog, tree_key(id), value))) {
    return fail(ErrorCode::kNotFound, "there is no tree with id " + std::to_string(raw(id)),
                {.file = {}, .offset = {}, .page = {}, .tree = raw(id), .txn = {}});
  }
  return decode_tree(id, value);
}

Result<CatalogEntry> catalog_find(PageSource& source, std::string_view name) {
  std::string value;
  if (!TRY(tree_get(source, kCatalog, name_key(name), value))) {
    return fail(ErrorCode::kNotFound, "there is no tree named '" + std::string(name) + "'");
  }
  if (value.size() != 4) return bad_record(kCatalogTree);
  return catalog_find(source, load<TreeId>(reinterpret_cast<const std::byte*>(value.data())));
}

Result<std::vector<TreeInfo>> catalog_list(PageSource& source) {
  std::vector<TreeInfo> trees;
  TreeCursor cursor(source, kCatalog);
  for (bool on = TRY(cursor.seek("t")); on && cursor.key().starts_with('t');
       on = TRY(cursor.next())) {
    const std::string_view key = cursor.key();
    if (key.size() != 5) return bad_record(kCatalogTree);
    std::uint32_t id = 0;
    for (char c : key.substr(1)) id = id << 8 | static_cast<unsigned char>(c);
    const std::string_view value = TRY(cursor.value());
    const CatalogEntry entry = TRY(decode_tree(TreeId{id}, value));
    trees.push_back({entry.name, Tree(id), entry.records});
  }
  std::sort(trees.begin(), trees.end(),
            [](const TreeInfo& a, const TreeInfo& b) { return a.name < b.name; });
  return trees;
}

Result<void> catalog_check(PageSource& source) {
  const std::vector<TreeInfo> trees = TRY(catalog_list(source));
  const std::uint32_t next_id = TRY(stored_next_id(source));
  for (const TreeInfo& tree : trees) {
    const auto named = catalog_find(source, tree.name);
    if (!named && named.error().code() != ErrorCode::kNotFound)
      return std::unexpected(named.error());
    if (!named || raw(named->tree.id) != tree.tree.id() || tree.tree.id() >= next_id)
      return bad_record(TreeId{tree.tree.id()});
  }
  std::size_t names = 0;
  TreeCursor cursor(source, kCatalog);
  for (bool on = TRY(cursor.seek("n")); on && cursor.key().starts_with('n');
       on = TRY(cursor.next()))
    ++names;
  if (names == trees.size()) return {};
  return fail(ErrorCode::kDamaged,
              "the catalog has " + std::to_string(names) + " names for " +
                  std::to_string(trees.size()) + " trees",
              {.file = {}, .offset = {}, .page = {}, .tree = raw(kCatalogTree), .txn = {}});
}

Result<CatalogEntry> catalog_add(PageSink& sink, std::string_view name, std::uint32_t& next_id) {
  TRY(check_new_name(sink, name));
  next_id = std::max(next_id, TRY(stored_next_id(sink)));
  if (next_id >= raw(kMapTree)) {
    return fail(ErrorCode::kLimitExceeded, "the database has used all 2^32 tree ids");
  }
  const TreeId id{next_id++};
  if (TRY(tree_contains(sink, kCatalog, tree_key(id)))) {
    return fail(ErrorCode::kDamaged, "the catalog's next tree id is that of a tree it has",
                {.file = {}, .offset = {}, .page = {}, .tree = raw(id), .txn = {}});
  }
  CatalogEntry entry{{id, TRY(tree_create(sink, id))}, 0, std::string(name)};
  TRY(put_entry(sink, entry));
  TRY(tree_put(sink, kCatalog, name_key(name), u32_value(raw(id))));
  TRY(tree_put(sink, kCatalog, kNextIdKey, u32_value(next_id)));
  return entry;
}

Result<CatalogEntry> catalog_remove(PageSink& sink, TreeId id) {
  CatalogEntry entry = TRY(find_to_change(sink, id));
  TRY(tree_erase(sink, kCatalog, tree_key(id)));
  TRY(tree_erase(sink, kCatalog, name_key(entry.name)));
  return entry;
}

Result<void> catalog_rename(PageSink& sink, TreeId id, std::string_view name) {
  CatalogEntry entry = TRY(find_to_change(sink, id));
  if (entry.name == name) return {};
  TRY(check_new_name(sink, name));
  TRY(tree_erase(sink, kCatalog, name_key(entry.name)));
  entry.name = name;
  TRY(put_entry(sink, entry));
  TRY(tree_put(sink, kCatalog, name_key(name), u32_value(raw(id))));
  return {};
}

Result<void> catalog_add_records(PageSink& sink, TreeId id, std::int64_t change) {
  CatalogEntry entry = TRY(catalog_find(sink, id));
  entry.records += static_cast<std::uint64_t>(change);
  return put_entry(sink, entry);
}

}  // namespace holdfast
