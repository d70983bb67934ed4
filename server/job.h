// Work for one client that may take minutes, and those who do it: one thread as long as there is
// some, or the host's.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/sync.h"
#include "holdfast/progress.h"
#include "server/served.h"

namespace holdfast {

// How far a job is, in words of its own.
struct ProgressNote {
  std::string stage;
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  std::string unit;
};

// Thread-safe: one side runs it, the other looks.
class Job {
 public:
  enum class State { kWaiting, kRunning, kDone };

  virtual ~Job() = default;
  // To its end; only once.
  void run(Served& served) noexcept;
  // Asks it to end soon, with kCancelled.
  void give_up() noexcept { given_up_.store(true); }
  [[nodiscard]] bool given_up() const noexcept { return given_up_.load(); }
  [[nodiscard]] State state() const noexcept { return state_.load(); }
  [[nodiscard]] std::optional<ProgressNote> progress() const;

 protected:
  // What goes wrong is kept for whoever asked.
  virtual void work(Served& served) noexcept = 0;
  // For its own progress function.
  bool tell(const Progress& progress);

 private:
  Atomic<State> state_{State::kWaiting};
  Atomic<bool> given_up_{false};
  mutable Mutex mutex_;
  std::optional<ProgressNote> note_;
};

// A check of everything.
class CheckJob final : public Job {
 public:
  explicit CheckJob(std::uint64_t findings_max) : findings_max_(findings_max) {}
  // Once it is done.
  [[nodiscard]] Result<VerifyReport>& report() { return report_; }

 private:
  void work(Served& served) noexcept override;

  std::uint64_t findings_max_;
  Result<VerifyReport> report_;
};

// A backup as a stream, for whoever takes it: no more than two of its pieces are there at a time.
class BackupJob final : public Job {
 public:
  // `came` is called when there is something to take.
  BackupJob(const BackupOptions& wanted, std::function<void()> came)
      : wanted_(wanted), came_(std::move(came)) {}
  // Appends up to `most` bytes that have come; answers how many.
  std::size_t take(std::string& to, std::size_t most);
  // Once it is done.
  [[nodiscard]] Result<BackupReport>& report() { return report_; }

 private:
  void work(Served& served) noexcept override;
  Result<void> put(std::string_view bytes);

  BackupOptions wanted_;
  std::function<void()> came_;
  Mutex mutex_;
  Condition room_;
  std::string bytes_;
  std::size_t taken_ = 0;  // From the front of bytes_.
  Result<BackupReport> report_;
};

// Jobs are done one after the other, in the order of their coming. Thread-safe.
class Jobs {
 public:
  // `done` is called by whoever has done a job.
  Jobs(Served& served, bool own_thread, std::function<void()> done)
      : served_(served), own_thread_(own_thread), done_(std::move(done)) {}
  ~Jobs() { stop(); }
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  // kOutOfMemory: there is no thread to be had.
  Result<void> add(std::shared_ptr<Job> job);
  // Its client has gone: gives it up, and forgets it if it hasn't begun.
  void drop(const std::shared_ptr<Job>& job) noexcept;
  // As if a job were done: whoever waits for one looks.
  void wake() const { done_(); }
  // Nobody is doing any.
  [[nodiscard]] bool idle() const;
  // Does the first that waits; false when there is none.
  bool run_one() noexcept;
  // Gives up all, and returns when none is being done; later ones are refused.
  void stop() noexcept;

 private:
  void work() noexcept;

  Served& served_;
  const bool own_thread_;
  const std::function<void()> done_;
  mutable Mutex mutex_;
  Condition none_runs_;
  std::deque<std::shared_ptr<Job>> waiting_;
  std::shared_ptr<Job> running_;
  bool stopped_ = false;
  bool worker_looks_ = false;  // The thread will look at waiting_ again.
  Thread worker_;
};

}  // namespace holdfast
