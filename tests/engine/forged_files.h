// A forger who knows every checksum: changes pages, entries of the page map, metas and batches of
// the log, and mends all that vouches for them.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/checksum.h"
#include "engine/file/meta_format.h"
#include "engine/file/page_map.h"
#include "engine/page/page_format.h"
#include "tests/engine/engine_fixture.h"
#include "wal/format.h"
#include "wal/record.h"

namespace holdfast {

// The tree file's bytes.
class ForgedFile {
 public:
  explicit ForgedFile(std::vector<std::byte>& bytes) : bytes_(&bytes) {
    for (unsigned copy = 0; copy < kMetaCopies; ++copy) {
      const auto meta = decode_meta(block(copy));
      if (meta && meta->generation >= meta_.generation) meta_ = *meta;
    }
    id_end_ = meta_.id_high_water;
  }

  // Change it, then write_meta().
  Meta& meta() { return meta_; }
  void write_meta() {
    for (unsigned copy = 0; copy < kMetaCopies; ++copy) encode_meta(meta_, block(copy));
  }

  // As it was before anything was forged.
  [[nodiscard]] std::uint32_t id_end() const { return id_end_; }
  [[nodiscard]] MapEntry entry(PageId id) {
    const auto leaf = at(ref(0, raw(id) / leaf_fanout()).slots[0]);
    return load<MapEntry>(leaf.data() + entry_at(id));
  }
  void set_entry(PageId id, MapEntry entry) {
    const std::uint32_t index = raw(id) / leaf_fanout();
    store(at(ref(0, index).slots[0]).data() + entry_at(id), entry);
    mend_map(0, index);
  }
  // Empty when the map has no such page.
  std::span<std::byte> page(PageId id) { return at(entry_slot(entry(id))); }
  void change(PageId id, const std::function<void(std::byte*)>& how) {
    how(page(id).data());
    mend(id);
  }
  // The page's check, and those of all that lead to it.
  void mend(PageId id) {
    const Slot slot = entry_slot(entry(id));
    set_entry(id, make_entry(slot, seal_page(at(slot))));
  }
  // A map page, to be changed; then mend_map().
  std::span<std::byte> map_page(std::uint32_t level, std::uint32_t index) {
    return at(ref(level, index).slots[0]);
  }
  void mend_map(std::uint32_t level, std::uint32_t index) {
    const MapRef here = ref(level, index);
    const std::uint64_t check = seal_page(at(here.slots[0]));
    if (here.slots[1] != kNoSlot) {
      std::ranges::copy(at(here.slots[0]), at(here.slots[1]).begin());
    }
    if (level == meta_.map_height) {
      meta_.map_root.check = check;
      return write_meta();
    }
    const std::uint32_t parent = index / inner_fanout();
    store64(at(ref(level + 1, parent).slots[0]).data() + child_at(index) + 8, check);
    mend_map(level + 1, parent);
  }
  std::vector<PageId> pages(PageKind kind, TreeId tree) {
    std::vector<PageId> found;
    for (std::uint32_t id = 1; id < id_end(); ++id) {
      const auto bytes = page(PageId{id});
      if (!bytes.empty() && page_kind(bytes.data()) == kind && page_tree(bytes.data()) == tree)
        found.push_back(PageId{id});
    }
    return found;
  }

 private:
  std::span<std::byte, kMetaBytes> block(unsigned copy) {
    return std::span<std::byte, kMetaBytes>(bytes_->data() + meta_offset(copy), kMetaBytes);
  }
  std::span<std::byte> at(Slot slot) {
    if (slot == kNoSlot) return {};
    const std::size_t offset = kHeaderRegionBytes + std::size_t{raw(slot) - 1} * meta_.page_size;
    return std::span(*bytes_).subspan(offset, meta_.page_size);
  }
  MapRef ref(std::uint32_t level, std::uint32_t index) {
    if (level == meta_.map_height) return meta_.map_root;
    const auto parent = at(ref(level + 1, index / inner_fanout()).slots[0]);
    const std::byte* from = parent.data() + child_at(index);
    return {{load<Slot>(from), load<Slot>(from + 4)}, load64(from + 8)};
  }
  [[nodiscard]] std::uint32_t leaf_fanout() const { return (meta_.page_size - kMapBodyAt) / 8; }
  [[nodiscard]] std::uint32_t inner_fanout() const { return (meta_.page_size - kMapBodyAt) / 16; }
  [[nodiscard]] std::size_t entry_at(PageId id) const {
    return kMapBodyAt + raw(id) % leaf_fanout() * 8;
  }
  [[nodiscard]] std::size_t child_at(std::uint32_t index) const {
    return kMapBodyAt + index % inner_fanout() * 16;
  }

  std::vector<std::byte>* bytes_;
  Meta meta_;
  std::uint32_t id_end_ = 0;
};

// One log segment's bytes.
class ForgedSegment {
 public:
  explicit ForgedSegment(std::vector<std::byte>& bytes)
      : bytes_(&bytes), header_(decode_segment_header(bytes).value()) {
    for (std::size_t at = kSegmentBodyOffset; at + kBatchHeaderBytes <= bytes.size(); at += 8) {
      const auto batch = decode_batch_header(bytes.data() + at, header_.ref.salt);
      if (!batch) continue;
      last_at_ = at;
      last_ = *batch;
    }
  }

