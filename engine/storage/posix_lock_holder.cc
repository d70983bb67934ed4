// Who holds a lock on a file, from /proc/PID/fdinfo, whose lines for a locked descriptor read
//   lock:	1: OFDLCK  ADVISORY  WRITE -1 fd:01:123 0 EOF
// with device (hexadecimal) and inode. The kernel gives no process id for such locks (the -1): the
// descriptors that carry the line are the answer.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <span>
#include <string_view>

#include "engine/storage/posix_lock.h"

namespace holdfast {
namespace {

// As much of a small file as fits; these are a few lines each.
std::string_view read_small_file(const std::string& path, std::span<char> buffer) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return {};
  const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
  ::close(descriptor);
  return {buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
}

struct LockLine {
  std::uint64_t inode = 0;
  bool exclusive = false;
};

std::optional<LockLine> parse_lock_line(std::string_view line) {
  if (!line.starts_with("lock:")) return std::nullopt;
  if (line.find("OFDLCK") == line.npos && line.find("FLOCK") == line.npos) return std::nullopt;
  // The word with two colons ends in the inode.
  const std::size_t inode_end = line.find_last_not_of(' ', line.rfind(' ', line.rfind(' ') - 1));
  if (inode_end == line.npos) return std::nullopt;
  const std::size_t colon = line.rfind(':', inode_end);
  if (colon == line.npos) return std::nullopt;
  LockLine parsed;
  const char* end = line.data() + inode_end + 1;
  const auto [stop, error] = std::from_chars(line.data() + colon + 1, end, parsed.inode);
  if (error != std::errc() || stop != end) return std::nullopt;
  parsed.exclusive = line.find("WRITE") != line.npos;
  return parsed;
}

// Whether the descriptor `fd_path` (/proc/PID/fd/N) is open on the very file. Asked instead of
// comparing the line's device, which some file systems number otherwise than stat() does.
bool same_file(const std::string& fd_path, const struct stat& wanted) {
  struct stat info = {};
  return ::stat(fd_path.c_str(), &info) == 0 && info.st_dev == wanted.st_dev &&
         info.st_ino == wanted.st_ino;
}

template <class Visit>  // bool visit(const char* name): true ends the walk.
bool visit_numbers(const std::string& directory, Visit visit) {
  const auto close = [](DIR* stream) { ::closedir(stream); };
  const std::unique_ptr<DIR, decltype(close)> stream(::opendir(directory.c_str()));
  if (stream == nullptr) return false;
  bool found = false;
  while (const dirent* entry = found ? nullptr : ::readdir(stream.get())) {
    if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9') found = visit(entry->d_name);
  }
  return found;
}

}  // namespace

std::optional<LockHolder> find_lock_holder(int descriptor, LockMode wanted) {
  struct stat info = {};
  if (::fstat(descriptor, &info) != 0) return std::nullopt;
  LockHolder holder;
  char buffer[4096];
  auto holds = [&](const std::string& process, const char* number) {
    std::string_view text = read_small_file(process + "/fdinfo/" + number, buffer);
    while (!text.empty()) {
      const std::size_t line_end = std::min(text.find('\n'), text.size());
      const auto lock = parse_lock_line(text.substr(0, line_end));
      text.remove_prefix(std::min(line_end + 1, text.size()));
      if (!lock || lock->inode != info.st_ino) continue;
      if (wanted == LockMode::kShared && !lock->exclusive) continue;
      if (!same_file(process + "/fd/" + number, info)) continue;
      holder.exclusive = lock->exclusive;
      return true;
    }
    return false;
  };
  const int self = ::getpid();  // What this process holds, its own table knows.
  const bool found = visit_numbers("/proc", [&](const char* pid) {
    if (std::atoi(pid) == self) return false;
    const std::string process = std::string("/proc/") + pid;
    const auto visit = [&](const char* number) { return holds(process, number); };
    if (!visit_numbers(process + "/fdinfo", visit)) return false;
    holder.process = std::atoi(pid);
    std::string_view command = read_small_file(process + "/comm", buffer);
    while (command.ends_with('\n')) command.remove_suffix(1);
    holder.command = command;
    return true;
  });
  if (!found) return std::nullopt;
  return holder;
}

}  // namespace holdfast
