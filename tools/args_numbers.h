// Numbers on the command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::tools {

// "64M" and the like: K, M, G, T are powers of 1024; a B or iB after them changes nothing.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

// A whole number, and nothing else.
std::optional<std::uint64_t> parse_count(std::string_view text);

}  // namespace holdfast::tools
