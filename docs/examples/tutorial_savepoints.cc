// Conditional puts and savepoints: docs/TUTORIAL.md, "Only if", "Savepoints".
#include <holdfast/holdfast.h>

#include <iostream>
#include <string>

int main() {
  auto db = holdfast::Database::open("accounts.db").value();

  auto writer = db.begin_write().value();
  const bool fresh = writer.insert("next id", "1").value();
  std::string id = writer.get("next id").value().value();
  const std::string after = std::to_string(std::stoi(id) + 1);
  const bool mine = writer.compare_and_set("next id", id, after).value();
  if (!writer.replace("account/" + id, "renamed").value()) std::cout << "no such account yet\n";
  if (!fresh || !mine) return 1;

  int imported = 0;
  for (const std::string line : {"ada 10", "bert ten", "carl 30"}) {
    holdfast::Savepoint savepoint = writer.savepoint().value();
    const std::size_t blank = line.find(' ');
    writer.put("name/" + line.substr(0, blank), line.substr(blank + 1)).value();
    if (line.find_first_not_of("0123456789", blank + 1) != line.npos) continue;  // Undone.
    savepoint.release().value();
    ++imported;
  }
  std::cout << imported << " lines imported\n";
  writer.commit().value();

  return imported == 2 && !db.get("name/bert").value() ? 0 : 1;
}
