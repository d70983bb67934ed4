// A database's files as a fuzzer sees them: a few KiB in which runs of zeros are only counted, and
// the checksums of which can be mended after a change, so that the change is looked at at all.
//
// Sparse form: u32 bytes of the first stream, the tree file's stream, the log file's. A stream is
// pairs of (LEB128 zeros to skip, LEB128 literal bytes, those bytes). Any bytes are some image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace holdfast {

struct FileImage {
  static constexpr std::size_t kMaxBytes = std::size_t{2} << 20;  // Of one file, expanded.

  std::vector<std::byte> tree;
  std::vector<std::byte> log;  // One segment; empty for none.

  static FileImage expand(std::span<const std::byte> sparse);
  [[nodiscard]] std::vector<std::byte> shrink() const;

  // Makes all checks right, from the pages up to the metas and along the log.
  void mend();
};

// The same for a segment alone: its headers, and its batches as far as they follow each other.
void mend_log(std::vector<std::byte>& segment);

}  // namespace holdfast
