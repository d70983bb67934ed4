// What stays within a budget, and what it costs: memory_bench DIRECTORY [SCENARIO…]
//
//   transaction  one transaction of 2 GiB, 64 MiB of cache
//   reader       a snapshot that stays open through 10 million updates, 64 MiB
//   cursors      10,000 idle cursors, 16 MiB
//   data         random reads and writes of data 50 times the cache, 16 MiB
//   value        one value of 1 GiB in pieces, 64 MiB; HOLDFAST_VALUE_BYTES says another size
//   large        random reads and updates of a file of 10 GB, 4 MiB; HOLDFAST_FILE_BYTES says
//                another size
//   load         2 million sorted records by put() and by bulk_load(), 64 MiB
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/holdfast.h"

namespace {

using holdfast::Database;
using holdfast::Durability;
using holdfast::Options;

constexpr std::size_t kMiB = std::size_t{1} << 20;

template <class T>
T must(holdfast::Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().to_string().c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

std::string key_of(std::uint64_t n) {
  char text[32];
  std::snprintf(text, sizeof text, "key%012llu", static_cast<unsigned long long>(n));
  return text;
}

std::size_t resident() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t pages = 0;
  statm >> total >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// Prints how long a stage took, and the most memory that look() saw.
class Stage {
 public:
  explicit Stage(const char* name) : name_(name) {}
  void look() { peak_ = std::max(peak_, resident()); }
  void done(const Database& db) {
    look();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun_;
    const holdfast::Stats stats = db.stats();
    std::printf(
        "%-34s %8.1f s  %4zu MiB resident, %4zu MiB more than before; cache %llu MiB; "
        "%llu parked, %llu MiB parked now, file %llu MiB, log %llu MiB written\n",
        name_, took.count(), peak_ / kMiB, (peak_ - before_) / kMiB,
        static_cast<unsigned long long>(stats.cache_budget_bytes / kMiB),
        static_cast<unsigned long long>(stats.pages_parked),
        static_cast<unsigned long long>(stats.parked_bytes / kMiB),
        static_cast<unsigned long long>(stats.file_bytes / kMiB),
        static_cast<unsigned long long>(stats.log_bytes / kMiB));
    std::fflush(stdout);
  }

 private:
  const char* name_;
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  const std::size_t before_ = resident();
  std::size_t peak_ = before_;
};

Options with_cache(std::size_t mib) {
  Options options;
  options.cache_bytes = mib * kMiB;
  return options;
}

void transaction(const std::string& path) {
  Database db = must(Database::open(path, with_cache(64)));
  Stage stage("one transaction of 2 GiB");
  auto writer = must(db.begin_write());
  const std::string value(1000, 'v');
  std::uint64_t records = 0;
  for (std::uint64_t bytes = 0; bytes < 2048 * kMiB; bytes += value.size() + 15, ++records) {
    must(writer.put(key_of(records), value));
    if (records % 1000 == 0) stage.look();
  }
  must(writer.commit());
  stage.done(db);
  const auto reader = must(db.begin_read());
  if (must(reader.count()) != records) std::printf("WRONG count\n");
  Stage close("  and its checkpoint");
  must(db.checkpoint());
  close.done(db);
}

void reader(const std::string& path) {
  Database db = must(Database::open(path, with_cache(64)));
  constexpr std::uint64_t kRecords = 200'000;
  const std::string value(500, 'a');
  for (std::uint64_t n = 0; n < kRecords;) {
    auto writer = must(db.begin_write());
    for (int i = 0; i < 1000; ++i, ++n) must(writer.put(key_of(n), value));
    must(writer.commit(Durability::kOs));
  }
  const auto reader = must(db.begin_read());
  Stage stage("10 million updates under a reader");
  std::mt19937_64 random(1);
  const std::string other(500, 'b');
  for (int done = 0; done < 10'000'000;) {
    auto writer = must(db.begin_write());
    for (int i = 0; i < 1000; ++i, ++done) must(writer.put(key_of(random() % kRecords), other));
    must(writer.commit(Durability::kLazy));
    stage.look();
  }
  stage.done(db);
  Stage reading("  and what the reader sees of it");
  std::uint64_t seen = 0;
  auto cursor = must(reader.cursor());
  for (bool on = must(cursor.first()); on; on = must(cursor.next()))
    seen += must(cursor.value()) == value ? 1 : 0;
  if (seen != kRecords) std::printf("WRONG: %llu\n", static_cast<unsigned long long>(seen));
  reading.done(db);
}

void cursors(const std::string& path) {
  Database db = must(Database::open(path, with_cache(16)));
  constexpr std::uint64_t kRecords = 100'000;
  auto writer = must(db.begin_write());
  for (std::uint64_t n = 0; n < kRecords; ++n) must(writer.put(key_of(n), std::string(200, 'c')));
  must(writer.commit());
  Stage stage("10,000 idle cursors");
  const auto reader = must(db.begin_read());
  std::vector<holdfast::Cursor> open;
  for (std::uint64_t n = 0; n < 10'000; ++n) {
    open.push_back(must(reader.cursor()));
    must(open.back().seek(key_of(n * 10)));
  }
  stage.look();
  for (std::uint64_t n = 0; n < 10'000; ++n) {
    must(open[n].next());
    if (open[n].key() != key_of(n * 10 + 1)) std::printf("WRONG cursor\n");
  }
  stage.done(db);
}

void data(const std::string& path) {
  Database db = must(Database::open(path, with_cache(16)));
  constexpr std::uint64_t kRecords = 800'000;  // Of 1 KB.
  const std::string value(1000, 'd');
  {
    Stage stage("800 MB written");
    for (std::uint64_t n = 0; n < kRecords;) {
      auto writer = must(db.begin_write());
      for (int i = 0; i < 2000; ++i, ++n) must(writer.put(key_of(n), value));
      must(writer.commit(Durability::kOs));
      stage.look();
    }
    stage.done(db);
  }
  Stage stage("200,000 reads, 20,000 updates");
  std::mt19937_64 random(2);
  for (int i = 0; i < 200'000; ++i) {
    if (!must(db.get(key_of(random() % kRecords)))) std::printf("WRONG: missing\n");
    if (i % 10 == 0) {
      auto writer = must(db.begin_write());
      must(writer.put(key_of(random() % kRecords), value));
      must(writer.commit(Durability::kLazy));
    }
    if (i % 1000 == 0) stage.look();
  }
  stage.done(db);
}

// The file is made with more memory, and by parts: where each page lies is noted until the commit.
void large(const std::string& path) {
  const char* asked = std::getenv("HOLDFAST_FILE_BYTES");
  const std::uint64_t bytes = asked == nullptr ? 10'000'000'000 : std::strtoull(asked, nullptr, 10);
  const std::string value(1000, 'l');
  const std::uint64_t records = bytes / (value.size() + key_of(0).size());
  {
    Database db = must(Database::open(path, with_cache(64)));
    Stage stage("a large file is made");
    std::uint64_t n = 0;
    std::string key;
    while (n < records) {
      const std::uint64_t end = std::min(records, n + 500'000);
      auto writer = must(db.begin_write());
      must(writer.bulk_load({}, [&]() -> holdfast::Result<std::optional<holdfast::KeyValue>> {
        if (n == end) return std::optional<holdfast::KeyValue>();
        key = key_of(n++);
        return std::optional(holdfast::KeyValue{key, value});
      }));
      must(writer.commit());
      stage.look();
    }
    must(db.close());
    std::printf("%-34s\n", "a large file is made");
  }
  Database db = must(Database::open(path, with_cache(4)));
  const std::uint64_t resident_before = resident();
  Stage stage("100,000 reads, 20,000 updates");
  std::mt19937_64 random(4);
  const std::string other(1000, 'm');
  std::uint64_t most = 0;
  for (int i = 0; i < 100'000; ++i) {
    if (!must(db.get(key_of(random() % records)))) std::printf("WRONG: missing\n");
    if (i % 5 == 0) {
      auto writer = must(db.begin_write());
      must(writer.put(key_of(random() % records), other));
      must(writer.commit(Durability::kLazy));
    }
    if (i % 1000 != 0) continue;
    stage.look();
    const holdfast::Stats stats = db.stats();
    most = std::max(most, stats.table_bytes + stats.cache_frame_bytes + stats.parked_table_bytes +
                              stats.transaction_bytes);
  }
  stage.done(db);
  std::printf("  %llu KiB resident before; frames, table and notes %llu KiB at most\n",
              static_cast<unsigned long long>(resident_before / 1024),
              static_cast<unsigned long long>(most / 1024));
}

// Bytes that this process has handed to the system to be written.
std::uint64_t written_so_far() {
  std::ifstream io("/proc/self/io");
  std::string name;
  std::uint64_t bytes = 0;
  while (io >> name >> bytes) {
    if (name == "wchar:") return bytes;
  }
  return 0;
}

void print_written(const Database& db, std::uint64_t before, std::uint64_t bytes) {
  std::printf("  written by byte: %.3f, of them %.3f to the log\n",
              static_cast<double>(written_so_far() - before) / static_cast<double>(bytes),
              static_cast<double>(db.stats().log_bytes) / static_cast<double>(bytes));
}

void value(const std::string& path) {
  const char* asked = std::getenv("HOLDFAST_VALUE_BYTES");
  const std::uint64_t bytes = asked == nullptr ? 1024 * kMiB : std::strtoull(asked, nullptr, 10);
  Database db = must(Database::open(path, with_cache(bytes > 1024 * kMiB ? 96 : 64)));
  std::string piece(kMiB, '\0');
  for (std::size_t i = 0; i < piece.size(); ++i)
    piece[i] = static_cast<char>(i * 2654435761U >> 13);
  const std::uint64_t before = written_so_far();
  Stage stage("one value in pieces");
  auto writer = must(db.begin_write());
  auto stream = must(writer.put_stream("value", bytes));
  for (std::uint64_t at = 0; at < bytes; at += piece.size()) {
    must(stream.append(std::string_view(piece).substr(0, bytes - at)));
    stage.look();
  }
  must(stream.finish());
  must(writer.commit());
  must(db.checkpoint());
  stage.done(db);
  print_written(db, before, bytes);
  Stage reading("  and read");
  const auto reader = must(db.begin_read());
  const auto found = must(reader.open_value("value"));
  std::string read(kMiB, '\0');
  for (std::uint64_t at = 0; at < bytes; at += read.size()) {
    const std::size_t got = must(found->read(at, std::as_writable_bytes(std::span(read))));
    if (got != std::min<std::uint64_t>(read.size(), bytes - at) ||
        std::string_view(read).substr(0, got) != std::string_view(piece).substr(0, got))
      std::printf("WRONG bytes\n");
    reading.look();
  }
  reading.done(db);
}

void load(const std::string& path) {
  constexpr std::uint64_t kRecords = 2'000'000;
  const std::string text(100, 'l');
  const std::uint64_t bytes = kRecords * (key_of(0).size() + text.size());
  for (const bool bulk : {false, true}) {
    const std::string file = path + (bulk ? "_bulk" : "_put");
    Database db = must(Database::open(file, with_cache(64)));
    const std::uint64_t before = written_so_far();
    Stage stage(bulk ? "2 million records by bulk_load()" : "2 million records by put()");
    auto writer = must(db.begin_write());
    if (bulk) {
      std::uint64_t n = 0;
      std::string key;
      must(writer.bulk_load({}, [&]() -> holdfast::Result<std::optional<holdfast::KeyValue>> {
        if (n == kRecords) return std::optional<holdfast::KeyValue>();
        key = key_of(n++);
        if (n % 10'000 == 0) stage.look();
        return std::optional(holdfast::KeyValue{key, text});
      }));
    } else {
      for (std::uint64_t n = 0; n < kRecords; ++n) must(writer.put(key_of(n), text));
    }
    must(writer.commit());
    must(db.checkpoint());
    stage.done(db);
    print_written(db, before, bytes);
    const auto report = must(db.verify());
    std::printf("  pages full of keys and values to %.1f %%\n",
                100 * static_cast<double>(report.trees.front().bytes_used) /
                    static_cast<double>((report.trees.front().pages) * db.stats().page_size));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(
        stderr,
        "usage: memory_bench DIRECTORY [transaction|reader|cursors|data|value|load|large …]\n");
    return 2;
  }
  const std::vector<std::string> wanted(argv + 2, argv + argc);
  const std::pair<const char*, void (*)(const std::string&)> scenarios[] = {
      {"cursors", cursors}, {"data", data},   {"transaction", transaction},
      {"reader", reader},   {"value", value}, {"load", load},
      {"large", large}};
  for (const auto& [name, run] : scenarios) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), name) == wanted.end()) continue;
    const std::string path = std::string(argv[1]) + "/memory_bench_" + name;
    run(path);
    std::filesystem::remove(path);
    for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
      if (entry.path().string().starts_with(path)) std::filesystem::remove(entry.path());
    }
  }
}
