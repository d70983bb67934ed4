#include "fuzz/crashlab_source.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

namespace holdfast::crashlab {
namespace {

namespace fs = std::filesystem;

// The script in `start` or, unless that was named, in a folder above it.
fs::path find_script(fs::path start, const char* script, bool above) {
  std::error_code ignored;
  for (;; start = start.parent_path()) {
    if (fs::exists(start / script, ignored)) return start / script;
    if (!above || start == start.parent_path()) return {};
  }
}

}  // namespace

std::string hand_on(const Arguments& args) {
  const bool mutants = args.verb == Verb::kMutants;
  const char* const script = mutants ? "fuzz/mutants/mutants.py" : "tools/coverage";
  std::error_code failed;
  const fs::path start = fs::absolute(args.source.empty() ? "." : args.source, failed);
  const fs::path found =
      failed ? fs::path() : find_script(start.lexically_normal(), script, args.source.empty());
  if (found.empty()) {
    return fmt::format(
        "This works on the source of Holdfast: there is no {} in {}{}. Go there, or name it with "
        "--source.",
        script, start.lexically_normal().string(), args.source.empty() ? " or above it" : "");
  }
  std::vector<std::string> words = {mutants ? "python3" : "bash", found.string()};
  words.insert(words.end(), args.words.begin(), args.words.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execvp(pointers.front(), pointers.data());
  return fmt::format("Could not run {} {}: {}.", words.front(), found.string(),
                     std::generic_category().message(errno));
}

}  // namespace holdfast::crashlab
