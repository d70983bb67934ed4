// JSON lines: one object a line. Its .cc alone includes the JSON library, which is slow to compile.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::tools {

// An object whose members keep the order in which they were added.
class JsonObject {
 public:
  JsonObject();
  JsonObject(JsonObject&& other) noexcept;
  JsonObject& operator=(JsonObject&& other) noexcept;
  ~JsonObject();

  JsonObject& text(std::string_view name, std::string_view value);
  // Bytes of the database: member `name` as a string where they are UTF-8, else member `name`_hex.
  JsonObject& bytes(std::string_view name, std::string_view value);
  JsonObject& number(std::string_view name, std::uint64_t value);
  JsonObject& real(std::string_view name, double value);
  JsonObject& flag(std::string_view name, bool value);
  JsonObject& object(std::string_view name, const JsonObject& value);
  JsonObject& list(std::string_view name, const std::vector<JsonObject>& values);
  JsonObject& numbers(std::string_view name, const std::vector<std::uint64_t>& values);

  // The object and a newline.
  [[nodiscard]] std::string line() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::tools
