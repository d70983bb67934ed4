// The lock that makes a database one process's: against other processes by the kernel, against
// other opens in this process by a table of our own as well.
//
// The kernel lock is an open-file-description lock (F_OFD_SETLK) over the whole file. It goes with
// the descriptor it was taken on: closing another descriptor of the same file leaves it alone, a
// killed process loses it at once, and a forked child keeps it shared with its parent. Where the
// file system refuses those, flock(2) is used; where it refuses both, locking fails, because two
// writers would destroy the database.
#pragma once

#include <optional>
#include <string>

#include "engine/storage/storage.h"

namespace holdfast {

// Thread-safe.
class PosixLock {
 public:
  explicit PosixLock(int descriptor) : descriptor_(descriptor) {}
  ~PosixLock() { release(); }
  PosixLock(const PosixLock&) = delete;
  PosixLock& operator=(const PosixLock&) = delete;

  // Doesn't wait. May be called again to change the mode; a refusal leaves the lock as it was.
  Result<void> take(LockMode mode, const std::string& path);
  // Unlocks, though a forked child may live on with a copy of the descriptor.
  void release();

 private:
  const int descriptor_;
};

// A process seen to hold a lock on a file.
struct LockHolder {
  int process = 0;
  std::string command;
  bool exclusive = false;
};

// Looks through /proc for a holder whose lock stands in the way of `wanted`. Nothing where it may
// not look, or where the holder is on another machine.
std::optional<LockHolder> find_lock_holder(int descriptor, LockMode wanted);

}  // namespace holdfast
