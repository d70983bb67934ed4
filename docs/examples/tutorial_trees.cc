// Several named trees that change together: docs/TUTORIAL.md, "Trees".
#include <holdfast/holdfast.h>

#include <iostream>

int main() {
  auto db = holdfast::Database::open("people.db").value();

  auto writer = db.begin_write().value();
  const holdfast::Tree people = writer.open_or_create_tree("people").value();
  const holdfast::Tree by_city = writer.open_or_create_tree("by city").value();
  writer.put(people, "17", "Ada, London").value();
  writer.put(by_city, std::string("London") + '\0' + "17", "").value();
  writer.commit().value();  // Both records, or neither.

  auto reader = db.begin_read().value();
  const std::vector<holdfast::TreeInfo> trees = reader.trees().value();
  for (const holdfast::TreeInfo& info : trees)
    std::cout << '"' << info.name << "\": " << info.records << " records\n";

  // In another place of the program, by name:
  const holdfast::Tree found = reader.open_tree("people").value();
  std::cout << reader.get(found, "17").value().value() << '\n';
  return found == people ? 0 : 1;
}
