// Bytes as text and back: hexadecimal, and backslash escapes (`\\`, and `\hh` for whatever isn't
// printable ASCII). The escapes are those of Berkeley DB's print format; tsv uses the same.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::tools {

void append_hex(std::string& text, std::string_view bytes);
// `backslash` is what a backslash is written as: `\\`, or `\5c` for readers that know only that.
void append_escaped(std::string& text, std::string_view bytes, std::string_view backslash = "\\\\");
[[nodiscard]] std::string escaped(std::string_view bytes);

// Nothing when `text` isn't pairs of hexadecimal digits.
[[nodiscard]] std::optional<std::string> from_hex(std::string_view text);
// Nothing when a backslash isn't followed by another or by two hexadecimal digits.
[[nodiscard]] std::optional<std::string> from_escaped(std::string_view text);

[[nodiscard]] bool is_utf8(std::string_view bytes) noexcept;

}  // namespace holdfast::tools
