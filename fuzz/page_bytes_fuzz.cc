// libFuzzer: bytes are the pages of a tree, as if they had passed all checks: page n is the n-th
// piece of 4096 bytes of the expanded input (fuzz/lab/file_image.h). The tree is read both ways,
// checked and changed. Whatever the pages claim, nothing leaves them, and where the check finds
// nothing, what a cursor shows is in order, can be found by its key, and is as much as was counted.
//
// The mutator mends what the cache would have verified: every page's id, tree and tag.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "engine/tree/cursor.h"
#include "engine/tree/tree.h"
#include "engine/tree/tree_check.h"
#include "fuzz/byte_pages.h"
#include "fuzz/image_mutator.h"

namespace {

using namespace holdfast;

constexpr int kStepsMost = 5'000;
constexpr TreeRef kTree{TreeId{1}, PageId{1}};
constexpr std::uint32_t kPageBytes = BytePages::kBytes;

class Check final : public TreeCheckSink {
 public:
  void finding(const TreeFinding&) override { ++findings; }
  bool claim(PageId page) override { return claimed_.insert(raw(page)).second; }
  std::uint64_t findings = 0;

 private:
  std::set<std::uint32_t> claimed_;
};

// Nothing where the check found something.
std::uint64_t records_if_sound(BytePages& pages, bool& sound) {
  Check check;
  const auto totals = tree_check(pages, kTree, check);
  sound = totals && check.findings == 0;
  return totals ? totals->records : 0;
}

void require(bool right) {
  if (!right) std::abort();
}

void read(BytePages& pages) {
  bool sound = false;
  const std::uint64_t records = records_if_sound(pages, sound);
  std::uint64_t seen = 0;
  std::string before, value;
  TreeCursor cursor(pages, kTree);
  int left = kStepsMost;
  auto on = cursor.first();
  for (; on && *on && --left > 0; on = cursor.next()) {
    const std::string key(cursor.key());
    require(seen == 0 || before < key);
    if (sound) require(tree_get(pages, kTree, key, value).value_or(false));
    (void)cursor.value();
    before = key;
    ++seen;
  }
  if (sound && left > 0) require(on.has_value() && seen == records);
  std::uint64_t seen_back = 0;
  left = kStepsMost;
  for (on = cursor.last(); on && *on && --left > 0; on = cursor.prev()) {
    require(seen_back == 0 || cursor.key() < before);
    before = cursor.key();
    ++seen_back;
  }
  if (sound && left > 0) require(on.has_value() && seen_back == records);
  (void)cursor.seek_at_or_before("k5");
}

void change(BytePages& pages) {
  for (int i = 0; i < 24; ++i) {
    const std::string key = "k" + std::to_string(i * 7 % 24);
    if (i % 3 == 2) {
      if (!tree_erase(pages, kTree, key)) return;
    } else if (!tree_put(pages, kTree, key, std::string(static_cast<std::size_t>(i) * 40, 'v'))) {
      return;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  BytePages pages(image_of(data, size).tree);
  if (pages.size() == 0) return 0;
  read(pages);
  change(pages);
  read(pages);
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  return mutate_image(data, size, max_size, seed, [](FileImage& image) {
    image.log.clear();
    for (std::size_t at = 0; at + kPageBytes <= image.tree.size(); at += kPageBytes) {
      store(image.tree.data() + at + page_at::kTree, kTree.id);
      store64(image.tree.data() + at + page_at::kTag, BytePages::kTag);
    }
  });
}
