// sync, os, lazy; commits that are waited for later: docs/TUTORIAL.md, "Durability".
#include <holdfast/holdfast.h>

#include <iostream>
#include <string>

int main() {
  using holdfast::Durability;
  auto db = holdfast::Database::open("journal.db").value();

  auto writer = db.begin_write().value();
  writer.put("page view", "1").value();
  writer.commit(Durability::kLazy).value();  // May be lost with the machine, for a moment.

  writer = db.begin_write().value();
  writer.put("payment", "9.99").value();
  const holdfast::CommitToken paid = writer.commit().value();  // sync: it is on disk.

  // Many commits, one wait: each returns before it is durable.
  holdfast::CommitToken last = 0;
  for (int i = 0; i < 100; ++i) {
    writer = db.begin_write().value();
    writer.put("event " + std::to_string(i), "seen").value();
    last = writer.commit_async().value();
  }
  db.wait_durable(last).value();  // And so are all before it.

  // Another thread may ask to see at least a commit it was told of.
  auto reader = db.begin_read({.at_least = paid}).value();
  std::cout << "payment: " << reader.get("payment").value().value() << '\n';
  return db.stats().durable_txn >= last ? 0 : 1;
}
