// Names, calls and lives of the simulated disk. Its files' calls are in sim_disk_files.cc, crashes
// in sim_disk_crash.cc, what the harness looks at in sim_disk_inspect.cc.
#include "fuzz/lab/sim_disk.h"

#include <algorithm>
#include <utility>

#include "engine/base/result.h"
#include "engine/storage/place.h"
#include "fuzz/lab/sim_file.h"

namespace holdfast {

SimDisk::SimDisk() : SimDisk(Options{}) {}
SimDisk::SimDisk(const Options& options) {
  reset(options);
}
SimDisk::~SimDisk() = default;

void SimDisk::reset(const Options& options) {
  options_ = options;
  rng_ = Rng(options.seed);
  graveyard_.clear();
  names_.reset();
  for (auto& inode : inodes_) inode->reset();
  rule_.clear_watches();
  rule_.clear_violation();
  faults_.clear();
  trace_.clear();
  calls_ = changes_ = alterations_ = 0;
  start_new_life();
}

void SimDisk::become(const SimDisk& other) {
  options_ = other.options_;
  rng_ = other.rng_;
  graveyard_ = other.graveyard_;
  names_ = other.names_;
  while (inodes_.size() < other.inodes_.size()) inodes_.push_back(std::make_unique<SimInode>());
  for (std::size_t i = 0; i < inodes_.size(); ++i) {
    if (i < other.inodes_.size() && other.inodes_[i]->in_use) {
      inodes_[i]->become(*other.inodes_[i]);
    } else if (inodes_[i]->in_use) {
      inodes_[i]->reset();
    }
  }
  rule_.clear_violation();
  faults_.clear();
  trace_.clear();
  calls_ = other.calls_;
  changes_ = other.changes_;
  alterations_ = other.alterations_;
  start_new_life();
}

void SimDisk::start_new_life() {
  ++life_;
  crashed_ = false;
  crash_call_ = crash_change_ = 0;
  in_flight_.clear();
  for (auto& inode : inodes_) {
    inode->open_files = 0;
    inode->locks.clear();
    // What a dead process had submitted, the machine completes.
    for (SimOp& op : inode->ops) op.in_flight = false;
  }
  collect_inodes();
  for (const NameEntry& entry : names_.seen()) name_changed(entry.inode, entry.path);
  rule_.durable_changed();
}

void SimDisk::crash_at_call(std::uint64_t n, bool takes_effect) {
  crash_call_ = calls_ + n;
  crash_change_ = 0;
  crash_takes_effect_ = takes_effect;
}

void SimDisk::crash_at_change(std::uint64_t n, bool takes_effect) {
  crash_change_ = changes_ + n;
  crash_call_ = 0;
  crash_takes_effect_ = takes_effect;
}

// --- What befalls a call ---

SimDisk::Gate SimDisk::enter(SimCall call, const std::string& path, bool change,
                             std::uint64_t offset, std::uint64_t length) {
  Gate gate;
  if (crashed_) {
    gate.act = false;
    gate.error = failure(ErrorCode::kIo, call, path, offset);
    return gate;
  }
  ++calls_;
  if (change) ++changes_;
  if (change && call != SimCall::kSync && call != SimCall::kSyncDirectory) ++alterations_;
  if (sites_ != nullptr) sites_->called(call, caller_);
  if (options_.trace) note(call, path, offset, length);
  if (calls_ == crash_call_ || (change && changes_ == crash_change_)) {
    crashed_ = true;
    gate.act = crash_takes_effect_;
    gate.error = failure(ErrorCode::kIo, call, path, offset);
    if (options_.trace) trace_.push_back("  the machine stops here");
    return gate;
  }
  if (faults_.empty()) return gate;
  gate.fault = faults_.strike(call, path, offset);
  if (gate.fault && sites_ != nullptr) sites_->struck(call, caller_);
  if (gate.fault) note_strike(*gate.fault, call);
  if (gate.fault && gate.fault->effect == Fault::Effect::kFail) {
    gate.act = gate.fault->part == Fault::Part::kWhole && call != SimCall::kWrite;
    gate.error = failure(gate.fault->code, call, path, offset);
  }
  if (gate.fault && options_.trace) trace_.push_back("  struck by an injected fault");
  return gate;
}

void SimDisk::note_strike(const Fault& fault, SimCall call) const {
  switch (fault.effect) {
    case Fault::Effect::kLose:
      return met(FaultClass::kLostWrite);
    case Fault::Effect::kMisdirect:
      return met(call == SimCall::kWrite ? FaultClass::kMisdirected : FaultClass::kReadElsewhere);
    case Fault::Effect::kDuplicate:
      return met(FaultClass::kMisdirected);
    case Fault::Effect::kFail:
      return met(fault.code == ErrorCode::kDiskFull ? FaultClass::kDiskFull
                 : call == SimCall::kSync           ? FaultClass::kSyncFails
                                                    : FaultClass::kCallFails);
  }
}

Error SimDisk::failure(ErrorCode code, SimCall call, const std::string& path,
                       std::uint64_t offset) const {
  const char* why = crashed_                         ? "simulated crash"
                    : code == ErrorCode::kDiskFull   ? "simulated full disk"
                    : code == ErrorCode::kPermission ? "simulated refusal"
                                                     : "simulated failure";
  return Error(code, std::string(why) + " at the " + sim_call_name(call), place_in(path, offset));
}

void SimDisk::note(SimCall call, const std::string& path, std::uint64_t offset,
                   std::uint64_t length) {
  std::string line = std::to_string(calls_);
  line.append(" ").append(sim_call_name(call)).append(" ").append(path);
  if (offset != 0 || length != 0) {
    line.append(" ").append(std::to_string(offset));
    line.append(" to ").append(std::to_string(offset + length));
  }
  trace_.push_back(std::move(line));
}

// --- Inodes ---

std::uint32_t SimDisk::take_inode(const std::string& path) {
  std::size_t i = 0;
  while (i < inodes_.size() && inodes_[i]->in_use) ++i;
  if (i == inodes_.size()) inodes_.push_back(std::make_unique<SimInode>());
  inodes_[i]->reset();
  inodes_[i]->in_use = true;
  name_changed(static_cast<std::uint32_t>(i), path);
  return static_cast<std::uint32_t>(i);
}

void SimDisk::name_changed(std::uint32_t inode, const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  inodes_[inode]->is_log = path.find(".log", slash == path.npos ? 0 : slash) != path.npos;
  inodes_[inode]->watch = rule_.watch_of(path);
}

void SimDisk::collect_inodes() {
  for (std::uint32_t i = 0; i < inodes_.size(); ++i) {
    SimInode& inode = *inodes_[i];
    if (inode.in_use && inode.open_files == 0 && !names_.mentions(i)) bury(inode);
  }
}

void SimDisk::bury(SimInode& inode) {
  if (inode.is_log && !inode.medium.empty()) std::swap(graveyard_, inode.medium);
  inode.reset();
}

// --- Storage ---

Result<std::unique_ptr<StorageFile>> SimDisk::open(const std::string& path, FileMode mode) {
  MutexLock guard(mutex_);
  caller_ = __builtin_return_address(0);
  return open_for(path, mode);
}

Result<std::unique_ptr<StorageFile>> SimDisk::create_like(const std::string& path,
                                                          const std::string&, Rights) {
  MutexLock guard(mutex_);
  caller_ = __builtin_return_address(0);
  return open_for(path, FileMode::kCreateNew);
}

Result<std::unique_ptr<StorageFile>> SimDisk::open_for(const std::string& path, FileMode mode) {
  const bool creates = mode == FileMode::kCreateNew;
  const Gate gate = enter(SimCall::kOpen, path, creates);
  if (!gate.act) return std::unexpected(*gate.error);
  auto found = names_.find(path);
  if (creates) {
    if (found)
      return fail(ErrorCode::kAlreadyExists, "there is a file of that name already",
                  place_in(path));
    found = take_inode(path);
    names_.create(calls_, path, *found);
  }
  if (!found) return fail(ErrorCode::kNotFound, "there is no such file", place_in(path));
  if (gate.error) return std::unexpected(*gate.error);
  ++inodes_[*found]->open_files;
  return std::make_unique<SimFile>(*this, path, mode != FileMode::kReadOnly, *found, life_);
}

Result<bool> SimDisk::exists(const std::string& path) {
  MutexLock guard(mutex_);
  caller_ = __builtin_return_address(0);
  const Gate gate = enter(SimCall::kLook, path, false);
  if (gate.error) return std::unexpected(*gate.error);
  return names_.find(path).has_value();
}

Result<std::vector<std::string>> SimDisk::list(const std::string& directory,
                                               const std::string& prefix) {
  MutexLock guard(mutex_);
  caller_ = __builtin_return_address(0);
  const Gate gate = enter(SimCall::kLook, directory, false);
  if (gate.error) return std::unexpected(*gate.error);
  std::string wanted(SimNames::key_of(directory));
  while (wanted.size() > 1 && wanted.ends_with('/')) wanted.pop_back();
  std::vector<std::string> names;
  for (const NameEntry& entry : names_.seen()) {
    if (directory_of(entry.path) != wanted) continue;
    std::string name = name_of(entry.path);
    if (name.starts_with(prefix)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> SimDisk::rename(const std::string& from, const std::string& to, bool replace) {
  MutexLock guard(mutex_);
  caller_ = __builtin_return_address(0);
  const Gate gate = enter(SimCall::kRename, from, true);
  if (!gate.act) return std::unexpected(*gate.error);
  const auto inode = names_.find(from);
  if (!inode) return fail(ErrorCode::kNotFound, "there is no such file", place_in(from));
  if (!replace && names_.find(to)) {
    return fail(ErrorCode::kAlreadyExists, "there is a file of that name already", place_in(to));
  }
  names_.rename(calls_, from, to, *inode, replace);
  name_changed(*inode, to);
  if (gate.error) return std::unexpected(*gate.error);
  return {};
}

Result<void> SimDisk::remove(const std::string& path) {
  MutexLock guard(mutex_);
  caller_ = __builtin_return_address(0);
  const Gate gate = enter(SimCall::kRemove, path, true);
  if (!gate.act) return std::unexpected(*gate.error);
  const auto inode = names_.find(path);
  if (!inode) return fail(ErrorCode::kNotFound, "there is no such file", place_in(path));
  names_.remove(calls_, path, *inode);
  if (gate.error) return std::unexpected(*gate.error);
  return {};
}

Result<void> SimDisk::sync_directory(const std::string& directory) {
  MutexLock guard(mutex_);
  caller_ = __builtin_return_address(0);
  const Gate gate = enter(SimCall::kSyncDirectory, directory, true);
  if (!gate.act) return std::unexpected(*gate.error);
  if (options_.kind != DiskKind::kLying) {
    names_.sync(directory);
    collect_inodes();
  }
  if (gate.error) return std::unexpected(*gate.error);
  return {};
}

void SimDisk::submit(std::span<IoRequest> requests) {
  for (const IoRequest& request : requests) {
    if (during_reads_ && request.kind == IoRequest::Kind::kRead)
      during_reads_(static_cast<SimFile&>(*request.file).path_);
  }
  MutexLock guard(mutex_);
  caller_ = __builtin_return_address(0);
  for (IoRequest& request : requests) {
    SimFile& file = static_cast<SimFile&>(*request.file);
    request.transferred = 0;
    request.error.reset();
    if (request.kind == IoRequest::Kind::kRead) {
      auto count = read(file, SimCall::kRead, request.offset, request.buffer);
      if (count) {
        request.transferred = *count;
      } else {
        request.error = std::move(count).error();
      }
      continue;
    }
    auto written = write(file, request.offset, request.buffer, true);
    if (written) {
      in_flight_.push_back({&request, file.inode_, calls_});
      request.transferred = request.buffer.size();
    } else {
      request.error = std::move(written).error();
    }
  }
}

void SimDisk::complete(std::span<IoRequest> requests) {
  MutexLock guard(mutex_);
  std::erase_if(in_flight_, [&](const InFlight& each) {
    if (each.request < requests.data() || each.request >= requests.data() + requests.size()) {
      return false;
    }
    auto& ops = inodes_[each.inode]->ops;
    for (auto op = ops.rbegin(); op != ops.rend(); ++op) {
      if (op->call == each.call) op->in_flight = false;
    }
    return true;
  });
}

}  // namespace holdfast
