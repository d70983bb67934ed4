#include "server/items.h"

#include <algorithm>

#include "engine/base/result.h"
#include "server/frames.h"

namespace holdfast::wire {
namespace {

const Field* find(const Item& item, std::string_view name) {
  const auto found = std::ranges::find(item.fields, name, &Field::name);
  return found == item.fields.end() ? nullptr : &*found;
}

std::unexpected<Error> no_item() {
  return fail(ErrorCode::kInvalidArgument, "an item came whose fields don't fit it");
}

}  // namespace

void Item::number(std::string_view name, std::uint64_t value) {
  fields.push_back({std::string(name), value, std::nullopt});
}
void Item::text(std::string_view name, std::string_view value) {
  fields.push_back({std::string(name), 0, std::string(value)});
}

std::uint64_t Item::number_of(std::string_view name) const {
  const Field* field = find(*this, name);
  return field == nullptr ? 0 : field->number;
}
std::string Item::text_of(std::string_view name) const {
  const Field* field = find(*this, name);
  return field == nullptr ? "" : field->text.value_or("");
}
std::optional<std::uint64_t> Item::maybe_of(std::string_view name) const {
  const Field* field = find(*this, name);
  if (field == nullptr) return std::nullopt;
  return field->number;
}

void append_item(std::string& to, const Item& item) {
  const std::size_t begun = to.size();
  put(to, ItemHead{0, item.kind});
  for (const Field& field : item.fields) {
    const std::string_view text =
        field.text ? std::string_view(*field.text).substr(0, kTextMost) : "";
    put(to, FieldHead{static_cast<std::uint16_t>(field.name.size()),
                      static_cast<std::uint16_t>(field.text ? 1 : 0),
                      static_cast<std::uint32_t>(text.size()), field.number});
    put(to, field.name);
    put(to, text);
  }
  store32(reinterpret_cast<std::byte*>(to.data() + begun),
          static_cast<std::uint32_t>(to.size() - begun - sizeof(ItemHead)));
}

Result<std::optional<Item>> take_item(std::string_view& from) {
  std::string_view rest = from;
  ItemHead head;
  if (!take(rest, head)) return std::optional<Item>();
  if (head.bytes > kItemMost) return no_item();
  std::string_view fields;
  if (!take(rest, head.bytes, fields)) return std::optional<Item>();
  Item item{head.kind, {}};
  while (!fields.empty()) {
    FieldHead field;
    std::string_view name;
    std::string_view text;
    if (!take(fields, field) || field.name_bytes == 0 || field.is_text > 1 ||
        (field.is_text == 0 && field.text_bytes != 0) || (field.is_text == 1 && field.number != 0))
      return no_item();
    if (!take(fields, field.name_bytes, name) || !take(fields, field.text_bytes, text))
      return no_item();
    if (field.is_text == 1) {
      item.text(name, text);
    } else {
      item.number(name, field.number);
    }
  }
  from = rest;
  return std::optional<Item>(std::move(item));
}

}  // namespace holdfast::wire
