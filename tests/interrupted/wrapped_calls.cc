// What stands before each call, and the state behind it.
#include "tests/interrupted/wrapped_calls.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <mutex>

namespace holdfast::wrapped {
namespace {

struct State {
  std::mutex mutex;
  Plan plan;
  std::array<int, kCalls> left{};
  Counts counts;
};

State& state() {
  static State the_state;
  return the_state;
}

// Whether this call answers EINTR; `left` counts down, and starts anew once one was let through.
bool interrupts(Call call) {
  const std::scoped_lock lock(state().mutex);
  const auto at = static_cast<std::size_t>(call);
  if (state().left[at] > 0) {
    --state().left[at];
    ++state().counts.interrupted[at];
    errno = EINTR;
    return true;
  }
  state().left[at] = state().plan.interruptions[at];
  ++state().counts.made[at];
  return false;
}

std::size_t may_move(std::size_t bytes) {
  const std::scoped_lock lock(state().mutex);
  const std::size_t most = state().plan.transfer_most;
  if (most == 0 || bytes <= most) return bytes;
  ++state().counts.short_transfers;
  return most;
}

bool takes_nothing() {
  const std::scoped_lock lock(state().mutex);
  if (state().plan.writes_of_nothing == 0) return false;
  --state().plan.writes_of_nothing;
  return true;
}

bool plan_says(bool Plan::* what) {
  const std::scoped_lock lock(state().mutex);
  return state().plan.*what;
}

}  // namespace

const char* name_of(Call call) {
  constexpr std::array<const char*, kCalls> kNames = {
      "open",      "pread",     "pwrite",   "fstat",  "stat",      "lstat", "ftruncate",
      "fallocate", "fdatasync", "fsync",    "rename", "renameat2", "link",  "unlink",
      "opendir",   "readdir",   "realpath", "fcntl",  "flock"};
  return kNames[static_cast<std::size_t>(call)];
}

void set(const Plan& plan) {
  const std::scoped_lock lock(state().mutex);
  state().plan = plan;
  state().left = plan.interruptions;
  state().counts = {};
}

Counts counts() {
  const std::scoped_lock lock(state().mutex);
  return state().counts;
}

}  // namespace holdfast::wrapped

using holdfast::wrapped::Call;
using holdfast::wrapped::interrupts;
using holdfast::wrapped::may_move;
using holdfast::wrapped::Plan;
using holdfast::wrapped::plan_says;
using holdfast::wrapped::takes_nothing;

// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names.
extern "C" {
int __real_open(const char* path, int flags, ...);
ssize_t __real_pread(int descriptor, void* buffer, size_t bytes, off_t offset);
ssize_t __real_pwrite(int descriptor, const void* buffer, size_t bytes, off_t offset);
int __real_fstat(int descriptor, struct stat* info);
int __real_stat(const char* path, struct stat* info);
int __real_lstat(const char* path, struct stat* info);
int __real_ftruncate(int descriptor, off_t size);
int __real_fallocate(int descriptor, int mode, off_t offset, off_t length);
int __real_fdatasync(int descriptor);
int __real_fsync(int descriptor);
int __real_rename(const char* from, const char* to);
int __real_renameat2(int from_at, const char* from, int to_at, const char* to, unsigned flags);
int __real_link(const char* from, const char* to);
int __real_unlink(const char* path);
DIR* __real_opendir(const char* path);
dirent* __real_readdir(DIR* stream);
char* __real_realpath(const char* path, char* resolved);
int __real_fcntl(int descriptor, int command, ...);
int __real_flock(int descriptor, int operation);

int __wrap_open(const char* path, int flags, ...) {
  std::va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return interrupts(Call::kOpen) ? -1 : __real_open(path, flags, mode);
}
ssize_t __wrap_pread(int descriptor, void* buffer, size_t bytes, off_t offset) {
  if (interrupts(Call::kPread)) return -1;
  return __real_pread(descriptor, buffer, may_move(bytes), offset);
}
ssize_t __wrap_pwrite(int descriptor, const void* buffer, size_t bytes, off_t offset) {
  if (interrupts(Call::kPwrite)) return -1;
  if (takes_nothing()) return 0;
  return __real_pwrite(descriptor, buffer, may_move(bytes), offset);
}
int __wrap_fstat(int descriptor, struct stat* info) {
  return interrupts(Call::kFstat) ? -1 : __real_fstat(descriptor, info);
}
int __wrap_stat(const char* path, struct stat* info) {
  return interrupts(Call::kStat) ? -1 : __real_stat(path, info);
}
int __wrap_lstat(const char* path, struct stat* info) {
  return interrupts(Call::kLstat) ? -1 : __real_lstat(path, info);
}
int __wrap_ftruncate(int descriptor, off_t size) {
  return interrupts(Call::kFtruncate) ? -1 : __real_ftruncate(descriptor, size);
}
int __wrap_fallocate(int descriptor, int mode, off_t offset, off_t length) {
  if (interrupts(Call::kFallocate)) return -1;
  if (!plan_says(&Plan::no_fallocate)) return __real_fallocate(descriptor, mode, offset, length);
  errno = EOPNOTSUPP;
  return -1;
}
int __wrap_fdatasync(int descriptor) {
  return interrupts(Call::kFdatasync) ? -1 : __real_fdatasync(descriptor);
}
int __wrap_fsync(int descriptor) {
  return interrupts(Call::kFsync) ? -1 : __real_fsync(descriptor);
}
int __wrap_rename(const char* from, const char* to) {
  return interrupts(Call::kRename) ? -1 : __real_rename(from, to);
}
int __wrap_renameat2(int from_at, const char* from, int to_at, const char* to, unsigned flags) {
  if (interrupts(Call::kRenameat2)) return -1;
  if (!plan_says(&Plan::no_renameat2)) return __real_renameat2(from_at, from, to_at, to, flags);
  errno = EINVAL;
  return -1;
}
int __wrap_link(const char* from, const char* to) {
  return interrupts(Call::kLink) ? -1 : __real_link(from, to);
}
int __wrap_unlink(const char* path) {
  return interrupts(Call::kUnlink) ? -1 : __real_unlink(path);
}
DIR* __wrap_opendir(const char* path) {
  return interrupts(Call::kOpendir) ? nullptr : __real_opendir(path);
}
dirent* __wrap_readdir(DIR* stream) {
  return interrupts(Call::kReaddir) ? nullptr : __real_readdir(stream);
}
char* __wrap_realpath(const char* path, char* resolved) {
  return interrupts(Call::kRealpath) ? nullptr : __real_realpath(path, resolved);
}
int __wrap_fcntl(int descriptor, int command, ...) {
  std::va_list arguments;
  va_start(arguments, command);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  if (interrupts(Call::kFcntl)) return -1;
  if (!plan_says(&Plan::no_ofd_locks)) return __real_fcntl(descriptor, command, argument);
  errno = EINVAL;
  return -1;
}
int __wrap_flock(int descriptor, int operation) {
  return interrupts(Call::kFlock) ? -1 : __real_flock(descriptor, operation);
}
}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier)
