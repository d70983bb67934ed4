// Errors as values, limits, what goes on after which: docs/TUTORIAL.md, "Errors and limits".
#include <holdfast/holdfast.h>

#include <iostream>

namespace {

holdfast::Result<void> store(holdfast::Database& db, std::string_view key, std::string_view value) {
  auto writer = db.begin_write();
  if (!writer) return std::unexpected(writer.error());
  if (auto done = writer->put(key, value); !done) return done;  // The destructor aborts.
  auto token = writer->commit();
  if (!token) return std::unexpected(token.error());
  return {};
}

}  // namespace

int main() {
  holdfast::Options options;
  options.mode = holdfast::OpenMode::kReadWrite;  // Must exist.
  auto missing = holdfast::Database::open("nowhere.db", options);
  if (!missing) std::cout << missing.error().to_string() << '\n';

  auto db = holdfast::Database::open("limits.db").value();
  const std::string long_key(3000, 'k');  // A quarter of a page is the limit: 2048 here.
  auto stored = store(db, long_key, "value");
  if (!stored && stored.error().code() == holdfast::ErrorCode::kLimitExceeded)
    std::cout << stored.error().message() << '\n';

  auto second = holdfast::Database::open("limits.db");
  if (!second) std::cout << error_code_name(second.error().code()) << '\n';  // "busy"

  return !missing && !stored && !second && store(db, "key", "value") ? 0 : 1;
}
