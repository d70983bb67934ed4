// The system calls of the POSIX storage, wrapped by the linker (--wrap): each can be told to answer
// EINTR so many times before it does its work, and transfers to end early.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace holdfast::wrapped {

enum class Call : std::uint8_t {
  kOpen,
  kPread,
  kPwrite,
  kFstat,
  kStat,
  kLstat,
  kFtruncate,
  kFallocate,
  kFdatasync,
  kFsync,
  kRename,
  kRenameat2,
  kLink,
  kUnlink,
  kOpendir,
  kReaddir,
  kRealpath,
  kFcntl,
  kFlock,
  kCount,
};
inline constexpr std::size_t kCalls = static_cast<std::size_t>(Call::kCount);
const char* name_of(Call call);

struct Plan {
  std::array<int, kCalls> interruptions{};  // EINTR so often, before each call of that kind.
  std::size_t transfer_most = 0;            // Bytes that one pread or pwrite moves; 0: all.
  int writes_of_nothing = 0;                // So many pwrites answer 0.
  bool no_renameat2 = false;                // EINVAL, as where a file system lacks it.
  bool no_fallocate = false;                // EOPNOTSUPP.
  bool no_ofd_locks = false;                // EINVAL.
};

// What the calls do from now on; not while one runs.
void set(const Plan& plan);
struct Counts {
  std::array<std::uint64_t, kCalls> made{};         // That were let through.
  std::array<std::uint64_t, kCalls> interrupted{};  // That answered EINTR.
  std::uint64_t short_transfers = 0;
};
Counts counts();  // Since the last set().

}  // namespace holdfast::wrapped
