// A set of transfers carried out one after the other with the file's own read() and write(): what
// submit() does wherever nothing can be gained by doing more of them at a time.
#pragma once

#include <span>

namespace holdfast {

struct IoRequest;

void run_plainly(std::span<IoRequest> requests);

}  // namespace holdfast
