// One tree over MapPages beside the std::map that it must agree with.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/tree/cursor.h"
#include "engine/tree/tree.h"
#include "engine/tree/tree_check.h"
#include "tests/tree/map_pages.h"

namespace holdfast::testing {

struct Findings : TreeCheckSink {
  void finding(const TreeFinding& found) override {
    codes.insert(std::string(found.code));
    text += std::string(found.code) + " at page " + std::to_string(raw(found.page)) + ": " +
            found.detail + "\n";
  }
  bool claim(PageId page) override { return pages.insert(page).second; }
  std::set<std::string> codes;
  std::string text;
  std::set<PageId> pages;
};

// HOLDFAST_SEED=n moves every test to other random numbers: run them in a loop to soak the tree.
inline std::uint64_t soak_seed() {
  const char* seed = std::getenv("HOLDFAST_SEED");
  return seed == nullptr ? 0 : std::strtoull(seed, nullptr, 10) * 1000003;
}

class ModelTree {
 public:
  explicit ModelTree(std::uint32_t page_size, std::uint64_t seed = 1)
      : pages(page_size), random(seed + soak_seed()) {
    ref = {TreeId{5}, tree_create(pages, TreeId{5}).value()};
  }

  void put(const std::string& key, const std::string& value) {
    const Result<PutOutcome> outcome = tree_put(pages, ref, key, value);
    ASSERT_TRUE(outcome) << outcome.error().to_string();
    ASSERT_TRUE(outcome->stored);
    ASSERT_EQ(outcome->existed, model.contains(key));
    model[key] = value;
  }

  void erase(const std::string& key) {
    const Result<bool> gone = tree_erase(pages, ref, key);
    ASSERT_TRUE(gone) << gone.error().to_string();
    ASSERT_EQ(*gone, model.erase(key) == 1);
  }

  // The structure is sound, every page belongs to it, every record is there, both ways.
  TreeTotals check() {
    Findings findings;
    TreeTotals totals;
    [&] {
      const Result<TreeTotals> result = tree_check(pages, ref, findings);
      ASSERT_TRUE(result) << result.error().to_string();
      totals = *result;
      ASSERT_EQ(findings.text, "");
      ASSERT_EQ(pages.complaint, "");
      ASSERT_EQ(totals.records, model.size());
      TreeCursor cursor(pages, ref);
      auto at = model.begin();
      for (bool on = cursor.first().value(); on; on = cursor.next().value(), ++at) {
        ASSERT_NE(at, model.end());
        ASSERT_EQ(cursor.key(), at->first);
        ASSERT_EQ(cursor.value().value(), at->second);
      }
      ASSERT_EQ(at, model.end());
      auto back = model.rbegin();
      for (bool on = cursor.last().value(); on; on = cursor.prev().value(), ++back) {
        ASSERT_NE(back, model.rend());
        ASSERT_EQ(cursor.key(), back->first);
      }
      ASSERT_EQ(back, model.rend());
    }();
    return totals;
  }

  // Runs of long values that were cut off are freed with it.
  TreeTotals commit() {
    for (const CutPart& part : std::exchange(pages.cuts, {})) {
      EXPECT_NE(part.run_pages, 0u);
      EXPECT_TRUE(pages.release(part.first, part.run_pages));
    }
    redo_bytes = pages.commit();
    const TreeTotals totals = check();
    EXPECT_EQ(totals.nodes + totals.overflow_pages, pages.committed.size()) << "pages were lost";
    return totals;
  }

  std::uint64_t below(std::uint64_t n) { return random() % n; }
  std::string bytes(std::size_t n) {
    std::string s(n, '\0');
    for (char& c : s) c = static_cast<char>(random());
    return s;
  }
  const std::string& any_key() {
    auto at = model.lower_bound(bytes(4));
    return at == model.end() ? model.begin()->first : at->first;
  }

  MapPages pages;
  TreeRef ref;
  std::map<std::string, std::string> model;
  std::mt19937_64 random;
  std::size_t redo_bytes = 0;
};

inline std::string padded(std::uint64_t n, std::size_t width = 10) {
  std::string digits = std::to_string(n);
  return std::string(width - std::min(width, digits.size()), '0') + digits;
}

}  // namespace holdfast::testing
