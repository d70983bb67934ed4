// What a reader sees while others write: docs/TUTORIAL.md, "Snapshots".
#include <holdfast/holdfast.h>

#include <iostream>
#include <thread>

int main() {
  auto db = holdfast::Database::open("counter.db").value();
  db.put("count", "1").value();

  auto before = db.begin_read().value();
  std::thread([&db] { db.put("count", "2").value(); }).join();
  auto after = db.begin_read().value();

  std::cout << "before: " << before.get("count").value().value()  // 1, as long as it lives.
            << ", after: " << after.get("count").value().value() << '\n';
  return before.get("count").value() == "1" && after.get("count").value() == "2" ? 0 : 1;
}
