// System calls that a signal may interrupt, made again until something else comes of them.
//
// On local files Linux interrupts few of these; over FUSE and over networks, any.
#pragma once

#include <cerrno>

namespace holdfast {

inline bool call_failed(long outcome) {
  return outcome < 0;
}
inline bool call_failed(const void* outcome) {
  return outcome == nullptr;
}

// Never for a sync: a second one may succeed without having written a thing (S3).
template <class Call>
auto uninterrupted(Call call) {
  auto outcome = call();
  while (call_failed(outcome) && errno == EINTR) outcome = call();
  return outcome;
}

}  // namespace holdfast
