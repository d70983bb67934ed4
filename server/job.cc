#include "server/job.h"

#include <pthread.h>

#include <algorithm>
#include <system_error>

#include "engine/base/boundary.h"
#include "engine/base/result.h"

namespace holdfast {

void Job::run(Served& served) noexcept {
  state_.store(State::kRunning);
  work(served);
  state_.store(State::kDone);
}

std::optional<ProgressNote> Job::progress() const {
  MutexLock lock(mutex_);
  return note_;
}

bool Job::tell(const Progress& progress) {
  MutexLock lock(mutex_);
  note_ = ProgressNote{std::string(progress.stage), progress.done, progress.total,
                       std::string(progress.unit)};
  return !given_up_.load();
}

void CheckJob::work(Served& served) noexcept {
  report_ = at_boundary([&] {
    VerifyOptions options;
    options.findings_max = findings_max_;
    options.progress = [this](const Progress& progress) { return tell(progress); };
    return served.verify(options);
  });
}

void BackupJob::work(Served& served) noexcept {
  report_ = at_boundary([&] {
    BackupOptions options = wanted_;
    options.progress = [this](const Progress& progress) { return tell(progress); };
    return served.backup([this](std::string_view bytes) { return put(bytes); }, options);
  });
}

// Waits until what came before has been taken. A client that takes nothing is let go of in time,
// and the job given up with it.
Result<void> BackupJob::put(std::string_view bytes) {
  MutexLock lock(mutex_);
  const auto may_go_on = [this] { return taken_ >= bytes_.size() || given_up(); };
  while (!room_.wait_for(lock, std::chrono::milliseconds(100), may_go_on)) {
  }
  if (given_up()) return fail(ErrorCode::kCancelled, "nobody takes the backup");
  bytes_.assign(bytes);
  taken_ = 0;
  lock.unlock();
  came_();
  return {};
}

std::size_t BackupJob::take(std::string& to, std::size_t most) {
  MutexLock lock(mutex_);
  const std::string_view part = std::string_view(bytes_).substr(taken_, most);
  to.append(part);
  taken_ += part.size();
  if (taken_ == bytes_.size()) room_.notify_one();
  return part.size();
}

Result<void> Jobs::add(std::shared_ptr<Job> job) {
  MutexLock lock(mutex_);
  if (stopped_) return fail(ErrorCode::kBusy, "the database is being closed");
  waiting_.push_back(std::move(job));
  if (!own_thread_ || worker_looks_) return {};
  if (worker_.joinable()) worker_.join();  // It has found nothing more to do, and is ending.
  try {
    worker_ = Thread([this] { work(); });
  } catch (const std::system_error&) {
    waiting_.pop_back();
    return fail(ErrorCode::kOutOfMemory, "the operating system gives no thread for it");
  }
  worker_looks_ = true;
  return {};
}

void Jobs::drop(const std::shared_ptr<Job>& job) noexcept {
  job->give_up();
  MutexLock lock(mutex_);
  std::erase(waiting_, job);
}

bool Jobs::idle() const {
  MutexLock lock(mutex_);
  return running_ == nullptr;
}

bool Jobs::run_one() noexcept {
  MutexLock lock(mutex_);
  if (stopped_ || running_ != nullptr || waiting_.empty()) return false;
  const std::shared_ptr<Job> job = waiting_.front();
  running_ = job;
  waiting_.pop_front();
  lock.unlock();
  job->run(served_);
  done_();
  lock.lock();
  running_ = nullptr;
  none_runs_.notify_all();
  return true;
}

void Jobs::work() noexcept {
  (void)::pthread_setname_np(::pthread_self(), "holdfast-long");
  for (;;) {
    if (run_one()) continue;
    MutexLock lock(mutex_);
    if (!waiting_.empty() && !stopped_) continue;
    worker_looks_ = false;
    return;
  }
}

void Jobs::stop() noexcept {
  MutexLock lock(mutex_);
  stopped_ = true;
  waiting_.clear();
  if (running_ != nullptr) running_->give_up();
  none_runs_.wait(lock, [this] { return running_ == nullptr; });
  lock.unlock();
  if (worker_.joinable()) worker_.join();
}

}  // namespace holdfast
