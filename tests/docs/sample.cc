// Makes the databases that the documents' tests look at, the same bytes each time: the random
// numbers come from a counter, the clock stands still, and nothing runs in the background.
//
//   docs_sample tiny PATH         closed; the worked example of docs/FORMAT.md
//   docs_sample tiny-log PATH     the same, and ended without a close after one more commit
//   docs_sample life PATH N P     life N (from 0) of a database with pages of P bytes: some
//                                 thousand changes in several trees, ended without a close
//   docs_sample golden PATH N P   the same, small: for tests/golden
//   docs_sample cut PATH          erases a range, drops a tree and frees some of what that cut off,
//                                 ended without a close
//   docs_sample keep PATH         keeps a checkpoint, prints its id, ended without a close
//   docs_sample close PATH        opens and commits, so that closing folds the log in
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "engine/base/environment.h"
#include "holdfast/holdfast.h"

namespace holdfast {
namespace {

class StillClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point now() override { return {}; }
  std::uint64_t wall_us() override { return 1'767'225'600'000'000; }  // The first of 2026.
};

class CountingRandom final : public Random {
 public:
  explicit CountingRandom(unsigned first) : next_(first) {}
  std::array<std::byte, 16> bytes16() override {
    std::array<std::byte, 16> bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = static_cast<std::byte>(next_ * 16 + i);
    ++next_;
    return bytes;
  }

 private:
  unsigned next_;
};

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "docs_sample: %s\n", result.error().to_string().c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

void tiny(Database& db) {
  auto writer = must(db.begin_write());
  must(writer.put("apple", "red"));
  must(writer.put("apricot", "orange"));
  must(writer.put("banana", "yellow"));
  must(writer.commit());
}

std::string key_of(unsigned n) {
  std::string key = "key-" + std::to_string(n * 2654435761U % 5000);
  if (n % 7 == 0) key.append(n % 900, 'k');
  if (n % 11 == 0) key.insert(0, "/a/long/common/beginning/of/keys/");
  return key;
}

std::string value_of(unsigned n, unsigned life) {
  const unsigned bytes = n % 97 == 0 ? 20'000 + n : n % 13 == 0 ? 900 : n % 60;
  std::string value = std::to_string(life) + ":" + std::to_string(n) + ":";
  for (unsigned i = 0; value.size() < bytes; ++i) value += static_cast<char>(n + i * 31);
  return value;
}

// Many transactions, of one change up to several batches; a checkpoint somewhere; deletions.
void live(Database& db, unsigned life, unsigned rounds, unsigned changes) {
  for (unsigned round = 0; round < rounds; ++round) {
    auto writer = must(db.begin_write());
    const Tree fruit = must(writer.open_or_create_tree("fruit"));
    const Tree other = must(writer.open_or_create_tree("tree-" + std::to_string(round % 5)));
    for (unsigned i = 0; i < changes; ++i) {
      const unsigned n = life * 1000 + round * 331 + i;
      must(writer.put(key_of(n), value_of(n, life)));
      if (n % 3 == 0) must(writer.put(fruit, key_of(n * 7), value_of(i, life)));
      if (n % 5 == 0) must(writer.put(other, key_of(n * 3), ""));
      if (n % 4 == 0) must(writer.erase(key_of(n / 2)));
    }
    must(writer.put("", "the empty key"));
    must(writer.commit(round % 4 == 1 ? Durability::kOs : Durability::kSync));
    if (life % 2 == 1 && round == rounds / 2 - 1) must(db.checkpoint());
  }
}

void cut(Database& db) {
  auto writer = must(db.begin_write());
  must(writer.erase_range("key-15", "key-45"));
  must(writer.drop_tree(must(writer.open_tree("fruit"))));
  must(writer.commit());
  int steps = 0;
  (void)db.reclaim([&](const Progress&) { return ++steps <= 2; });
  must(db.put("cut", "yes"));
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
  using namespace holdfast;
  if (argc < 3) return 2;
  const std::string what = argv[1];
  const unsigned life = argc > 3 ? static_cast<unsigned>(std::atoi(argv[3])) : 0;
  StillClock clock;
  CountingRandom random(life * 8 + (what == "close"  ? 4
                                    : what == "cut"  ? 6
                                    : what == "keep" ? 7
                                                     : 0));
  Environment environment{system_environment().storage, &clock, &random};
  Options options;
  options.environment = &environment;
  options.background = Background::kHost;
  options.page_size = argc > 4 ? static_cast<std::uint32_t>(std::atoi(argv[4])) : 4096;
  options.log_segment_bytes = (what == "golden" ? 64 : 128) << 10;
  options.checkpoint_log_bytes = 2 << 20;
  Database db = must(Database::open(argv[2], options));
  if (what == "tiny" || what == "tiny-log") {
    tiny(db);
    if (what == "tiny-log") must(db.put("cherry", "dark red"));
  } else if (what == "life") {
    live(db, life, 12, 300);
  } else if (what == "golden") {
    live(db, life, 4, 25);
  } else if (what == "cut") {
    cut(db);
  } else if (what == "keep") {
    std::printf("%llu\n", static_cast<unsigned long long>(must(db.keep_checkpoint()).id));
    std::fflush(stdout);
  } else {
    must(db.put("closed", "yes"));
  }
  if (what == "tiny" || what == "close") {
    must(db.close());
    return 0;
  }
  _exit(0);  // As a kill would: what was handed to the system is there, nothing else.
}
