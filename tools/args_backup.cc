#include "tools/args_backup.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "tools/args_numbers.h"

namespace holdfast::tools {
namespace {

// An option that takes the id of a kept checkpoint, or a word for one.
void kept_id(CLI::App& verb, const std::string& name, const std::string& word, const char* what,
             std::function<void(std::optional<std::uint64_t>)> set) {
  auto parsed = [name, word, set = std::move(set)](const std::string& text) {
    const auto number = parse_count(text);
    if (!word.empty() && text == word) return set(std::nullopt);
    if (!number || *number == 0) {
      throw CLI::ValidationError(name, "wants the id of a kept checkpoint" +
                                           (word.empty() ? "" : ", or " + word) + "; got " + text +
                                           " (holdfast kept lists them)");
    }
    set(number);
  };
  verb.add_option_function<std::string>(name, parsed, what)->type_name("ID");
}

}  // namespace

void add_backup_words(CLI::App& verb, Arguments& args) {
  verb.add_option("TO", args.copy_to,
                  "The file to make, one that exists stays; - is standard output, as a stream")
      ->required();
  kept_id(verb, "--since", "last",
          "Only what changed since this kept checkpoint; last: since the only one",
          [&args](auto id) {
            args.since = id.value_or(0);
            args.since_last = !id;
          });
  CLI::Option* keep = verb.add_flag("--keep", args.keep,
                                    "Keep what is backed up, so that an increment can begin there");
  kept_id(verb, "--checkpoint", "", "Copy this kept checkpoint, not the newest state",
          [&args](auto id) { args.checkpoint = *id; });
  verb.get_option("--checkpoint")->excludes(keep);
  kept_id(verb, "--release", "since",
          "Release this kept checkpoint when done; since: that of --since", [&args](auto id) {
            args.release_id = id;
            args.release_since = !id;
          });
}

void add_restore_words(CLI::App& verb, Arguments& args) {
  verb.add_option("FILES", args.parts,
                  "The backup (- is standard input), its increments in order, and the database to "
                  "make; one that exists stays")
      ->required()
      ->expected(2, 1 << 20);
  verb.parse_complete_callback([&args] {
    args.copy_to = args.parts.back();
    args.parts.pop_back();
    args.database = args.parts.front();
  });
}

void add_kept_words(CLI::App& verb, Arguments& args) {
  kept_id(verb, "--release", "", "Release this one; the rest is listed",
          [&args](auto id) { args.release_id = id; });
}

}  // namespace holdfast::tools
