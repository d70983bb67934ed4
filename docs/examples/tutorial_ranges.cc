// Erasing all of a range at once: docs/TUTORIAL.md, "Erasing much".
#include <holdfast/holdfast.h>

#include <iostream>

int main() {
  auto db = holdfast::Database::open("log.db").value();
  auto writer = db.begin_write().value();
  for (int day = 10; day < 30; ++day) {
    for (int entry = 100; entry < 600; ++entry) {
      const std::string key = "2026-11-" + std::to_string(day) + "/" + std::to_string(entry);
      writer.put(key, "something happened").value();
    }
  }
  writer.commit().value();

  writer = db.begin_write().value();
  writer.erase_range(std::nullopt, "2026-11-29").value();  // All before that day.
  std::cout << writer.count().value() << " entries are left\n";
  writer.commit().value();

  const std::uint64_t freed = db.reclaim().value();
  std::cout << freed << " pages are free\n";
  return db.begin_read().value().count().value() == 500 ? 0 : 1;
}
