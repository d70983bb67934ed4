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

  holdfast::BackupOptions whole;
  whole.keep = true;
  const std::uint64_t sunday = db.backup("sunday.db", whole).value().kept;
  db.put("key", "of Monday").value();
  holdfast::BackupOptions changes;
  changes.since = sunday;
  changes.keep = true;
  changes.release = sunday;
  const std::uint64_t monday = db.backup("monday.inc", changes).value().kept;
  std::cout << "Tuesday's begins at " << monday << '\n';
  db.close().value();
  holdfast::Database::restore({{"sunday.db"}, {"monday.inc"}}, "as-of-monday.db").value();

  auto copy = holdfast::Database::open("kept-" + name).value();
  auto restored = holdfast::Database::open("as-of-monday.db").value();
  const bool right =
      copy.get("key").value() == "value" && restored.get("key").value() == "of Monday";
  return right ? 0 : 1;
}
