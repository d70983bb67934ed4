// A program whose database others may look at while it works: docs/TUTORIAL.md, "From another
// process". `tutorial_serve SECONDS` goes on for so long, so that there is time to try it.
#include <holdfast/holdfast.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>

int main(int argc, char** argv) {
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::seconds(argc > 1 ? std::atoi(argv[1]) : 0);
  auto db = holdfast::Database::open("served.db").value();
  auto server = db.serve();
  if (server) {
    std::cout << "Served at " << server->path() << ". In another terminal, try\n"
              << "  holdfast stat served.db\n  holdfast scan served.db --reverse --limit 3\n";
  } else {
    std::cerr << server.error().to_string() << '\n';  // It works all the same.
  }
  std::cout.flush();

  int orders = 0;
  do {
    db.put("order " + std::to_string(1000 + orders++), "twelve apples").value();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  } while (std::chrono::steady_clock::now() < end);
  if (server) std::cout << server->stats().requests << " requests\n";
  db.close().value();  // Ends serving, too.
  return server ? 0 : 1;
}
