// A thin face on the JSON library.
#include "tools/json_output.h"

#include <nlohmann/json.hpp>

#include "tools/text_bytes.h"

namespace holdfast::tools {

struct JsonObject::State {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
};

JsonObject::JsonObject() : state_(std::make_unique<State>()) {}
JsonObject::JsonObject(JsonObject&& other) noexcept = default;
JsonObject& JsonObject::operator=(JsonObject&& other) noexcept = default;
JsonObject::~JsonObject() = default;

JsonObject& JsonObject::text(std::string_view name, std::string_view value) {
  state_->json[std::string(name)] = std::string(value);
  return *this;
}

JsonObject& JsonObject::bytes(std::string_view name, std::string_view value) {
  if (is_utf8(value)) return text(name, value);
  std::string hex;
  append_hex(hex, value);
  return text(std::string(name) + "_hex", hex);
}

JsonObject& JsonObject::number(std::string_view name, std::uint64_t value) {
  state_->json[std::string(name)] = value;
  return *this;
}

JsonObject& JsonObject::real(std::string_view name, double value) {
  state_->json[std::string(name)] = value;
  return *this;
}

JsonObject& JsonObject::flag(std::string_view name, bool value) {
  state_->json[std::string(name)] = value;
  return *this;
}

JsonObject& JsonObject::object(std::string_view name, const JsonObject& value) {
  state_->json[std::string(name)] = value.state_->json;
  return *this;
}

JsonObject& JsonObject::list(std::string_view name, const std::vector<JsonObject>& values) {
  auto& array = state_->json[std::string(name)] = nlohmann::ordered_json::array();
  for (const JsonObject& value : values) array.push_back(value.state_->json);
  return *this;
}

JsonObject& JsonObject::numbers(std::string_view name, const std::vector<std::uint64_t>& values) {
  state_->json[std::string(name)] = values;
  return *this;
}

std::string JsonObject::line() const {
  // Text that isn't UTF-8 (a file name, say) gets replacement characters instead of an exception.
  return state_->json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace holdfast::tools
