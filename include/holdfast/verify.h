// verify(): every check there is, over the whole database, as a list of findings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/export.h"
#include "holdfast/progress.h"

namespace holdfast {

struct Finding {
  std::string code;                     ///< Stable name: "page_check", "key_order", "page_lost" …
  std::string detail;                   ///< One sentence.
  std::string file;                     ///< The file it lies in.
  std::optional<std::uint64_t> offset;  ///< Byte offset in that file.
  std::optional<std::uint32_t> page;
  std::optional<std::uint32_t> tree;
  std::optional<std::uint64_t> txn;
};

struct TreeSummary {
  std::string name;  ///< Empty for the default tree.
  std::uint32_t id = 0;
  std::uint64_t records = 0;
  std::uint64_t pages = 0;  ///< Nodes, without overflow pages.
  std::uint64_t overflow_pages = 0;
  std::uint32_t height = 0;      ///< Levels, 1 for a lone leaf.
  std::uint64_t bytes_used = 0;  ///< In nodes: header, prefix, records.
};

struct VerifyReport {
  std::vector<Finding> findings;  ///< At most VerifyOptions::findings_max.
  std::uint64_t findings_total = 0;
  std::uint64_t pages_checked = 0;
  std::uint64_t map_pages_checked = 0;
  std::uint64_t kept_pages_checked = 0;  ///< Of kept checkpoints, where the newest has others.
  std::uint64_t kept_slots = 0;          ///< That only kept checkpoints need.
  std::uint64_t slots_free = 0;
  std::uint64_t log_bytes_checked = 0;
  std::uint64_t records = 0;
  std::uint64_t dying_pages = 0;  ///< Of what was dropped or erased as a range, and is to be freed.
  std::vector<TreeSummary> trees;
  double seconds = 0;

  [[nodiscard]] bool sound() const noexcept { return findings_total == 0; }
};

struct VerifyOptions {
  std::uint64_t findings_max = 1000;
  ProgressFunction progress;
};

}  // namespace holdfast
