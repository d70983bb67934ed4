#include "tools/copy_rights.h"

#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::tools {

void make_files_as_private_as(const std::vector<std::string>& originals) {
  constexpr mode_t kOfOthers = S_IRWXG | S_IRWXO;
  mode_t taken_away = ::umask(kOfOthers);
  for (const std::string& original : originals) {
    struct stat info = {};
    if (original == "-") {
      taken_away |= kOfOthers;
    } else if (::stat(original.c_str(), &info) == 0) {  // Else opening it says why not.
      taken_away |= ~info.st_mode & kOfOthers;
      // Another group's rights aren't those of ours, to which it gives what anybody has.
      if (info.st_gid != ::getegid()) taken_away |= ~(info.st_mode << 3U) & S_IRWXG;
    }
  }
  ::umask(taken_away);
}

}  // namespace holdfast::tools
