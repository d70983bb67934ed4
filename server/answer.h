// The answer to one request, made a piece at a time as the client takes it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "holdfast/transaction.h"
#include "server/job.h"
#include "server/wire.h"

namespace holdfast {

class Answer {
 public:
  enum class State { kMore, kDone, kWaits };

  virtual ~Answer() = default;
  // Appends what comes next of the stream that wire.h describes, at most `room` bytes. kWaits:
  // there is nothing yet; ask again when a job is done. An error ends it.
  virtual Result<State> produce(std::string& to, std::size_t room) = 0;
  // While it waits: how far it is, and whether nobody has begun with it.
  [[nodiscard]] virtual std::optional<ProgressNote> progress() const { return std::nullopt; }
  [[nodiscard]] virtual bool untouched() const { return false; }
};

// The value of a key. The transaction must outlive it.
class ValueAnswer final : public Answer {
 public:
  // Errors: those of open_tree() and open_value().
  static Result<std::unique_ptr<Answer>> of(const ReadTransaction& reader, std::string_view tree,
                                            std::string_view key, bool only_whether);
  Result<State> produce(std::string& to, std::size_t room) override;

 private:
  std::optional<ValueReader> value_;
  bool only_whether_ = false;
  bool begun_ = false;
  std::uint64_t at_ = 0;
};

struct ScanWish {
  std::string tree;
  std::string from;
  std::optional<std::string> to;
  bool reverse = false;
  bool keys_only = false;
  std::uint64_t limit = 0;
};

// The records of a range. Holds a leaf's pin, a value of up to a frame, and nothing else. The
// transaction must outlive it.
class ScanAnswer final : public Answer {
 public:
  static Result<std::unique_ptr<Answer>> of(const ReadTransaction& reader, ScanWish wish);
  Result<State> produce(std::string& to, std::size_t room) override;

 private:
  ScanAnswer(Cursor cursor, ScanWish wish) : cursor_(std::move(cursor)), wish_(std::move(wish)) {}
  Result<bool> next();
  Result<bool> first();
  Result<bool> append_record(std::string& to, std::size_t room);

  Cursor cursor_;
  ScanWish wish_;
  bool begun_ = false;
  bool on_ = false;  // The cursor stands on a record that wasn't told.
  std::uint64_t told_ = 0;
  std::optional<ValueReader> value_;  // Of a record whose head and key were told.
  std::uint64_t value_at_ = 0;
};

// Items, made one by one; nothing is the end.
class ItemsAnswer final : public Answer {
 public:
  using Source = std::function<bool(std::string& to)>;  // Appends the next; false: there is none.
  explicit ItemsAnswer(Source source) : source_(std::move(source)) {}
  Result<State> produce(std::string& to, std::size_t room) override;

 private:
  Source source_;
  std::string left_;  // Of the last item.
  bool done_ = false;
};

// What a job makes, and what it found, once it is done. The job goes with it.
template <class Work>
class JobAnswer : public Answer {
 public:
  ~JobAnswer() override { jobs_.drop(job_); }
  JobAnswer(const JobAnswer&) = delete;
  JobAnswer& operator=(const JobAnswer&) = delete;
  Result<void> begin() { return jobs_.add(job_); }
  [[nodiscard]] std::optional<ProgressNote> progress() const override {
    if (untouched()) return ProgressNote{"waiting", 0, 0, "pages"};
    return job_->progress();
  }
  [[nodiscard]] bool untouched() const override { return job_->state() == Job::State::kWaiting; }

 protected:
  JobAnswer(Jobs& jobs, std::shared_ptr<Work> job) : jobs_(jobs), job_(std::move(job)) {}
  [[nodiscard]] Work& job() const { return *job_; }

  std::optional<ItemsAnswer> items_;
  std::size_t told_ = 0;  // Of the items.

 private:
  Jobs& jobs_;
  std::shared_ptr<Work> job_;
};

// A backup's stream in chunks, and what was found on the way.
class BackupAnswer final : public JobAnswer<BackupJob> {
 public:
  BackupAnswer(Jobs& jobs, const BackupOptions& wanted)
      : JobAnswer(jobs, std::make_shared<BackupJob>(wanted, [&jobs] { jobs.wake(); })) {}
  Result<State> produce(std::string& to, std::size_t room) override;

 private:
  bool append_next(std::string& to);
};

// What a check found, once it is done.
class CheckAnswer final : public JobAnswer<CheckJob> {
 public:
  CheckAnswer(Jobs& jobs, std::uint64_t findings_max)
      : JobAnswer(jobs, std::make_shared<CheckJob>(findings_max)) {}
  Result<State> produce(std::string& to, std::size_t room) override;

 private:
  bool append_next(std::string& to);
};

}  // namespace holdfast
