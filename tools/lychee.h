// Lychee statements: INSERT(k,v), READ(k), UPDATE(k,v), DELETE(k), PRINT and EXIT, in any case and
// spacing. Keys and values are bare words (anything but blanks, commas, parentheses and quotes) or
// text in single or double quotes, stored as the bytes typed, without the quotes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::tools {

struct Statement {
  enum class Kind : std::uint8_t { kInsert, kRead, kUpdate, kDelete, kPrint, kExit };
  Kind kind = Kind::kPrint;
  std::string key;
  std::string value;
};

// Nothing when `line` is no statement.
[[nodiscard]] std::optional<Statement> parse_statement(std::string_view line);

[[nodiscard]] bool is_blank(std::string_view line) noexcept;

}  // namespace holdfast::tools
