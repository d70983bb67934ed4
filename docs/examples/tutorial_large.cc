// Values in pieces, and sorted records in one go: docs/TUTORIAL.md, "Large things".
#include <holdfast/holdfast.h>

#include <array>
#include <iostream>
#include <map>
#include <string>

int main() {
  auto db = holdfast::Database::open("films.db").value();
  auto writer = db.begin_write().value();

  holdfast::ValueWriter film = writer.put_stream("film").value();
  for (int second = 0; second < 60; ++second) film.append(std::string(100'000, 'x')).value();
  film.finish().value();  // Until here there was nothing; without it there never will be.

  const holdfast::Tree words = writer.open_or_create_tree("words").value();
  std::map<std::string, std::string> sorted;
  for (int i = 0; i < 10'000; ++i) sorted.emplace("word " + std::to_string(i), "meaning");
  std::cout << writer.bulk_load(words, sorted.begin(), sorted.end()).value() << " words\n";
  writer.commit().value();

  const auto reader = db.begin_read().value();
  const auto value = reader.open_value("film").value();
  if (!value) return 1;
  std::array<std::byte, 65536> piece;
  std::uint64_t read = 0;
  while (read < value->size()) read += value->read(read, piece).value();
  std::cout << read << " bytes of film\n";
  return read == 6'000'000 && reader.count(words).value() == 10'000 ? 0 : 1;
}
