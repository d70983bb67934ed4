// libFuzzer: bytes are lines for `holdfast shell`. Afterwards the database holds what a map holds
// to which the same statements were done.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "engine/base/limits.h"
#include "engine/storage/memory_storage.h"
#include "fuzz/lab/sim_environment.h"
#include "holdfast/holdfast.h"
#include "tools/shell.h"

namespace {

using namespace holdfast;
using Records = std::map<std::string, std::string>;
using Kind = tools::Statement::Kind;

constexpr std::uint32_t kPageBytes = 4096;

void require(bool right) {
  if (!right) std::abort();
}

// False when the statement ends the shell.
bool apply(const tools::Statement& statement, Records& records) {
  const auto& [kind, key, value] = statement;
  if (kind == Kind::kExit) return false;
  if (kind == Kind::kDelete) records.erase(key);
  const bool writes = kind == Kind::kInsert || kind == Kind::kUpdate;
  if (writes && key.size() <= max_key_bytes(kPageBytes) &&
      records.contains(key) == (kind == Kind::kUpdate)) {
    records[key] = value;
  }
  return true;
}

void compare(Database& database, const Records& records) {
  auto reader = database.begin_read();
  require(reader.has_value());
  auto cursor = reader->cursor();
  require(cursor.has_value());
  auto want = records.begin();
  auto on = cursor->first();
  for (; on && *on; on = cursor->next(), ++want) {
    require(want != records.end() && cursor->key() == want->first);
    require(cursor->value().value() == want->second);
  }
  require(on.has_value() && want == records.end());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  MemoryStorage storage(std::uint64_t{64} << 20);
  SimClock clock;
  SimRandom random;
  Environment environment{&storage, &clock, &random};
  Options options;
  options.page_size = kPageBytes;
  options.cache_bytes = std::size_t{2} << 20;
  options.background = Background::kHost;
  options.environment = &environment;
  auto database = Database::open("db", options);
  require(database.has_value());
  tools::Console console("shell");
  tools::Shell shell(*database, console);
  Records records;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  for (bool going_on = true; going_on && !text.empty();) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const auto statement = tools::is_blank(line) ? std::nullopt : tools::parse_statement(line);
    going_on = !statement || apply(*statement, records);
    require(shell.line(line) == going_on);
  }
  compare(*database, records);
  require(database->close().has_value());
  return 0;
}
