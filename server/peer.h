// Who is at the other end of a local socket, and what that user may do with a file.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <optional>
#include <vector>

namespace holdfast {

struct Peer {
  pid_t process = 0;
  uid_t user = 0;
  gid_t group = 0;
  std::vector<gid_t> groups;  // Its others.
};

// As the kernel knows it: of a client, when it connected; of a listener, when it began to listen.
std::optional<Peer> peer_of(int socket);

enum class Wish { kRead, kWrite };

// By owner, group and mode, as the kernel would decide; root may do everything. Access control
// lists aren't looked at.
bool may(const Peer& peer, const struct stat& file, Wish wish) noexcept;

}  // namespace holdfast
