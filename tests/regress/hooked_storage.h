// Files in memory, with a say in what happens to them: a hook per call that may fail.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/storage/memory_storage.h"

namespace holdfast::testing {

class HookedStorage final : public Storage {
 public:
  // Called before the thing is done, under no lock; an error is answered in its place.
  std::function<Result<void>(const std::string& path)> on_sync, on_open, on_sync_directory,
      on_write;
  std::function<Result<void>(const std::string& path, std::uint64_t at)> on_read;
  std::function<void(std::span<const IoRequest>)> on_submit;

  Result<std::unique_ptr<StorageFile>> open(const std::string& path, FileMode mode) override {
    if (on_open) TRY(on_open(path));
    return std::make_unique<File>(*this, TRY(memory_.open(path, mode)));
  }
  Result<bool> exists(const std::string& path) override { return memory_.exists(path); }
  Result<std::vector<std::string>> list(const std::string& directory,
                                        const std::string& prefix) override {
    return memory_.list(directory, prefix);
  }
  Result<void> rename(const std::string& from, const std::string& to, bool replace) override {
    return memory_.rename(from, to, replace);
  }
  Result<void> remove(const std::string& path) override { return memory_.remove(path); }
  Result<void> sync_directory(const std::string& directory) override {
    if (on_sync_directory) TRY(on_sync_directory(directory));
    return memory_.sync_directory(directory);
  }
  void submit(std::span<IoRequest> requests) override {
    if (on_submit) on_submit(requests);
    for (IoRequest& request : requests) {
      if (request.kind == IoRequest::Kind::kRead) {
        auto got = request.file->read(request.offset, request.buffer);
        if (got) request.transferred = *got;
        if (!got) request.error = got.error();
      } else if (auto done = request.file->write(request.offset, request.buffer); !done) {
        request.error = done.error();
      } else {
        request.transferred = request.buffer.size();
      }
    }
  }
  void complete(std::span<IoRequest>) override {}
  MemoryStorage& memory() { return memory_; }

  // Everything as it stands now, as a machine that stopped would leave it.
  void copy_to(HookedStorage& other, const std::string& directory, const std::string& prefix) {
    const std::vector<std::string> names = *memory_.list(directory, prefix);
    for (const std::string& name : names) {
      const std::string path = directory + "/" + name;
      auto from = *memory_.open(path, FileMode::kReadOnly);
      auto to = *other.memory_.open(path, FileMode::kCreateNew);
      std::vector<std::byte> bytes(*from->size());
      (void)*from->read(0, bytes);
      *to->allocate(0, bytes.size());
      *to->write(0, bytes);
    }
  }

 private:
  class File final : public StorageFile {
   public:
    File(HookedStorage& storage, std::unique_ptr<StorageFile> file)
        : storage_(storage), file_(std::move(file)) {}
    const std::string& path() const override { return file_->path(); }
    Result<std::uint64_t> size() override { return file_->size(); }
    Result<std::size_t> read(std::uint64_t at, std::span<std::byte> buffer) override {
      if (storage_.on_read) TRY(storage_.on_read(path(), at));
      return file_->read(at, buffer);
    }
    Result<void> write(std::uint64_t at, std::span<const std::byte> bytes) override {
      if (storage_.on_write) TRY(storage_.on_write(path()));
      return file_->write(at, bytes);
    }
    Result<std::size_t> read_past_cache(std::uint64_t at, std::span<std::byte> buffer) override {
      return file_->read_past_cache(at, buffer);
    }
    bool reads_past_cache() const override { return true; }
    Result<void> allocate(std::uint64_t at, std::uint64_t length) override {
      return file_->allocate(at, length);
    }
    Result<void> truncate(std::uint64_t size) override { return file_->truncate(size); }
    Result<void> sync() override {
      if (storage_.on_sync) TRY(storage_.on_sync(path()));
      return file_->sync();
    }
    Result<void> lock(LockMode mode) override { return file_->lock(mode); }

   private:
    HookedStorage& storage_;
    std::unique_ptr<StorageFile> file_;
  };
  MemoryStorage memory_;
};

}  // namespace holdfast::testing
