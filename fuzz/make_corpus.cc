// make_corpus DIRECTORY: writes the seeds of the fuzz targets into DIRECTORY/<target>/, the same
// ones every time. They are committed; this is for when a format or the op language changes.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/storage/memory_storage.h"
#include "engine/tree/tree.h"
#include "fuzz/byte_pages.h"
#include "fuzz/lab/file_image.h"
#include "fuzz/lab/lab_database.h"
#include "fuzz/lab/rng.h"

namespace {

using namespace holdfast;
using Kind = Op::Kind;

void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
}

std::vector<std::byte> copy(std::span<const std::byte> bytes) {
  return {bytes.begin(), bytes.end()};
}

// The files as they are after these ops; with `closed` after a close, else as a kill leaves them.
void make_image(const std::filesystem::path& path, const Shape& shape, const std::vector<Op>& ops,
                bool closed) {
  SimDisk disk;
  LabDatabase database(disk);
  database.start(shape, 1);
  database.open();
  for (const Op& op : ops) database.apply(op);
  if (closed) database.close();
  FileImage image;
  image.tree = copy(disk.cached_bytes("db"));
  for (const std::string& name : disk.paths()) {
    if (name.find(".log-") != name.npos) image.log = copy(disk.cached_bytes(name));
  }
  write_file(path, image.shrink());
}

void make_images(const std::filesystem::path& directory) {
  Shape shape;
  shape.keys = Shape::Keys::kShort;
  make_image(directory / "empty", shape, {}, true);
  make_image(directory / "small", shape,
             {{.kind = Kind::kPutRun, .count = 12, .key = 1, .bytes = 20},
              {.kind = Kind::kCreateTree, .tree = 1},
              {.kind = Kind::kPut, .tree = 1, .key = 3, .bytes = 600},
              {.kind = Kind::kCommitSync}},
             true);
  make_image(directory / "with_log", shape,
             {{.kind = Kind::kPutRun, .count = 6, .key = 1, .bytes = 12},
              {.kind = Kind::kCommitSync},
              {.kind = Kind::kErase, .key = 2},
              {.kind = Kind::kPut, .key = 40, .bytes = 30},
              {.kind = Kind::kCommitSync}},
             false);
  shape.keys = Shape::Keys::kLong;
  make_image(
      directory / "three_levels", shape,
      {{.kind = Kind::kPutRun, .count = 20, .key = 1, .bytes = 1}, {.kind = Kind::kCommitSync}},
      true);
}

// Two log files, as a kill leaves them: the second is in the place of the tree file.
void make_logs(const std::filesystem::path& directory) {
  for (const int commits : {1, 3, 40}) {
    SimDisk disk;
    LabDatabase database(disk);
    Shape shape;
    shape.checkpoint_log_bytes = std::uint64_t{1} << 20;
    database.start(shape, 1);
    database.open();
    for (int i = 0; i < commits; ++i) {
      database.apply(
          {.kind = Kind::kPutRun, .count = 6, .key = static_cast<std::uint16_t>(i), .bytes = 90});
      database.apply({.kind = Kind::kCommitSync});
    }
    FileImage image;
    for (const std::string& name : disk.paths()) {
      if (name.find(".log-") == name.npos) continue;
      (image.log.empty() ? image.log : image.tree) = copy(disk.cached_bytes(name));
    }
    write_file(directory / (std::to_string(commits) + "-commits"), image.shrink());
  }
}

void make_pages(const std::filesystem::path& directory) {
  const auto save = [&](const char* name, int records, std::size_t key_bytes,
                        std::size_t value_bytes) {
    BytePages pages({});
    const auto root = tree_create(pages, TreeId{1});
    if (!root) return;
    for (int i = 0; i < records; ++i) {
      const std::string key = "k" + std::string(key_bytes, 'p') + std::to_string(i);
      (void)tree_put(pages, {TreeId{1}, *root}, key,
                     std::string(value_bytes, value_bytes > 4096 ? '\0' : 'v'));
    }
    FileImage image;
    image.tree = pages.bytes();
    write_file(directory / name, image.shrink());
  };
  save("empty", 0, 0, 0);
  save("small", 8, 0, 20);
  save("overflow", 4, 3, 9000);
  save("three_levels", 20, 1000, 1);
}

