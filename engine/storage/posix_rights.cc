// New files that belong to others: the log of a database, a copy of one. As SQLite does for its
// journals, what one user's process makes has to be of use to the others who share the database,
// and of no use to anybody else.
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/result.h"
#include "engine/storage/descriptor.h"
#include "engine/storage/place.h"
#include "engine/storage/posix_error.h"
#include "engine/storage/posix_file.h"
#include "engine/storage/posix_storage.h"
#include "engine/storage/uninterrupted.h"

namespace holdfast {
namespace {

constexpr mode_t kOwnerOnly = S_IRUSR | S_IWUSR;
constexpr mode_t kShared = kOwnerOnly | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH;

// Those of another group are to the original what anybody is.
mode_t without_the_group(mode_t mode) {
  return mode & ~(S_IRWXG & ~((mode & S_IRWXO) << 3U));
}

// The group that a file made here gets.
gid_t group_of_new(const std::string& directory) {
  struct stat info = {};
  const bool inherits = uninterrupted([&] { return ::stat(directory.c_str(), &info); }) == 0 &&
                        (info.st_mode & S_ISGID) != 0;
  return inherits ? info.st_gid : ::getegid();
}

// What the system refuses leaves the file to fewer than could have it.
void give_rights(int descriptor, const struct stat& original) {
  struct stat made = {};
  if (uninterrupted([&] { return ::fstat(descriptor, &made); }) != 0) return;
  const bool any_owner = ::geteuid() == 0;
  const uid_t owner = any_owner ? original.st_uid : made.st_uid;
  bool same_group = made.st_gid == original.st_gid;
  if (!same_group || owner != made.st_uid) {
    const bool given =
        uninterrupted([&] { return ::fchown(descriptor, owner, original.st_gid); }) == 0;
    same_group = same_group || given;
  }
  const mode_t mode = (original.st_mode & kShared) | kOwnerOnly;
  (void)uninterrupted(
      [&] { return ::fchmod(descriptor, same_group ? mode : without_the_group(mode)); });
}

}  // namespace

Result<std::unique_ptr<StorageFile>> PosixStorage::create_like(const std::string& path,
                                                               const std::string& original,
                                                               Rights rights) {
  if (original.empty()) return open(path, FileMode::kCreateNew);
  struct stat like = {};
  const bool known = uninterrupted([&] { return ::stat(original.c_str(), &like); }) == 0;
  mode_t mode = kOwnerOnly;
  if (known && rights == Rights::kAtMost) {
    mode |= like.st_mode & kShared;
    if (group_of_new(directory_of(path)) != like.st_gid) mode = without_the_group(mode);
  }
  const int descriptor = uninterrupted(
      [&] { return ::open(path.c_str(), O_CLOEXEC | O_NOCTTY | O_RDWR | O_CREAT | O_EXCL, mode); });
  if (descriptor < 0)
    return std::unexpected(os_error(errno, "could not create the file", place_in(path)));
  Descriptor opened(descriptor);
  auto file = std::make_unique<PosixFile>(path, descriptor);
  opened.release();
  if (known && rights == Rights::kSame) give_rights(descriptor, like);
  return file;
}

}  // namespace holdfast
