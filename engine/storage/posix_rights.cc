// New files that belong to others: the log of a database, a copy of one. As SQLite does for its
// journals, what one user's process makes has to be of use to the others who share the database,
// and of no use to anybody else.
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "engine/base/result.h"
#include "engine/storage/descriptor.h"
#include "engine/storage/place.h"
#include "engine/storage/posix_error.h"
#include "engine/storage/posix_file.h"
#include "engine/storage/posix_storage.h"
#include "engine/storage/uninterrupted.h"

namespace holdfast {
namespace {

constexpr const char* kAccessList = "system.posix_acl_access";
constexpr mode_t kOwnerOnly = S_IRUSR | S_IWUSR;
constexpr mode_t kShared = kOwnerOnly | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH;

// For a file of another group: its members, and those whom the original's group is to, have what
// both the original's group and all others have.
mode_t without_the_group(mode_t mode) {
  const mode_t both = (mode >> 3U) & mode & S_IRWXO;
  return (mode & S_IRWXU) | both << 3U | both;
}

mode_t umask_of_process() {
  // umask() can't be asked without being set, for all threads.
  if (std::ifstream status("/proc/self/status"); status) {
    for (std::string line; std::getline(status, line);) {
      if (!line.starts_with("Umask:")) continue;
      return static_cast<mode_t>(std::strtoul(line.c_str() + 6, nullptr, 8)) & 0777U;
    }
  }
  return S_IRWXG | S_IRWXO;
}

bool has_access_list(const std::string& path) {
  return uninterrupted([&] { return ::getxattr(path.c_str(), kAccessList, nullptr, 0); }) > 0;
}

// The file has been made for its owner alone; what the system refuses leaves it so.
void give_rights(int descriptor, const struct stat& like, Rights rights) {
  struct stat made = {};
  if (uninterrupted([&] { return ::fstat(descriptor, &made); }) != 0) return;
  if (rights == Rights::kSame) {
    // Each by itself: one may be refused and the other not.
    const auto give = [&](uid_t owner, gid_t group) {
      (void)uninterrupted([&] { return ::fchown(descriptor, owner, group); });
    };
    if (made.st_gid != like.st_gid) give(static_cast<uid_t>(-1), like.st_gid);
    if (::geteuid() == 0) give(like.st_uid, static_cast<gid_t>(-1));
    if (uninterrupted([&] { return ::fstat(descriptor, &made); }) != 0) return;
  }
  // What the directory gives to all that is made in it speaks of others than the original does.
  if (uninterrupted([&] { return ::fgetxattr(descriptor, kAccessList, nullptr, 0); }) > 0 &&
      uninterrupted([&] { return ::fremovexattr(descriptor, kAccessList); }) != 0)
    return;
  mode_t mode = (like.st_mode & kShared) | kOwnerOnly;
  if (made.st_gid != like.st_gid) mode = without_the_group(mode);
  if (rights == Rights::kAtMost) mode &= ~umask_of_process();
  (void)uninterrupted([&] { return ::fchmod(descriptor, mode | kOwnerOnly); });
}

}  // namespace

Result<std::unique_ptr<StorageFile>> PosixStorage::create_like(const std::string& path,
                                                               const std::string& original,
                                                               Rights rights) {
  if (original.empty()) return open(path, FileMode::kCreateNew);
  struct stat like = {};
  const bool known = uninterrupted([&] { return ::stat(original.c_str(), &like); }) == 0;
  const int descriptor = uninterrupted([&] {
    return ::open(path.c_str(), O_CLOEXEC | O_NOCTTY | O_RDWR | O_CREAT | O_EXCL, kOwnerOnly);
  });
  if (descriptor < 0)
    return std::unexpected(os_error(errno, "could not create the file", place_in(path)));
  Descriptor opened(descriptor);
  auto file = std::make_unique<PosixFile>(path, descriptor);
  opened.release();
  // Of one with a list of its own the mode doesn't say who may use it.
  if (known && !has_access_list(original)) give_rights(descriptor, like, rights);
  return file;
}

}  // namespace holdfast