// A backup, and behind it what changed since, or nothing.
void make_backups(const std::filesystem::path& directory) {
  MemoryStorage storage;
  SimClock clock;
  SimRandom random;
  Environment environment{&storage, &clock, &random};
  Options options;
  options.environment = &environment;
  options.background = Background::kHost;
  options.page_size = 4096;
  auto db = Database::open("db", options).value();
  const auto put = [&](int from, int count) {
    for (int i = from; i < from + count; ++i)
      db.put("k" + std::to_string(i), std::string(90, 'v')).value();
  };
  const auto stream = [&](std::uint64_t since) {
    std::string bytes;
    BackupOptions backup;
    backup.since = since;
    db.backup(
          [&](std::string_view more) -> Result<void> {
            bytes += more;
            return {};
          },
          backup)
        .value();
    return bytes;
  };
  const auto save = [&](const char* name, const std::string& first, const std::string& second) {
    FileImage image;
    image.tree = copy(as_bytes(first));
    image.log = copy(as_bytes(second));
    write_file(directory / name, image.shrink());
  };
  put(0, 5);
  const std::uint64_t kept = db.keep_checkpoint().value().id;
  const std::string whole = stream(0);
  save("whole", whole, "");
  put(3, 4);
  save("with_increment", whole, stream(kept));
  db.close().value();
}

void make_texts(const std::filesystem::path& root) {
  const auto save = [&](const char* name, const std::string& text) {
    write_file(root / name, std::as_bytes(std::span(text)));
  };
  const std::string head = "VERSION=3\nformat=bytevalue\ntype=btree\nHEADER=END\n";
  save("dump_load_fuzz/bytevalue", "\x02" + head + " 61\n 62\n 6b31\n 00ff\nDATA=END\n");
  save("dump_load_fuzz/print",
       "\x03VERSION=3\nformat=print\ndatabase=people\nHEADER=END\n a\\5cb\n v\\00\nDATA=END\n"
       "VERSION=3\nformat=print\nHEADER=END\n k\n v\nDATA=END\n");
  save("dump_load_fuzz/lmdb",
       "\x04VERSION=3\nformat=bytevalue\ndatabase=t\ntype=btree\nmapsize=1048576\nmaxreaders=126\n"
       "db_pagesize=4096\nHEADER=END\n 6b\n 76\nDATA=END\n");
  save("dump_load_fuzz/tsv", std::string("\x01") + "k1\tv1\nk2\tv\\09\r\nk1\tv3\n");
  save("shell_fuzz/all",
       "INSERT(a,1)\nREAD(a)\nUPDATE(a,2)\nINSERT(a,3)\ndelete( a )\nREAD(a)\nPRINT\n"
       "INSERT(\"x, y\",'(z)')\nPRINT\n\nnonsense\nEXIT\nINSERT(b,1)\n");
  save("shell_fuzz/many", [] {
    std::string text;
    for (int i = 0; i < 60; ++i) {
      text += "INSERT(k" + std::to_string(i * 7 % 60) + "," + std::string(100, 'v') + ")\n";
    }
    return text + "PRINT\n";
  }());
}

void make_streams(const std::filesystem::path& directory) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    std::vector<std::byte> bytes(200 + 50 * seed);
    Rng(seed).fill(bytes);
    write_file(directory / ("random-" + std::to_string(seed)), bytes);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_corpus DIRECTORY\n");
    return 2;
  }
  const std::filesystem::path root(argv[1]);
  for (const char* name : {"file_bytes_fuzz", "op_stream_fuzz", "log_bytes_fuzz", "page_bytes_fuzz",
                           "stream_bytes_fuzz", "dump_load_fuzz", "shell_fuzz"}) {
    std::filesystem::create_directories(root / name);
  }
  make_images(root / "file_bytes_fuzz");
  make_streams(root / "op_stream_fuzz");
  make_logs(root / "log_bytes_fuzz");
  make_pages(root / "page_bytes_fuzz");
  make_backups(root / "stream_bytes_fuzz");
  make_texts(root);
  return 0;
}
