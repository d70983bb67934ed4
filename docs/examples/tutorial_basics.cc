// Open, put, get, erase, commit, abort: docs/TUTORIAL.md, "Records".
#include <holdfast/holdfast.h>

#include <iostream>

int main() {
  holdfast::Options options;
  options.page_size = 4096;        // Fixed when the file is created.
  options.cache_bytes = 16 << 20;  // For everything the cache keeps.
  auto db = holdfast::Database::open("shop.db", options).value();

  auto writer = db.begin_write().value();
  writer.put("apple", "12").value();
  writer.put("pear", "7").value();
  const bool was_there = writer.erase("plum").value();
  writer.commit().value();
  std::cout << "plum was there: " << was_there << '\n';

  auto reader = db.begin_read().value();
  const std::optional<std::string> pears = reader.get("pear").value();
  if (pears) std::cout << "pears: " << *pears << '\n';
  std::cout << "records: " << reader.count().value() << '\n';

  auto second = db.begin_write().value();
  second.put("apple", "0").value();
  std::cout << "inside: " << second.get("apple").value().value() << '\n';
  second.abort();  // Or let it go out of scope.
  std::cout << "after: " << db.get("apple").value().value() << '\n';

  return db.get("apple").value() == "12" && !was_there ? 0 : 1;
}
