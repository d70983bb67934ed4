// Who may read what backup and restore make: nobody who may not read what it is made of.
#pragma once

#include <string>
#include <vector>

namespace holdfast::tools {

// From here on this process makes no file whose mode gives more than that of each of `originals`;
// "-", a stream of which nobody knows who may read it, is its owner's alone. By the umask, so that
// there is no moment at which a new file is open to others.
void make_files_as_private_as(const std::vector<std::string>& originals);

}  // namespace holdfast::tools
