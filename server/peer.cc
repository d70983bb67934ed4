#include "server/peer.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace holdfast {
namespace {

// Older kernels don't tell: then only the peer's first group counts.
std::vector<gid_t> groups_of(int socket) {
  std::vector<gid_t> groups(32);
  for (;;) {
    auto bytes = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes) == 0) {
      groups.resize(bytes / sizeof(gid_t));
      return groups;
    }
    if (errno != ERANGE || bytes <= groups.size() * sizeof(gid_t)) return {};
    groups.resize(bytes / sizeof(gid_t));
  }
}

}  // namespace

std::optional<Peer> peer_of(int socket) {
  ucred who = {};
  socklen_t bytes = sizeof who;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &bytes) != 0) return std::nullopt;
  return Peer{who.pid, who.uid, who.gid, groups_of(socket)};
}

bool may(const Peer& peer, const struct stat& file, Wish wish) noexcept {
  if (peer.user == 0) return true;
  const bool reads = wish == Wish::kRead;
  if (peer.user == file.st_uid) return (file.st_mode & (reads ? S_IRUSR : S_IWUSR)) != 0;
  if (peer.group == file.st_gid || std::ranges::find(peer.groups, file.st_gid) != peer.groups.end())
    return (file.st_mode & (reads ? S_IRGRP : S_IWGRP)) != 0;
  return (file.st_mode & (reads ? S_IROTH : S_IWOTH)) != 0;
}

}  // namespace holdfast