  SegmentHeader& header() { return header_; }
  void write_header() {
    for (std::size_t copy = 0; copy < kSegmentHeaderCopies; ++copy) {
      encode_segment_header(header_, std::span<std::byte, kLogBlockBytes>(
                                         bytes_->data() + copy * kLogBlockBytes, kLogBlockBytes));
    }
  }
  // The last batch; change it, then write_last().
  BatchHeader& last() { return last_; }
  void write_last(const std::vector<std::byte>& payload) {
    last_.payload_bytes = static_cast<std::uint32_t>(payload.size());
    std::fill(bytes_->begin() + static_cast<std::ptrdiff_t>(last_at_), bytes_->end(), std::byte{0});
    std::byte* body = bytes_->data() + last_at_ + kBatchHeaderBytes;
    if (!payload.empty()) std::memcpy(body, payload.data(), payload.size());
    last_.payload_hash = hash64({body, align_up(payload.size(), 8)});
    encode_batch_header(last_, header_.ref.salt, bytes_->data() + last_at_);
  }

 private:
  std::vector<std::byte>* bytes_;
  SegmentHeader header_;
  std::size_t last_at_ = 0;
  BatchHeader last_;
};

// Uses a database in every way there is. Errors are fine; that it ends, and keeps to its memory, is
// the test.
class HostileUse {
 public:
  explicit HostileUse(const MemoryWorld::Files& files) : files_(files) {}

  // What was answered for these keys, by those openings that could; and all errors.
  struct Seen {
    Contents read_only;
    std::vector<std::string> errors;
    int findings = 0;
    int opened = 0;
  };
  Seen run() {
    for (OpenMode mode : {OpenMode::kReadOnly, OpenMode::kReadWrite}) {
      MemoryWorld world;
      world.put(files_);
      Options options = world.options();
      options.page_size = 4096;
      options.cache_bytes = std::size_t{1} << 20;
      options.mode = mode;
      auto db = Database::open("db", options);
      if (note(db)) {
        ++seen_.opened;
        read(*db, mode);
        if (mode == OpenMode::kReadWrite) write(*db);
        note(db->close());
      }
      if (mode == OpenMode::kReadOnly) {
        EXPECT_TRUE(world.files() == files_);
      }
    }
    return std::move(seen_);
  }

 private:
  template <class T>
  bool note(const Result<T>& result) {
    if (!result) seen_.errors.push_back(result.error().to_string());
    return result.has_value();
  }

  void read(Database& db, OpenMode mode) {
    auto reader = db.begin_read();
    if (!note(reader)) return;
    auto trees = reader->trees();
    note(trees);
    std::vector<Tree> all{Tree{}};
    if (trees) {
      for (const TreeInfo& tree : *trees) all.push_back(tree.tree);
    }
    for (Tree tree : all) {
      note(reader->count(tree));
      for (bool backward : {false, true}) scan(*reader, tree, backward, mode);
      for (int i = 0; i < 2000; i += 97) note(reader->get(tree, numbered(i)));
      note(reader->contains(tree, std::string(900, 'k')));
    }
    auto report = db.verify();
    if (note(report)) seen_.findings += static_cast<int>(report->findings_total);
  }
  void scan(ReadTransaction& reader, Tree tree, bool backward, OpenMode mode) {
    auto cursor = reader.cursor(tree);
    if (!note(cursor)) return;
    int steps = 0;
    auto on = backward ? cursor->last() : cursor->first();
    for (; on && *on; on = backward ? cursor->prev() : cursor->next()) {
      ASSERT_LT(++steps, 20'000) << "a scan that doesn't end";
      auto value = cursor->value();
      if (note(value) && !backward && tree == Tree{} && mode == OpenMode::kReadOnly)
        seen_.read_only.emplace(cursor->key(), *value);
    }
    note(on);
  }
  void write(Database& db) {
    for (int i = 0; i < 2000; i += 41) {
      auto writer = db.begin_write();
      if (!note(writer)) return;
      note(writer->put(numbered(i), std::string(i % 7 == 0 ? 9000 : 300, 'n')));
      note(writer->put(std::string(static_cast<std::size_t>(i) % 1000, 'k'), "new"));
      if (i % 3 == 0) note(writer->erase(numbered(i + 3)));
      if (i % 400 == 0) note(writer->open_or_create_tree("fresh " + numbered(i)));
      note(writer->commit());
      if (i % 500 == 0) note(db.checkpoint());
      while (db.run_background().value_or(false)) {
      }
    }
    for (int i = 0; i < 2000; i += 7) note(db.erase(numbered(i)));
    note(db.checkpoint());
    note(db.verify());
  }

  MemoryWorld::Files files_;
  Seen seen_;
};

}  // namespace holdfast
