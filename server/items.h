// Items of the wire format (wire.h): lists of named numbers and texts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/error.h"
#include "server/wire.h"

namespace holdfast::wire {

struct Field {
  std::string name;
  std::uint64_t number = 0;
  std::optional<std::string> text;  // Absent: it is a number.
  friend bool operator==(const Field&, const Field&) = default;
};

struct Item {
  ItemKind kind{};
  std::vector<Field> fields;  // Those of a list have the same name.

  void number(std::string_view name, std::uint64_t value);
  void text(std::string_view name, std::string_view value);
  void maybe(std::string_view name, const std::optional<std::uint64_t>& value) {
    if (value) number(name, *value);
  }

  // Of the first field with that name; what is missing is 0, "" or nothing.
  [[nodiscard]] std::uint64_t number_of(std::string_view name) const;
  [[nodiscard]] std::string text_of(std::string_view name) const;
  [[nodiscard]] std::optional<std::uint64_t> maybe_of(std::string_view name) const;

  friend bool operator==(const Item&, const Item&) = default;
};

void append_item(std::string& to, const Item& item);

// An item from the front of `from`. Nothing: it isn't whole yet. kInvalidArgument: it is none.
Result<std::optional<Item>> take_item(std::string_view& from);

}  // namespace holdfast::wire
