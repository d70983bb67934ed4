#include "engine/storage/memory_storage.h"

#include <utility>

#include "engine/base/result.h"
#include "engine/storage/memory_file.h"
#include "engine/storage/place.h"
#include "engine/storage/plain_requests.h"

namespace holdfast {
namespace {

// One spelling per file: "./a" is "a", as directory_of() has it.
std::string key_of(const std::string& path) {
  const std::string directory = directory_of(path);
  return directory == "." ? name_of(path) : path;
}

std::unexpected<Error> no_such_file(const std::string& path) {
  return fail(ErrorCode::kNotFound, "there is no such file", place_in(path));
}

std::unexpected<Error> name_taken(const std::string& path) {
  return fail(ErrorCode::kAlreadyExists, "there is a file of that name already", place_in(path));
}

}  // namespace

MemoryStorage::MemoryStorage(std::uint64_t max_file_bytes) : max_file_bytes_(max_file_bytes) {}
MemoryStorage::~MemoryStorage() = default;

Result<std::unique_ptr<StorageFile>> MemoryStorage::open(const std::string& path, FileMode mode) {
  MutexLock guard(mutex_);
  auto found = files_.find(key_of(path));
  if (mode == FileMode::kCreateNew) {
    if (found != files_.end()) return name_taken(path);
    auto content = std::make_shared<MemoryFileContent>(max_file_bytes_);
    auto file = std::make_unique<MemoryFile>(path, true, content);
    files_.emplace(key_of(path), std::move(content));  // Last: there is a file, or there isn't.
    return file;
  }
  if (found == files_.end()) return no_such_file(path);
  return std::make_unique<MemoryFile>(path, mode == FileMode::kReadWrite, found->second);
}

Result<bool> MemoryStorage::exists(const std::string& path) {
  MutexLock guard(mutex_);
  return files_.contains(key_of(path));
}

Result<std::vector<std::string>> MemoryStorage::list(const std::string& directory,
                                                     const std::string& prefix) {
  std::string wanted = directory;
  while (wanted.size() > 1 && wanted.ends_with('/')) wanted.pop_back();
  std::vector<std::string> names;  // The map's order is theirs: they share the directory's part.
  MutexLock guard(mutex_);
  for (const auto& [path, content] : files_) {
    if (directory_of(path) != wanted) continue;
    std::string name = name_of(path);
    if (name.starts_with(prefix)) names.push_back(std::move(name));
  }
  return names;
}

Result<void> MemoryStorage::rename(const std::string& from, const std::string& to, bool replace) {
  std::string new_key = key_of(to);
  MutexLock guard(mutex_);
  auto source = files_.find(key_of(from));
  if (source == files_.end()) return no_such_file(from);
  if (!replace && files_.contains(new_key)) return name_taken(to);
  auto node = files_.extract(source);  // From here on nothing takes memory.
  files_.erase(new_key);
  node.key() = std::move(new_key);
  files_.insert(std::move(node));
  return {};
}

Result<void> MemoryStorage::remove(const std::string& path) {
  MutexLock guard(mutex_);
  if (files_.erase(key_of(path)) == 0) return no_such_file(path);
  return {};
}

Result<void> MemoryStorage::sync_directory(const std::string&) {
  return {};
}

void MemoryStorage::submit(std::span<IoRequest> requests) {
  run_plainly(requests);
}

void MemoryStorage::complete(std::span<IoRequest>) {}

}  // namespace holdfast
