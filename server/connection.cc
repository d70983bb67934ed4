#include "server/connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "engine/base/boundary.h"
#include "engine/base/result.h"
#include "engine/storage/uninterrupted.h"
#include "holdfast/database.h"
#include "server/reports.h"
#include "server/request.h"

namespace holdfast {
namespace {

constexpr std::chrono::milliseconds kProgressEvery{200};
constexpr std::uint64_t kFindingsMost = 1000;

// A list, as an answer: its items are made as they are taken, behind `first`, if there is one.
template <class T, class Make>
std::unique_ptr<Answer> items_of(std::vector<T> list, Make make,
                                 std::optional<wire::Item> first = {}) {
  return std::make_unique<ItemsAnswer>([list = std::move(list), make = std::move(make),
                                        first = std::move(first),
                                        at = std::size_t{0}](std::string& to) mutable {
    if (first) {
      wire::append_item(to, *first);
      first.reset();
      return true;
    }
    if (at == list.size()) return false;
    wire::append_item(to, make(list[at++]));
    return true;
  });
}

std::string in_seconds(std::chrono::milliseconds time) {
  const std::string millis = std::to_string(time.count() % 1000);
  return std::to_string(time.count() / 1000) +
         (time.count() % 1000 == 0 ? "" : "." + std::string(3 - millis.size(), '0') + millis) +
         " s";
}

}  // namespace

void append_hello(std::string& to, const struct stat* file) {
  const std::string text = std::string("holdfast ") + version();
  wire::Hello head{{}, wire::kVersion, static_cast<std::uint32_t>(text.size()), 0, 0};
  std::memcpy(head.magic, wire::kMagic, sizeof head.magic);
  if (file != nullptr) head.device = file->st_dev, head.inode = file->st_ino;
  wire::append_frame(to, wire::Kind::kHello, head, text);
}

Connection::Connection(Descriptor socket, ConnectionContext& context, Time now)
    : socket_(std::move(socket)), context_(context), patient_until_(now + context.options.stall) {}

// A forked child may have a copy of the descriptor: closing this one wouldn't tell the client.
Connection::~Connection() {
  (void)::shutdown(socket_.get(), SHUT_RDWR);
}

bool Connection::turn(std::uint32_t events, Time now) noexcept {
  const auto goes_on = at_boundary([&]() -> Result<bool> { return step(events, now); });
  if (!goes_on) context_.let_go.fetch_add(1);  // Memory ran out.
  return goes_on.value_or(false);
}

bool Connection::step(std::uint32_t events, Time now) {
  if ((events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0) return false;  // It has gone.
  if (answer_ == nullptr && !ending_ && (events & EPOLLIN) != 0 && !receive(now)) return false;
  if (answer_ != nullptr) fill(now);
  if (!send(now) || (ending_ && out_.empty())) return false;
  return within_limits(now);
}

// Takes no more than one frame, so that whatever else has come waits where it can't be overlooked.
bool Connection::receive(Time now) {
  while (!in_.frame()) {
    const std::span<char> room = in_.room();
    const ssize_t got =
        uninterrupted([&] { return ::recv(socket_.get(), room.data(), room.size(), 0); });
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    if (auto came = in_.came(static_cast<std::size_t>(got)); !came) {
      context_.let_go.fetch_add(1);
      fail_with(came.error());
      return true;
    }
  }
  if (auto understood = understand(*in_.frame(), now); !understood) fail_with(understood.error());
  in_.pass();
  patient_until_ = now + context_.options.stall;
  return true;
}

Result<void> Connection::understand(const wire::Frame& frame, Time now) {
  if (!greeted_) {
    const auto client = frame.kind == wire::Kind::kHello ? read_hello(frame.payload) : 0;
    if (!client || frame.kind != wire::Kind::kHello) {
      context_.let_go.fetch_add(1);
      ending_ = true;  // Whatever it speaks, it isn't this.
      return {};
    }
    append_hello(out_, &context_.file);
    greeted_ = true;
    ending_ = *client != wire::kVersion;  // It knows both versions now, and says what to do.
    return {};
  }
  if (!reader_) ends_at_ = now + context_.options.request_time;
  answer_ = TRY(answer_to(frame));
  context_.requests.fetch_add(1);
  asked_at_ = next_progress_ = now;
  return {};
}

Result<const ReadTransaction*> Connection::snapshot() {
  if (!reader_) reader_ = TRY(context_.served.read_durable());
  return &*reader_;
}

Result<std::unique_ptr<Answer>> Connection::answer_to(const wire::Frame& frame) {
  switch (frame.kind) {
    case wire::Kind::kGet: {
      const GetWish wish = TRY(read_get(frame.payload));
      const ReadTransaction& reader = *TRY(snapshot());
      return ValueAnswer::of(reader, wish.tree, wish.key, wish.only_whether);
    }
    case wire::Kind::kScan: {
      ScanWish wish = TRY(read_scan(frame.payload));
      const ReadTransaction& reader = *TRY(snapshot());
      return ScanAnswer::of(reader, std::move(wish));
    }
    case wire::Kind::kTrees:
      return answer_trees();
    case wire::Kind::kStat:
      return answer_stat();
    case wire::Kind::kCheck: {
      const std::uint64_t findings = std::min(TRY(read_check(frame.payload)), kFindingsMost);
      auto answer = std::make_unique<CheckAnswer>(context_.jobs, findings);
      TRY(answer->begin());
      return answer;
    }
    case wire::Kind::kBackup: {
      BackupOptions wanted = TRY(read_backup(frame.payload));
      wanted.findings_max = std::min(wanted.findings_max, kFindingsMost);
      auto answer = std::make_unique<BackupAnswer>(context_.jobs, wanted);
      TRY(answer->begin());
      return answer;
    }
    case wire::Kind::kKept:
      return items_of(context_.served.kept_checkpoints(), wire::kept_item);
    default:
      return fail(ErrorCode::kInvalidArgument,
                  "a request came that nobody knows: nothing that changes the database, and no "
                  "more than docs/CLI.md lists, can be asked of its owner");
  }
}

Result<std::unique_ptr<Answer>> Connection::answer_trees() {
  const ReadTransaction& reader = *TRY(snapshot());
  return items_of(TRY(reader.list_trees()), wire::tree_item);
}

// Counted before this client's own snapshot begins.
Result<std::unique_ptr<Answer>> Connection::answer_stat() {
  const Served& served = context_.served;
  wire::Item database = wire::database_item(served.file(), served.stats(), served.recovery(), true);
  const ReadTransaction& reader = *TRY(snapshot());
  return items_of(TRY(reader.list_trees()), wire::tree_item, std::move(database));
}

// Nothing new while the client hasn't taken what there is.
void Connection::fill(Time now) {
  if (!out_.empty()) return;
  const std::size_t begun = wire::begin_frame(out_, wire::Kind::kData);
  auto state = answer_->produce(out_, wire::kAnswerMost);
  wire::end_frame(out_, begun);
  if (out_.size() == begun + sizeof(wire::FrameHead)) out_.clear();
  if (!state) {
    fail_with(state.error());
    return;
  }
  waits_ = *state == Answer::State::kWaits;
  if (*state == Answer::State::kDone) {
    wire::append_frame(out_, wire::Kind::kDone);
    answer_.reset();
  }
  if (!waits_ || now < next_progress_) return;
  const ProgressNote note = answer_->progress().value_or(ProgressNote{"beginning", 0, 0, "pages"});
  wire::append_frame(
      out_, wire::Kind::kProgress,
      wire::ProgressHead{note.done, note.total, static_cast<std::uint32_t>(note.stage.size()),
                         static_cast<std::uint32_t>(note.unit.size())},
      note.stage, note.unit);
  next_progress_ = now + kProgressEvery;
}

bool Connection::send(Time now) {
  while (sent_ < out_.size()) {
    const ssize_t taken = uninterrupted([&] {
      return ::send(socket_.get(), out_.data() + sent_, out_.size() - sent_,
                    MSG_NOSIGNAL | MSG_DONTWAIT);
    });
    if (taken < 0) return errno == EAGAIN || errno == ENOBUFS;
    sent_ += static_cast<std::size_t>(taken);
    context_.bytes_sent.fetch_add(static_cast<std::uint64_t>(taken));
    patient_until_ = now + context_.options.stall;
  }
  out_.clear();
  sent_ = 0;
  return true;
}

bool Connection::within_limits(Time now) {
  const ServerOptions& options = context_.options;
  if (now >= patient_until_ && !(waits_ && out_.empty())) {
    context_.let_go.fetch_add(1);
    end(Error(ErrorCode::kTimedOut, "nothing was asked, or taken of an answer, for " +
                                        in_seconds(options.stall) +
                                        " (ServerOptions::stall of the database's owner)"));
    return false;
  }
  if (ending_ || (answer_ == nullptr && !reader_)) return true;
  if (now >= ends_at_) {
    context_.let_go.fetch_add(1);
    fail_with(Error(ErrorCode::kTimedOut, "the answer took longer than " +
                                              in_seconds(options.request_time) +
                                              ", the most that the database's owner allows "
                                              "(ServerOptions::request_time)"));
  } else if (context_.host_drives && waits_ && answer_->untouched() &&
             now >= asked_at_ + options.stall && context_.jobs.idle()) {
    context_.let_go.fetch_add(1);
    fail_with(Error(ErrorCode::kTimedOut,
                    "the database's owner does no work that takes long: it would have to call "
                    "Server::run_long()"));
  }
  return send(now) && !(ending_ && out_.empty());
}

void Connection::fail_with(const Error& why) {
  answer_.reset();
  reader_.reset();
  waits_ = false;
  ending_ = true;
  std::string item;
  wire::append_item(item, wire::error_item(why));
  wire::append_frame(out_, wire::Kind::kError, item);
}

void Connection::end(const Error& why) noexcept {
  (void)at_boundary([&]() -> Result<void> {
    if (!ending_ && greeted_) fail_with(why);
    (void)send(patient_until_);
    return {};
  });
}

std::uint32_t Connection::wants() const noexcept {
  if (!out_.empty() || (answer_ != nullptr && !waits_)) return EPOLLOUT | EPOLLRDHUP;
  if (answer_ != nullptr || ending_) return EPOLLRDHUP;
  return EPOLLIN | EPOLLRDHUP;
}

Connection::Time Connection::due() const noexcept {
  Time due = Time::max();
  if (!(waits_ && out_.empty())) due = patient_until_;
  if (waits_ && out_.empty()) due = std::min(due, next_progress_);
  if (!ending_ && (answer_ != nullptr || reader_)) due = std::min(due, ends_at_);
  return due;
}

}  // namespace holdfast
