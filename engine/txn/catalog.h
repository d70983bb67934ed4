// The catalog, tree 0: which trees there are, where their roots lie, how many records they hold.
//
// Keys: 'n' name -> tree id u32
//       't' tree id, big-endian u32 -> root u32, records u64, name
//       'i' -> next tree id u32
// The default tree is tree 1 with the empty name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tree/tree.h"
#include "holdfast/transaction.h"

namespace holdfast {

inline constexpr TreeRef kCatalog{kCatalogTree, kCatalogRoot};

struct CatalogEntry {
  TreeRef tree;
  std::uint64_t records = 0;
  std::string name;
};

// Makes catalog and default tree in an empty database; the catalog's root becomes page 1.
Result<void> catalog_create(PageSink& sink);

// kNotFound: no such tree in this state.
Result<CatalogEntry> catalog_find(PageSource& source, TreeId id);
Result<CatalogEntry> catalog_find(PageSource& source, std::string_view name);
Result<std::vector<TreeInfo>> catalog_list(PageSource& source);
// Whether every name leads to the tree that has it, every tree has its name, and the next id is
// none of theirs. kDamaged says what isn't so.
Result<void> catalog_check(PageSource& source);

// Uses and raises `next_id`, which never goes back while the database is open, so that ids of
// aborted trees are not reused. kAlreadyExists if the name is taken.
Result<CatalogEntry> catalog_add(PageSink& sink, std::string_view name, std::uint32_t& next_id);
// Forgets the tree; its pages are the caller's concern. kNotFound, kInvalidArgument (the default
// tree).
Result<CatalogEntry> catalog_remove(PageSink& sink, TreeId id);
// Errors as of both, and changes nothing then.
Result<void> catalog_rename(PageSink& sink, TreeId id, std::string_view name);
Result<void> catalog_add_records(PageSink& sink, TreeId id, std::int64_t change);

}  // namespace holdfast
