// Many records at once: docs/TUTORIAL.md, "Many at once"; deleting by a cursor: "Cursors".
#include <holdfast/holdfast.h>

#include <iostream>
#include <string>
#include <thread>
#include <vector>

int main() {
  auto db = holdfast::Database::open("events.db").value();

  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&db, t] {
      holdfast::WriteBatch batch;
      for (int i = 0; i < 25; ++i)
        batch.put("event/" + std::to_string(t) + "/" + std::to_string(i), "seen").value();
      batch.erase("event/none").value();
      db.write(batch).value();
    });
  }
  for (std::thread& thread : threads) thread.join();

  auto reader = db.begin_read().value();
  const std::string_view keys[] = {"event/0/0", "event/9/9", "event/3/24"};
  const auto values = reader.get_many(keys).value();
  for (std::size_t i = 0; i < values.size(); ++i)
    std::cout << keys[i] << ": " << values[i].value_or("nothing") << '\n';

  std::cout << reader.count().value() << " records\n";
  const holdfast::RangeEstimate about = reader.estimate("event/1/", "event/2/").value();
  std::cout << "about " << about.records << " records, " << about.bytes << " bytes\n";

  auto writer = db.begin_write().value();
  auto cursor = writer.cursor().value();
  for (bool on = cursor.last().value(); on; on = cursor.prev().value()) {
    if (cursor.key().ends_with("0")) cursor.erase().value();
  }
  const holdfast::KeyValue more[] = {{"kept/1", "a"}, {"kept/2", "b"}};
  writer.put_many(more).value();
  writer.commit().value();

  return values[0] && !values[1] && values[2] && db.get("kept/2").value() ? 0 : 1;
}
