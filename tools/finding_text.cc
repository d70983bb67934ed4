#include "tools/finding_text.h"

#include <fmt/format.h>

#include "tools/json_output.h"

namespace holdfast::tools {

std::string text_of(const Finding& finding) {
  std::string place = finding.file.empty() ? "" : "file " + finding.file;
  auto add = [&](const char* name, auto value) {
    if (value) place += fmt::format("{}{} {}", place.empty() ? "" : ", ", name, *value);
  };
  add("offset", finding.offset);
  add("page", finding.page);
  add("tree", finding.tree);
  add("transaction", finding.txn);
  return fmt::format("{}: {}{}\n", finding.code, finding.detail,
                     place.empty() ? "" : " (" + place + ")");
}

std::string json_of(const Finding& finding) {
  JsonObject line;
  line.text("type", "finding").text("code", finding.code).text("detail", finding.detail);
  if (!finding.file.empty()) line.text("file", finding.file);
  if (finding.offset) line.number("offset", *finding.offset);
  if (finding.page) line.number("page", *finding.page);
  if (finding.tree) line.number("tree", *finding.tree);
  if (finding.txn) line.number("transaction", *finding.txn);
  return line.line();
}

}  // namespace holdfast::tools
