#include "server/answer.h"

#include <algorithm>
#include <span>

#include "engine/base/result.h"
#include "server/frames.h"
#include "server/reports.h"

namespace holdfast {
namespace {

constexpr std::size_t kHeadMost = sizeof(wire::RecordHead);

// Appends up to `room` bytes of a value from `at` on.
Result<void> append_value(const ValueReader& value, std::uint64_t& at, std::string& to,
                          std::size_t room) {
  const std::size_t size = to.size();
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(room, value.size() - at));
  to.resize(size + wanted);
  const auto got = value.read(at, std::as_writable_bytes(std::span(to).subspan(size)));
  to.resize(size + got.value_or(0));
  at += got.value_or(0);
  if (!got) return std::unexpected(got.error());
  return {};
}

}  // namespace

Result<std::unique_ptr<Answer>> ValueAnswer::of(const ReadTransaction& reader,
                                                std::string_view tree, std::string_view key,
                                                bool only_whether) {
  const Tree found = TRY(reader.open_tree(tree));
  auto answer = std::make_unique<ValueAnswer>();
  answer->value_ = TRY(reader.open_value(found, key));
  answer->only_whether_ = only_whether;
  return answer;
}

Result<Answer::State> ValueAnswer::produce(std::string& to, std::size_t room) {
  if (!value_) return State::kDone;
  if (!begun_) {
    wire::put(to, wire::ValueHead{value_->size()});
    room -= sizeof(wire::ValueHead);
    begun_ = true;
  }
  if (!only_whether_) TRY(append_value(*value_, at_, to, room));
  return only_whether_ || at_ == value_->size() ? State::kDone : State::kMore;
}

Result<std::unique_ptr<Answer>> ScanAnswer::of(const ReadTransaction& reader, ScanWish wish) {
  const Tree tree = TRY(reader.open_tree(wish.tree));
  Cursor cursor = TRY(reader.cursor(tree));
  return std::unique_ptr<Answer>(new ScanAnswer(std::move(cursor), std::move(wish)));
}

Result<bool> ScanAnswer::first() {
  if (!wish_.reverse) return cursor_.seek(wish_.from);
  if (!wish_.to) return cursor_.last();
  const bool on = TRY(cursor_.seek_at_or_before(*wish_.to));
  return on && cursor_.key() == *wish_.to ? cursor_.prev() : on;
}

Result<bool> ScanAnswer::next() {
  if (told_ == wish_.limit) return false;
  bool on = false;
  if (!begun_) {
    on = TRY(first());
    begun_ = true;
  } else {
    on = TRY(wish_.reverse ? cursor_.prev() : cursor_.next());
  }
  return on && cursor_.key() >= wish_.from && (!wish_.to || cursor_.key() < *wish_.to);
}

// False: there is no room for the record's beginning.
Result<bool> ScanAnswer::append_record(std::string& to, std::size_t room) {
  const std::string_view key = cursor_.key();
  if (room < kHeadMost + key.size()) return false;
  const std::uint64_t bytes = wish_.keys_only ? 0 : TRY(cursor_.value_size());
  wire::put(to, wire::RecordHead{static_cast<std::uint32_t>(key.size()),
                                 static_cast<std::uint32_t>(bytes)});
  wire::put(to, key);
  if (bytes > room - kHeadMost - key.size()) {
    value_ = TRY(cursor_.open_value());
    value_at_ = 0;
  } else if (bytes != 0) {
    wire::put(to, TRY(cursor_.value()));
  }
  ++told_;
  return true;
}

Result<Answer::State> ScanAnswer::produce(std::string& to, std::size_t room) {
  const std::size_t end = to.size() + room;
  while (to.size() < end) {
    if (value_) {
      TRY(append_value(*value_, value_at_, to, end - to.size()));
      if (value_at_ == value_->size()) value_.reset();
      continue;
    }
    if (!on_ && !(on_ = TRY(next()))) return State::kDone;
    if (!TRY(append_record(to, end - to.size()))) return State::kMore;
    on_ = false;
  }
  return State::kMore;
}

Result<Answer::State> ItemsAnswer::produce(std::string& to, std::size_t room) {
  while (room > 0) {
    if (left_.empty() && (done_ || (done_ = !source_(left_)))) return State::kDone;
    const std::size_t part = std::min(room, left_.size());
    to.append(left_, 0, part);
    left_.erase(0, part);
    room -= part;
  }
  return State::kMore;
}

bool CheckAnswer::append_next(std::string& to) {
  const VerifyReport& report = *job().report();
  const std::size_t findings = report.findings.size();
  if (told_ < findings) {
    wire::append_item(to, wire::finding_item(report.findings[told_]));
  } else if (told_ < findings + report.trees.size()) {
    wire::append_item(to, wire::checked_tree_item(report.trees[told_ - findings]));
  } else if (told_ == findings + report.trees.size()) {
    wire::append_item(to, wire::summary_item(report));
  } else {
    return false;
  }
  ++told_;
  return true;
}

Result<Answer::State> CheckAnswer::produce(std::string& to, std::size_t room) {
  if (job().state() != Job::State::kDone) return State::kWaits;
  if (!job().report()) return std::unexpected(job().report().error());
  if (!items_) items_.emplace([this](std::string& item) { return append_next(item); });
  return items_->produce(to, room);
}

bool BackupAnswer::append_next(std::string& to) {
  const BackupReport& report = *job().report();
  if (told_ > report.findings.size()) return false;
  wire::append_item(to, told_ < report.findings.size() ? wire::finding_item(report.findings[told_])
                                                       : wire::backup_item(report));
  ++told_;
  return true;
}

Result<Answer::State> BackupAnswer::produce(std::string& to, std::size_t room) {
  if (items_) return items_->produce(to, room);
  // Asked first: what comes between the two questions is taken then.
  const bool done = job().state() == Job::State::kDone;
  const std::size_t begun = to.size();
  wire::put(to, wire::ChunkHead{0, 0});
  const std::size_t got = job().take(to, room - sizeof(wire::ChunkHead));
  store32(reinterpret_cast<std::byte*>(to.data() + begun), static_cast<std::uint32_t>(got));
  if (got != 0) return State::kMore;
  if (done && job().report()) {
    items_.emplace([this](std::string& item) { return append_next(item); });
    return State::kMore;  // The chunk of no bytes stays: the stream's end.
  }
  to.resize(begun);
  if (!done) return State::kWaits;
  return std::unexpected(job().report().error());
}

}  // namespace holdfast
