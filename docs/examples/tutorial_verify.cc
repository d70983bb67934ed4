// The report of an opening, and the check of everything: docs/TUTORIAL.md, "After a crash" and
// "Checking".
#include <holdfast/holdfast.h>

#include <iostream>

int main() {
  auto db = holdfast::Database::open("checked.db").value();
  std::cout << db.recovery().to_string() << '\n';
  db.put("key", "value").value();

  holdfast::VerifyOptions options;
  options.progress = [](const holdfast::Progress& at) {
    std::cerr << at.stage << ' ' << at.done << " of " << at.total << '\n';
    return true;  // False stops it.
  };
  const holdfast::VerifyReport report = db.verify(options).value();
  for (const holdfast::Finding& found : report.findings)
    std::cout << found.code << ": " << found.detail << '\n';
  std::cout << report.records << " records, " << report.pages_checked << " pages, "
            << (report.sound() ? "sound" : "damaged") << '\n';

  db.close().value();  // Else the destructor does, and its error is lost.
  return report.sound() ? 0 : 1;
}
