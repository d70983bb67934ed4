#include "server/socket_place.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "engine/base/bytes.h"
#include "engine/base/checksum.h"
#include "engine/base/result.h"
#include "engine/storage/place.h"
#include "engine/storage/posix_error.h"
#include "engine/storage/storage.h"
#include "engine/storage/uninterrupted.h"

namespace holdfast {
namespace {

constexpr std::size_t kPathMost = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::size_t kNameMost = kPathMost - std::size("/proc/self/fd/2147483647/") + 1;

}  // namespace

std::string SocketPlace::path() const {
  return folder.ends_with('/') ? folder + name : folder + "/" + name;
}

SocketPlace socket_place(const std::string& real_path) {
  SocketPlace place{directory_of(real_path), name_of(real_path) + ".sock"};
  if (place.name.size() > kNameMost) {
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx",
                  static_cast<unsigned long long>(hash64(as_bytes(name_of(real_path)))));
    place.name = std::string(".holdfast-") + digits + ".sock";
  }
  return place;
}

Result<SocketAddress> SocketAddress::of(const SocketPlace& place) {
  SocketAddress made;
  made.folder_ = Descriptor(uninterrupted(
      [&] { return ::open(place.folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC); }));
  if (!made.folder_) {
    return std::unexpected(os_error(errno, "could not open the folder", place_in(place.folder)));
  }
  std::string path = place.path();
  if (path.size() > kPathMost)
    path = "/proc/self/fd/" + std::to_string(made.folder_.get()) + "/" + place.name;
  made.address_.sun_family = AF_UNIX;
  std::memcpy(made.address_.sun_path, path.c_str(), path.size() + 1);
  made.bytes_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return made;
}

}  // namespace holdfast
