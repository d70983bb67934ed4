// Scans, ranges, prefixes, backward: docs/TUTORIAL.md, "Cursors".
#include <holdfast/holdfast.h>

#include <iostream>

int main() {
  auto db = holdfast::Database::open("readings.db").value();
  auto writer = db.begin_write().value();
  for (const char* key : {"room/1/0800", "room/1/0900", "room/2/0800", "room/2/0815", "yard/0800"})
    writer.put(key, "21.5").value();
  writer.commit().value();

  auto reader = db.begin_read().value();
  auto cursor = reader.cursor().value();
  int seen = 0;

  // A half-open range: from "room/1/" up to, and without, "room/2/".
  for (bool on = cursor.seek("room/1/").value(); on && cursor.key() < "room/2/";
       on = cursor.next().value()) {
    std::cout << cursor.key() << " = " << cursor.value().value() << '\n';
    ++seen;
  }

  // All keys that begin with a prefix.
  for (bool on = cursor.seek("room/").value(); on && cursor.key().starts_with("room/");
       on = cursor.next().value()) {
    ++seen;
  }

  // Backward: the newest reading of room 2, that is the last key before the end of its prefix.
  const std::string prefix = "room/2/";
  const auto end = holdfast::prefix_end(prefix);
  bool on = end ? cursor.seek(*end).value() : false;
  on = on ? cursor.prev().value() : cursor.last().value();
  if (on && cursor.key().starts_with(prefix)) std::cout << "newest: " << cursor.key() << '\n';

  return seen == 6 && on && cursor.key() == "room/2/0815" ? 0 : 1;
}
