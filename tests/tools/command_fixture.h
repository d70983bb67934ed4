// What the tests of commands share: a folder, a database name in it, and hostile records.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/tools/process.h"

namespace holdfast::test {

class CommandTest : public ::testing::Test {
 protected:
  // holdfast with these words; the first "DB" among them stands for the test's database.
  Outcome holdfast(std::vector<std::string> words, const ProcessOptions& options = {}) const {
    for (std::string& word : words) {
      if (word == "DB") word = database_;
    }
    words.insert(words.begin(), HOLDFAST_COMMAND);
    return run(words, options);
  }

  // A tsv text with every byte value in keys and values, empty ones, and a long value.
  static std::string hostile_tsv() {
    std::string text = "\tvalue of the empty key\nempty value\t\n";
    const char* digits = "0123456789abcdef";
    for (int byte = 0; byte < 256; ++byte) {
      const std::string escaped = std::string("\\") + digits[byte >> 4] + digits[byte & 15];
      text += "k" + escaped + escaped + "\t" + escaped + "v" + escaped + "\n";
    }
    return text + "long\t" + std::string(100000, 'x') + "\n";
  }

  TemporaryFolder folder_;
  std::string database_ = folder_ / "test.db";
};

}  // namespace holdfast::test
