// /dev/null, opened the wrong way round: reading from it, or writing to it, is an error.
#include "tools/standard_files.h"

#include <fcntl.h>

#include <cerrno>

namespace holdfast::tools {

void hold_standard_files() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
    // open() gives the lowest free number, which is `fd`: those below are open by now. Where there
    // is no /dev/null, nothing can be done.
    const int opened = open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
    if (opened < 0) return;
  }
}

}  // namespace holdfast::tools
