// libFuzzer: bytes are a text that `holdfast load` is given. What it takes is dumped in each format
// and loaded again: the same records in the same trees.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

#include "engine/storage/memory_storage.h"
#include "fuzz/lab/sim_environment.h"
#include "holdfast/holdfast.h"
#include "tools/loader.h"
#include "tools/record_writer.h"

namespace {

using namespace holdfast;
using Trees = std::map<std::string, std::map<std::string, std::string>>;

constexpr std::size_t kLineBytesMost = 1 << 16;

void require(bool right) {
  if (!right) std::abort();
}

// A file that is only in memory.
class Text {
 public:
  Text() : fd_(::memfd_create("text", MFD_CLOEXEC)) { require(fd_ >= 0); }
  ~Text() { ::close(fd_); }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  [[nodiscard]] int fd() const { return fd_; }
  void rewind() const { ::lseek(fd_, 0, SEEK_SET); }

 private:
  int fd_;
};

class World {
 public:
  Result<Database> open() {
    Options options;
    options.page_size = 4096;
    options.cache_bytes = std::size_t{2} << 20;
    options.background = Background::kHost;
    options.environment = &environment_;
    return Database::open("db", options);
  }

 private:
  MemoryStorage storage_{std::uint64_t{64} << 20};
  SimClock clock_;
  SimRandom random_;
  Environment environment_{&storage_, &clock_, &random_};
};

tools::ExitCode load(const Text& text, Database& database, const tools::Arguments& args) {
  tools::Console console("load");
  tools::LineReader lines(text.fd(), kLineBytesMost);
  auto records = tools::open_records(lines);
  if (!records) return records.error().code;
  return tools::Loader(database, args, console).run(**records);
}

Trees contents(Database& database) {
  Trees trees;
  auto reader = database.begin_read();
  require(reader.has_value());
  const auto all = reader->trees();
  require(all.has_value());
  for (const TreeInfo& info : *all) {
    auto cursor = reader->cursor(info.tree);
    require(cursor.has_value());
    auto& records = trees[info.name];
    auto on = cursor->first();
    for (; on && *on; on = cursor->next()) {
      records[std::string(cursor->key())] = std::string(cursor->value().value());
    }
    require(on.has_value() && records.size() == info.records);
  }
  return trees;
}

// tsv has no sections: it holds the default tree alone. A tree's name is a line of the other two.
void dump(const Trees& trees, tools::TextFormat format, const Text& text) {
  tools::Output out(text.fd());
  tools::RecordWriter writer(out, format, {});
  for (const auto& [name, records] : trees) {
    if (format == tools::TextFormat::kTsv && !name.empty()) continue;
    require(writer.begin(name));
    for (const auto& [key, value] : records) require(writer.record(key, value));
    require(writer.end());
  }
  require(out.flush());
  text.rewind();
}

void round_trip(const Trees& trees, tools::TextFormat format) {
  const Text text;
  dump(trees, format, text);
  World world;
  auto database = world.open();
  require(database.has_value());
  const bool tsv = format == tools::TextFormat::kTsv;
  if (tsv && trees.at("").empty()) return;  // No line says what format this is.
  require(load(text, *database, {}) == tools::ExitCode::kDone);
  const Trees again = contents(*database);
  require(tsv ? again.at("") == trees.at("") : again == trees);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  tools::Arguments args;
  args.atomic = data[0] % 2 == 1;
  args.commit_every = 1 + data[0] / 2 % 16;
  const Text text;
  require(::write(text.fd(), data + 1, size - 1) == static_cast<ssize_t>(size - 1));
  text.rewind();
  World world;
  auto database = world.open();
  require(database.has_value());
  const tools::ExitCode code = load(text, *database, args);
  require(database->verify().value().sound());
  if (code != tools::ExitCode::kDone) return 0;
  const Trees trees = contents(*database);
  for (const auto format :
       {tools::TextFormat::kByteValue, tools::TextFormat::kPrint, tools::TextFormat::kTsv}) {
    round_trip(trees, format);
  }
  return 0;
}
