// libFuzzer: bytes are a tree file and perhaps a log beside it, in the sparse form of
// fuzz/lab/file_image.h. They are opened, scanned both ways, verified and written to. Whatever the
// answers, there must be some: no crash, no hang, nothing undefined.
//
// The mutator mends checksums, so that changed bytes are believed; one time in eight it leaves
// them.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "engine/storage/memory_storage.h"
#include "fuzz/image_mutator.h"
#include "fuzz/lab/arena.h"
#include "fuzz/lab/keep_memory.h"
#include "fuzz/lab/sim_environment.h"
#include "holdfast/holdfast.h"

namespace {

using namespace holdfast;

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{16} << 20;
constexpr int kStepsMost = 20'000;  // Of a scan: a hostile file may show one page many times.

class Bench {
 public:
  explicit Bench(const FileImage& image) {
    place("db", image.tree);
    if (!image.log.empty()) place("db.log-1-1", image.log);
  }

  void read_only() {
    auto db = Database::open("db", options(OpenMode::kReadOnly));
    if (!db) return;
    read(*db);
    (void)db->verify();
  }

  void write() {
    auto db = Database::open("db", options(OpenMode::kReadWrite));
    if (!db) return;
    read(*db);
    (void)db->verify();
    change(*db);
    (void)db->checkpoint();
    while (db->run_background().value_or(false)) {
    }
    (void)db->close();
  }

 private:
  Options options(OpenMode mode) {
    Options options;
    options.mode = mode;
    options.cache_bytes = std::size_t{1} << 20;
    options.log_segment_bytes = std::uint64_t{64} << 10;
    options.background = Background::kHost;
    options.environment = &environment_;
    static const Arena arena(std::size_t{1} << 20);
    options.arena = arena.bytes();
    return options;
  }

  void place(const std::string& path, const std::vector<std::byte>& bytes) {
    auto file = storage_.open(path, FileMode::kCreateNew);
    if (file) (void)(*file)->write(0, bytes);
  }

  static void scan(const Reader& reader, Tree tree) {
    auto cursor = reader.cursor(tree);
    if (!cursor) return;
    int left = kStepsMost;
    for (auto on = cursor->first(); on && *on && --left > 0; on = cursor->next()) {
      (void)cursor->value();
      if (left % 64 == 0) (void)reader.contains(tree, cursor->key());
    }
    left = kStepsMost;
    for (auto on = cursor->last(); on && *on && --left > 0; on = cursor->prev()) {
    }
    (void)cursor->seek("m");
    (void)cursor->seek_at_or_before("m");
  }

  static void read(Database& db) {
    auto reader = db.begin_read();
    if (!reader) return;
    scan(*reader, Tree{});
    (void)reader->get("k000001");
    const auto trees = reader->trees();
    if (!trees) return;
    for (const TreeInfo& info : *trees) {
      scan(*reader, info.tree);
      (void)reader->count(info.tree);
    }
  }

  static void change(Database& db) {
    for (int round = 0; round < 3; ++round) {
      auto writer = db.begin_write();
      if (!writer) return;
      for (int i = 0; i < 20; ++i) {
        const std::string key = "k" + std::to_string(1'000'000 + i * 7).substr(1);
        if (i % 3 == round) {
          (void)writer->erase(key);
        } else {
          (void)writer->put(key, std::string(static_cast<std::size_t>(i) * 60, 'v'));
        }
      }
      auto tree = writer->open_or_create_tree("tree 1");
      if (tree) (void)writer->put(*tree, "fuzz", std::string(5000, 'w'));
      (void)writer->commit();
    }
  }

  MemoryStorage storage_{kMaxFileBytes};
  SimClock clock_;
  SimRandom random_;
  Environment environment_{&storage_, &clock_, &random_};
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  keep_memory();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bench bench(image_of(data, size));
  bench.read_only();  // Which changes nothing.
  bench.write();
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  return mutate_image(data, size, max_size, seed, [](FileImage& image) { image.mend(); });
}
