// Kinds of option values: bytes, whole numbers, one of a few names. What doesn't fit is told with
// the option's name, what it wants and what it got. For the files that include the parsing library.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "tools/args_numbers.h"

namespace holdfast::tools {

// An option that takes bytes, no fewer than `least`.
inline void bytes_option(CLI::App& verb, const std::string& name, const char* what,
                         std::uint64_t least, const char* at_least,
                         const std::function<void(std::uint64_t)>& set) {
  auto parsed = [=](const std::string& text) {
    const auto number = parse_bytes(text);
    if (!number) throw CLI::ValidationError(name, "wants bytes, as in 64M; got " + text);
    if (*number < least)
      throw CLI::ValidationError(name, std::string("wants at least ") + at_least + "; got " + text);
    set(*number);
  };
  verb.add_option_function<std::string>(name, parsed, what)->type_name("BYTES");
}

// An option that takes a whole number from `least`.
inline void count_option(CLI::App& verb, const std::string& name, const char* what,
                         std::uint64_t least, const std::function<void(std::uint64_t)>& set) {
  auto parsed = [name, least, set](const std::string& text) {
    const auto number = parse_count(text);
    if (!number || *number < least)
      throw CLI::ValidationError(
          name, "wants a whole number from " + std::to_string(least) + "; got " + text);
    set(*number);
  };
  verb.add_option_function<std::string>(name, parsed, what)->type_name("N");
}

// An option that takes one of a few names.
template <class T>
void choice_option(CLI::App& verb, const std::string& name, const char* type, const char* what,
                   T& target, const std::map<std::string, T>& values) {
  auto set = [name, &target, values](const std::string& text) {
    const auto found = values.find(text);
    if (found != values.end()) {
      target = found->second;
      return;
    }
    std::string known;
    for (const auto& [value_name, value] : values)
      known += (known.empty() ? "" : ", ") + value_name;
    throw CLI::ValidationError(name, "wants one of " + known + "; got " + text);
  };
  verb.add_option_function<std::string>(name, set, what)->type_name(type);
}

}  // namespace holdfast::tools
