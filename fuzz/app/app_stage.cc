#include "fuzz/app/app_stage.h"

#include <exception>
#include <expected>
#include <utility>

#include "fuzz/lab/needed_ranges.h"

namespace holdfast::crashlab {

AppStage::AppStage(const Subject& subject, std::span<std::byte> arena)
    : subject_(subject),
      arena_(arena),
      environment_{&disk, &clock_, &random_},
      notes_(disk, clock_),
      sizes_{subject.options.cache_bytes, subject.options.checkpoint_log_bytes,
             subject.options.log_segment_bytes} {}

AppStage::~AppStage() {
  end();
}

void AppStage::reset(std::uint64_t seed, bool drawn) {
  end();
  SimDisk::Options options;
  options.seed = seed;
  disk.reset(options);
  watch_needed_ranges(disk, kPath);
  clock_.reset();
  notes_.reset(seed, drawn);
  weather_ = Weather::kFair;
  harmed_ = given_up_ = after_crash_ = false;
  failure_.reset();
}

void AppStage::become(const AppStage& other) {
  end();
  disk.become(other.disk);
  watch_needed_ranges(disk, kPath);
  clock_.become(other.clock_);
  notes_.become(other.notes_);
  sizes_ = other.sizes_;
  weather_ = Weather::kFair;
  harmed_ = other.harmed_;
  given_up_ = other.given_up_;
  after_crash_ = other.after_crash_;
  failure_ = other.failure_;
}

Options AppStage::options() {
  Options options = subject_.options;
  options.mode = OpenMode::kCreate;
  options.cache_bytes = sizes_.cache_bytes;
  options.checkpoint_log_bytes = sizes_.checkpoint_log_bytes;
  options.log_segment_bytes = sizes_.log_segment_bytes;
  options.background = Background::kHost;
  options.accept_damaged_log = false;
  options.arena = arena_.first(std::min(arena_.size(), sizes_.cache_bytes));
  options.environment = &environment_;
  return options;
}

bool AppStage::usable() const {
  return db_ && !failure_ && !given_up_ && !disk.crashed();
}

bool AppStage::excused() const {
  return disk.crashed() || weather_ != Weather::kFair || harmed_;
}

void AppStage::fail(const std::string& what) {
  if (failure_) return;
  failure_ = what;
  say("FOUND: " + what);
}

// An error while nothing is wrong with storage is a finding.
void AppStage::judge(const std::string& what, const std::string& error) {
  say(what + ": " + error);
  if (!excused()) fail(what + ", though storage did all it was asked: " + error);
  if (harmed_ && !disk.crashed() && weather_ == Weather::kFair) given_up_ = true;
}

void AppStage::live(Until until) {
  if (failure_ || given_up_) return;
  if (open()) {
    verify(after_crash_ ? "after a crash" : "after opening");
    const bool started = start();
    if (started) check(after_crash_ ? "after a crash" : "after opening");
    if (started && until == Until::kEnd) {
      work();
      check("after its work");
      close();
    }
  }
  end();
  if (disk.violation()) {
    fail("Holdfast wrote over something that it may still need: " + *disk.violation());
  }
}

bool AppStage::open() {
  random_.reset(notes_.life_seed() + 2);
  ++counters_.lives;
  counters_.recoveries += after_crash_ ? 1 : 0;
  auto opened = Database::open(kPath, options());
  if (!opened) {
    judge("opening failed", opened.error().to_string());
    return false;
  }
  db_.emplace(*std::move(opened));
  notes_.begin_life(*db_);
  committed_ = false;
  say("opened: " + db_->recovery().to_string());
  return usable();
}

// Not where calls are made to fail: those that fail should be the application's.
void AppStage::verify(const char* when) {
  if (!usable() || weather_ == Weather::kFaulty) return;
  const auto report = db_->verify();
  if (!report)
    return judge(std::string("Holdfast's verify() failed ") + when, report.error().to_string());
  for (const Finding& finding : report->findings) {
    // A crash may leave one copy of a meta torn; the first commit mends it.
    if (finding.code == "meta_copy" && !committed_) continue;
    const std::string text = finding.code + ": " + finding.detail;
    if (!harmed_ && !excused()) {
      fail(std::string("Holdfast's verify() finds, ") + when + ", " + text);
    }
    given_up_ = given_up_ || (harmed_ && !disk.crashed());
    say("verify() finds " + text);
    return;
  }
}

AppStage::Outcome AppStage::guarded(const std::function<Outcome()>& call) {
  try {
    return call();
  } catch (const std::bad_expected_access<Error>& error) {
    return {"", error.error().to_string()};
  } catch (const std::exception& error) {
    return {"", error.what()};
  } catch (...) {
    return {"", "something was thrown"};
  }
}

// False where no application would go on.
bool AppStage::start() {
  if (!usable() || !subject_.start) return usable();
  const Outcome outcome = guarded([this]() -> Outcome {
    auto done = subject_.start(*db_);
    if (!done) return {"", done.error().to_string()};
    return {};
  });
  if (outcome.error) judge("the start failed", *outcome.error);
  return !outcome.error;
}

void AppStage::work() {
  if (!usable()) return;
  committed_ = true;
  const Outcome outcome = guarded([this]() -> Outcome {
    auto done = subject_.work(*db_, notes_.life());
    if (!done) return {"", done.error().to_string()};
    return {};
  });
  if (outcome.error) judge("the work failed", *outcome.error);
}

// While calls are made to fail, an answer may be about the failure and not about the data.
void AppStage::check(const char* when) {
  if (!usable() || weather_ == Weather::kFaulty) return;
  ++counters_.checks;
  const Outcome outcome = guarded([this]() -> Outcome {
    auto answer = subject_.check(*db_, notes_.evidence());
    if (!answer) return {"", answer.error().to_string()};
    return {*std::move(answer), std::nullopt};
  });
  if (disk.crashed()) return;
  if (outcome.error) judge(std::string("the check failed ") + when, *outcome.error);
  if (!outcome.complaint.empty()) {
    fail(std::string("the check complains ") + when + ": " + outcome.complaint);
  }
}

void AppStage::close() {
  if (!usable()) return;
  auto closed = db_->close();
  notes_.end_life();
  db_.reset();
  if (!closed) return judge("closing failed", closed.error().to_string());
  after_crash_ = false;
  say("closed");
}

// The process ends here: whatever it still calls fails.
void AppStage::end() {
  notes_.end_life();
  if (weather_ == Weather::kFaulty) notes_.doubt();
  if (!db_) return;
  if (!disk.crashed()) disk.crash_at_call(1);
  db_.reset();
}

void AppStage::crashed(CrashPolicy::Kind kind) {
  const bool power_lost = kind != CrashPolicy::Kind::kProcessKill;
  say(power_lost ? "power was lost" : "the process was killed; the machine keeps what was written");
  notes_.crashed(power_lost);
  weather_ = Weather::kFair;
  after_crash_ = true;
}

}  // namespace holdfast::crashlab
