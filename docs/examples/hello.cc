#include <holdfast/holdfast.h>

#include <iostream>

int main() {
  auto db = holdfast::Database::open("fruit.db").value();
  auto writer = db.begin_write().value();
  writer.put("apple", "red").value();
  writer.put("banana", "yellow").value();
  writer.commit().value();  // On disk when it returns.
  auto reader = db.begin_read().value();
  std::cout << "apple is " << reader.get("apple").value().value() << '\n';
  auto cursor = reader.cursor().value();
  for (bool on = cursor.first().value(); on; on = cursor.next().value())
    std::cout << cursor.key() << '=' << cursor.value().value() << '\n';
}
