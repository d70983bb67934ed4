// For programs that open thousands of databases a second: what is freed stays with the process, and
// isn't got from the system again for the next.
#pragma once

#include <malloc.h>

namespace holdfast {

inline void keep_memory() {
#ifdef M_TRIM_THRESHOLD
  constexpr int kMuch = 1 << 30;
  ::mallopt(M_MMAP_THRESHOLD, kMuch);
  ::mallopt(M_TRIM_THRESHOLD, kMuch);
#endif
}

}  // namespace holdfast
