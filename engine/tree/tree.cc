#include "engine/tree/tree.h"

#include <string>

#include "engine/base/limits.h"
#include "engine/base/result.h"
#include "engine/tree/descent.h"
#include "engine/tree/make_room.h"
#include "engine/tree/mend.h"
#include "engine/tree/node_edit.h"

namespace holdfast {
namespace {

std::unexpected<Error> bad_record(TreeRef tree, PageId page) {
  return damaged(tree.id, page, "leaf's record is damaged");
}

// A leaf and the place in it where a key is or would be.
struct Found {
  NodeView leaf;
  NodePlace place;
  Record record;  // If found.
};

Result<Found> find(PageSource& source, TreeRef tree, std::string_view key, Path& path) {
  Found found;
  found.leaf = TRY(descend(source, tree, key, path));
  if (!found.leaf.lower_bound(key, found.place)) return bad_record(tree, found.leaf.id());
  if (found.place.found && !found.leaf.record(found.place.index, found.record)) {
    return bad_record(tree, found.leaf.id());
  }
  path.back().index = found.place.index;
  return found;
}

Result<OverflowStub> stub_of(const PageSource& source, TreeRef tree, const Found& found) {
  OverflowStub stub;
  if (!OverflowStub::decode(found.record.payload, source.page_size(), stub)) {
    return damaged(tree.id, found.leaf.id(), "leaf's reference to overflow pages is damaged");
  }
  return stub;
}

Result<void> release_overflow(PageSink& sink, TreeRef tree, const Found& found) {
  if (!found.place.found || !found.record.overflow) return {};
  return release_run(sink, tree.id, TRY(stub_of(sink, tree, found)));
}

Result<void> store_run(PageSink& sink, TreeRef tree, const Path& path, const Found& found,
                       std::string_view key, const OverflowStub& run) {
  TRY(release_overflow(sink, tree, found));
  const std::string stub = run.encode();
  return store_entry(sink, tree, path, path.depth - 1,
                     {found.place.index, found.place.found, key, stub, true});
}

// Where find() has been: inserted, or in place of what is there.
Result<void> store(PageSink& sink, TreeRef tree, const Path& path, const Found& found,
                   std::string_view key, std::string_view value) {
  TRY(release_overflow(sink, tree, found));
  NewEntry entry{found.place.index, found.place.found, key, value,
                 value.size() > max_inline_value_bytes(sink.page_size())};
  std::string stub;
  if (entry.overflow) {
    stub = TRY(write_overflow(sink, tree.id, value)).encode();
    entry.payload = stub;
  }
  return store_entry(sink, tree, path, path.depth - 1, entry);
}

Result<void> remove(PageSink& sink, TreeRef tree, const Path& path, Found& found) {
  TRY(release_overflow(sink, tree, found));
  Editor editor = TRY(sink.edit(path.back().page));
  const NodeView leaf = TRY(view_of(tree.id, editor));
  if (!leaf.record(found.place.index, found.record)) return bad_record(tree, editor.id());
  erase_entry(editor, leaf, found.place.index, found.record);
  if (path.depth > 1) TRY(mend(sink, tree, path));
  return {};
}

}  // namespace

Result<void> check_limits(const PageSource& source, TreeRef tree, std::string_view key,
                          std::uint64_t value_bytes) {
  const std::size_t most = max_key_bytes(source.page_size());
  ErrorPlace place;
  place.tree = raw(tree.id);
  if (key.size() > most) {
    return fail(ErrorCode::kLimitExceeded,
                "the key has " + std::to_string(key.size()) +
                    " bytes; the limit at this page size is " + std::to_string(most),
                place);
  }
  if (value_bytes > kMaxValueBytes) {
    return fail(ErrorCode::kLimitExceeded,
                "the value has " + std::to_string(value_bytes) + " bytes; the limit is " +
                    std::to_string(kMaxValueBytes),
                place);
  }
  return {};
}

Result<PageId> tree_create(PageSink& sink, TreeId id) {
  const PageGuard guard(sink);
  Editor root = TRY(sink.create(id, PageKind::kLeaf, 0));
  const NodeBatch nothing(PageKind::kLeaf, 0, sink.page_size(), {});
  if (!nothing.write(root, 0, 0, {}, kNoHint))
    return fail(ErrorCode::kInternal, "page size is too small");
  return root.id();
}

Result<bool> tree_get(PageSource& source, TreeRef tree, std::string_view key, std::string& value) {
  const PageGuard guard(source);
  Path path;
  const Found found = TRY(find(source, tree, key, path));
  if (!found.place.found) return false;
  if (found.record.overflow) {
    const OverflowStub stub = TRY(stub_of(source, tree, found));
    std::string read;
    TRY(read_overflow(source, tree.id, stub, read));
    value = std::move(read);
  } else {
    value.assign(found.record.payload);
  }
  return true;
}

Result<bool> tree_contains(PageSource& source, TreeRef tree, std::string_view key) {
  const PageGuard guard(source);
  Path path;
  return TRY(find(source, tree, key, path)).place.found;
}

Result<PutOutcome> tree_put(PageSink& sink, TreeRef tree, std::string_view key,
                            std::string_view value, PutMode mode) {
  TRY(check_limits(sink, tree, key, value.size()));
  const PageGuard guard(sink);
  Path path;
  Found found = TRY(find(sink, tree, key, path));
  const bool existed = found.place.found;
  if (mode == (existed ? PutMode::kInsertOnly : PutMode::kReplaceOnly))
    return PutOutcome{existed, false};

  TRY(store(sink, tree, path, found, key, value));
  return PutOutcome{existed, true};
}

Result<PutOutcome> tree_put_run(PageSink& sink, TreeRef tree, std::string_view key,
                                const OverflowStub& run) {
  TRY(check_limits(sink, tree, key, run.bytes));
  const PageGuard guard(sink);
  Path path;
  const Found found = TRY(find(sink, tree, key, path));
  TRY(store_run(sink, tree, path, found, key, run));
  return PutOutcome{found.place.found, true};
}

Result<std::optional<FoundValue>> tree_find_value(PageSource& source, TreeRef tree,
                                                  std::string_view key) {
  const PageGuard guard(source);
  Path path;
  const Found found = TRY(find(source, tree, key, path));
  if (!found.place.found) return std::optional<FoundValue>();
  FoundValue value;
  if (found.record.overflow) {
    value.run = TRY(stub_of(source, tree, found));
  } else {
    value.inlined.assign(found.record.payload);
  }
  return std::optional<FoundValue>(std::move(value));
}

Result<bool> tree_erase(PageSink& sink, TreeRef tree, std::string_view key) {
  const PageGuard guard(sink);
  Path path;
  Found found = TRY(find(sink, tree, key, path));
  if (!found.place.found) return false;
  TRY(remove(sink, tree, path, found));
  return true;
}

Result<SwapOutcome> tree_compare_and_set(PageSink& sink, TreeRef tree, std::string_view key,
                                         std::optional<std::string_view> expected,
                                         std::optional<std::string_view> desired) {
  TRY(check_limits(sink, tree, key, desired.value_or("").size()));
  const PageGuard guard(sink);
  Path path;
  Found found = TRY(find(sink, tree, key, path));
  const bool existed = found.place.found;
  if (existed != expected.has_value()) return SwapOutcome{existed, false};
  if (existed && found.record.overflow) {
    const OverflowStub stub = TRY(stub_of(sink, tree, found));
    if (!TRY(overflow_equals(sink, tree.id, stub, *expected))) return SwapOutcome{true, false};
    found = TRY(find(sink, tree, key, path));  // Its page may have gone meanwhile.
  } else if (existed && found.record.payload != *expected) {
    return SwapOutcome{true, false};
  }
  if (desired) {
    TRY(store(sink, tree, path, found, key, *desired));
  } else if (existed) {
    TRY(remove(sink, tree, path, found));
  }
  return SwapOutcome{existed, true};
}

}  // namespace holdfast
