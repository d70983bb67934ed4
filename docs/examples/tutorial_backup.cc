// Copies of a database that goes on being written: docs/TUTORIAL.md, "Backups".
#include <holdfast/holdfast.h>

#include <iostream>

int main() {
  auto db = holdfast::Database::open("original.db").value();
  db.put("key", "value").value();
  const std::string name = "copy-" + std::to_string(db.stats().newest_txn) + ".db";
  const holdfast::BackupReport report = db.backup(name).value();
  std::cout << report.pages << " pages, " << (report.sound() ? "all sound" : "some damaged")
            << '\n';

  const holdfast::KeptCheckpoint kept = db.keep_checkpoint().value();
  db.put("key", "another").value();
  holdfast::BackupOptions options;
  options.checkpoint = kept.id;  // As it was then.
  db.backup("kept-" + name, options).value();
  db.release_checkpoint(kept.id).value();
  db.close().value();

  auto copy = holdfast::Database::open("kept-" + name).value();
  return copy.get("key").value() == "value" ? 0 : 1;
}
