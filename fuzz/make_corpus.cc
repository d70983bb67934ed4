// make_corpus DIRECTORY: writes the seeds of the fuzz targets into DIRECTORY/<target>/, the same
// ones every time. They are committed; this is for when a format or the op language changes.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

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
  std::filesystem::create_directories(root / "file_bytes_fuzz");
  std::filesystem::create_directories(root / "op_stream_fuzz");
  make_images(root / "file_bytes_fuzz");
  make_streams(root / "op_stream_fuzz");
  return 0;
}
