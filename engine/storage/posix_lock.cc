#include "engine/storage/posix_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/sync.h"
#include "engine/storage/place.h"
#include "engine/storage/posix_error.h"
#include "engine/storage/uninterrupted.h"

namespace holdfast {
namespace {

// The locks of this process. Keyed by device and inode, so that two names of one file are one file.
struct HeldLock {
  const PosixLock* owner;
  dev_t device;
  ino_t inode;
  LockMode mode;
  pid_t process;  // That took it; a forked child has a copy of the table.
};

struct LockTable {
  Mutex mutex;
  std::vector<HeldLock> held;
};

LockTable& lock_table() {
  // Never destroyed: a file closed by a static object's destructor still looks it up.
  static LockTable* const table = new LockTable;
  return *table;
}

bool conflict(LockMode a, LockMode b) {
  return a == LockMode::kExclusive || b == LockMode::kExclusive;
}

std::string busy_message(const std::string& holder, bool reading_would_do) {
  return "database is in use by " + holder + "; close it there" +
         (reading_would_do ? ", or open it read-only here" : " first");
}

// 0, or the errno: EAGAIN where another open file stands in the way.
int lock_in_kernel(int descriptor, LockMode mode) {
  struct flock request = {};
  request.l_type = mode == LockMode::kShared ? F_RDLCK : F_WRLCK;
  request.l_whence = SEEK_SET;
  const auto ask = [&] { return ::fcntl(descriptor, F_OFD_SETLK, &request); };
  if (uninterrupted(ask) == 0) return 0;
  if (errno == EACCES) return EAGAIN;
  if (errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS) return errno;
  const int operation = (mode == LockMode::kShared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  if (uninterrupted([&] { return ::flock(descriptor, operation); }) == 0) return 0;
  return errno == EWOULDBLOCK ? EAGAIN : errno;
}

void unlock_in_kernel(int descriptor) {
  struct flock request = {};
  request.l_type = F_UNLCK;
  request.l_whence = SEEK_SET;
  (void)uninterrupted([&] { return ::fcntl(descriptor, F_OFD_SETLK, &request); });
  (void)uninterrupted([&] { return ::flock(descriptor, LOCK_UN); });
}

}  // namespace

Result<void> PosixLock::take(LockMode mode, const std::string& path) {
  const ErrorPlace place = place_in(path);
  struct stat info = {};
  if (uninterrupted([&] { return ::fstat(descriptor_, &info); }) != 0) {
    return std::unexpected(os_error(errno, "could not lock the file", place));
  }
  LockTable& table = lock_table();
  MutexLock guard(table.mutex);
  table.held.reserve(table.held.size() + 1);  // First: `own` points into it.
  HeldLock* own = nullptr;
  for (HeldLock& held : table.held) {
    if (held.owner == this) {
      own = &held;
    } else if (held.device == info.st_dev && held.inode == info.st_ino &&
               conflict(held.mode, mode)) {
      return fail(ErrorCode::kBusy,
                  busy_message("this process (" + std::to_string(::getpid()) + ") already",
                               held.mode == LockMode::kShared),
                  place);
    }
  }
  const int outcome = lock_in_kernel(descriptor_, mode);
  if (outcome == 0) {
    if (own != nullptr) {
      own->mode = mode;
    } else {
      table.held.push_back({this, info.st_dev, info.st_ino, mode, ::getpid()});
    }
    return {};
  }
  guard.unlock();  // The look through /proc takes its time.
  if (outcome != EAGAIN) {
    return std::unexpected(os_error(outcome, "could not lock the file", place));
  }
  const auto holder = find_lock_holder(descriptor_, mode);
  if (!holder) {
    return fail(ErrorCode::kBusy, busy_message("another process", false), place);
  }
  return fail(ErrorCode::kBusy,
              busy_message("process " + std::to_string(holder->process) +
                               (holder->command.empty() ? "" : " (" + holder->command + ")"),
                           !holder->exclusive),
              place);
}

void PosixLock::release() {
  LockTable& table = lock_table();
  MutexLock guard(table.mutex);
  std::erase_if(table.held, [this](const HeldLock& held) {
    if (held.owner != this) return false;
    // A forked child shares the lock: it would live on with the child, and isn't the child's to
    // give up.
    if (held.process == ::getpid()) unlock_in_kernel(descriptor_);
    return true;
  });
}

}  // namespace holdfast
