// A program that does the background work itself: docs/TUTORIAL.md, "Background work".
#include <holdfast/holdfast.h>

#include <chrono>
#include <iostream>
#include <string>
#include <thread>

int main() {
  holdfast::Options options;
  options.background = holdfast::Background::kHost;
  options.checkpoint_log_bytes = 1 << 20;
  auto db = holdfast::Database::open("hosted.db", options).value();

  for (int i = 0; i < 2000; ++i) {
    auto writer = db.begin_write().value();
    writer.put("key " + std::to_string(i), std::string(1000, 'v')).value();
    writer.commit(holdfast::Durability::kLazy).value();
    while (db.run_background().value()) {  // In a program with an event loop: when it is idle.
    }
  }
  db.sync().value();
  const holdfast::Stats stats = db.stats();
  std::cout << stats.checkpoints << " checkpoints, " << stats.log_bytes << " bytes of log\n";
  return stats.checkpoints > 0 ? 0 : 1;
}
