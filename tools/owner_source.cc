#include "tools/owner_source.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "engine/base/limits.h"
#include "engine/base/result.h"
#include "server/reports.h"
#include "tools/interrupt.h"

namespace holdfast::tools {
namespace {

// A longer key is in no database; of a longer bound as much decides as is compared with keys.
constexpr std::size_t kKeyMost = max_key_bytes(kPageSizeMax);

std::unexpected<Error> nonsense() {
  return fail(ErrorCode::kIo, "what the database's owner answers makes no sense: a length");
}

std::string get_request(std::string_view tree, std::string_view key, std::uint32_t flags) {
  std::string request;
  wire::put(request, wire::GetRequest{static_cast<std::uint32_t>(tree.size()),
                                      static_cast<std::uint32_t>(key.size()), flags, 0});
  wire::put(request, tree);
  wire::put(request, key);
  return request;
}

std::string scan_request(std::string_view tree, const Range& range) {
  const std::string_view from = std::string_view(range.from).substr(0, kKeyMost + 1);
  const std::string_view to =
      range.to ? std::string_view(*range.to).substr(0, kKeyMost + 1) : std::string_view();
  std::string request;
  wire::put(request,
            wire::ScanRequest{static_cast<std::uint32_t>(tree.size()),
                              static_cast<std::uint32_t>(from.size()),
                              static_cast<std::uint32_t>(to.size()),
                              (range.to ? wire::kHasTo : 0) | (range.reverse ? wire::kReverse : 0) |
                                  (range.keys_only ? wire::kKeysOnly : 0),
                              range.limit.value_or(std::numeric_limits<std::uint64_t>::max())});
  wire::put(request, tree);
  wire::put(request, from);
  wire::put(request, to);
  return request;
}

// The tree's name, if any tree may have it.
Result<std::string_view> possible(std::string_view tree) {
  if (tree.size() <= kMaxTreeNameBytes) return tree;
  return fail(ErrorCode::kNotFound, "there is no tree named '" + std::string(tree) + "'");
}

class OwnerSource final : public Source {
 public:
  explicit OwnerSource(Owner owner) : owner_(std::move(owner)) {}

  Result<void> find_tree(std::string_view tree) override {
    TRY(ask_whether(tree, ""));
    return {};
  }
  Result<bool> contains(std::string_view tree, std::string_view key) override;
  Result<bool> get(std::string_view tree, std::string_view key, const PieceSink& piece) override;
  Result<void> scan(std::string_view tree, const Range& range, RecordSink& sink) override;
  Result<std::vector<TreeInfo>> trees() override;
  Result<Summary> summary() override;

 private:
  Result<bool> ask_whether(std::string_view tree, std::string_view key);
  // Exactly so many bytes of the answer; false: it has ended.
  Result<bool> whole(std::string& into, std::size_t bytes);
  // So many bytes of the answer, as they come; false: no more are wanted.
  Result<bool> pass_on(std::uint64_t bytes, const PieceSink& piece);

  Owner owner_;
};

Result<bool> OwnerSource::whole(std::string& into, std::size_t bytes) {
  into.clear();
  return bytes == 0 ? Result<bool>(true) : owner_.exactly(into, bytes);
}

Result<bool> OwnerSource::pass_on(std::uint64_t bytes, const PieceSink& piece) {
  while (bytes != 0) {
    const auto most = std::min<std::uint64_t>(bytes, wire::kAnswerMost);
    const std::string_view part = TRY(owner_.some(static_cast<std::size_t>(most)));
    if (part.empty()) return nonsense();
    if (!piece(part)) return false;
    bytes -= part.size();
  }
  return true;
}

Result<bool> OwnerSource::ask_whether(std::string_view tree, std::string_view key) {
  const std::string_view name = TRY(possible(tree));
  TRY(owner_.ask(wire::Kind::kGet, get_request(name, key, wire::kOnlyWhether)));
  wire::ValueHead head;
  const bool there = TRY(owner_.take(head));
  if (there && !TRY(owner_.some(1)).empty()) return nonsense();
  return there;
}

Result<bool> OwnerSource::contains(std::string_view tree, std::string_view key) {
  if (key.size() <= kKeyMost) return ask_whether(tree, key);
  TRY(find_tree(tree));
  return false;
}

Result<bool> OwnerSource::get(std::string_view tree, std::string_view key, const PieceSink& piece) {
  if (key.size() > kKeyMost) return contains(tree, key);
  const std::string_view name = TRY(possible(tree));
  TRY(owner_.ask(wire::Kind::kGet, get_request(name, key, 0)));
  wire::ValueHead head;
  if (!TRY(owner_.take(head))) return false;
  if (TRY(pass_on(head.value_bytes, piece)) && !TRY(owner_.some(1)).empty()) return nonsense();
  return true;
}

Result<void> OwnerSource::scan(std::string_view tree, const Range& range, RecordSink& sink) {
  const std::string_view name = TRY(possible(tree));
  TRY(owner_.ask(wire::Kind::kScan, scan_request(name, range)));
  const auto piece = [&sink](std::string_view bytes) { return sink.value(bytes); };
  std::string key;
  std::string value;
  wire::RecordHead head;
  while (TRY(owner_.take(head))) {
    if (head.key_bytes > kKeyMost || !TRY(whole(key, head.key_bytes))) return nonsense();
    const bool at_once = head.value_bytes <= kValueAtOnce;
    if (at_once && !TRY(whole(value, head.value_bytes))) return nonsense();
    if (!sink.begin(key, head.value_bytes)) return {};
    if (at_once ? !sink.value(value) : !TRY(pass_on(head.value_bytes, piece))) return {};
    if (!sink.end()) return {};
  }
  return {};
}

Result<std::vector<TreeInfo>> OwnerSource::trees() {
  TRY(owner_.ask(wire::Kind::kTrees, ""));
  std::vector<TreeInfo> trees;
  while (const auto item = TRY(owner_.item())) {
    if (item->kind == wire::ItemKind::kTree) trees.push_back(wire::tree_of(*item));
  }
  return trees;
}

Result<Source::Summary> OwnerSource::summary() {
  TRY(owner_.ask(wire::Kind::kStat, ""));
  Summary summary;
  while (auto item = TRY(owner_.item())) {
    if (item->kind == wire::ItemKind::kDatabase) summary.database = std::move(*item);
    if (item->kind == wire::ItemKind::kTree) summary.trees.push_back(wire::tree_of(*item));
  }
  summary.database.number("owner_process", static_cast<std::uint64_t>(owner_.process()));
  return summary;
}

}  // namespace

std::unique_ptr<Source> source_of(Owner owner) {
  return std::make_unique<OwnerSource>(std::move(owner));
}

Step<Owner> reach_owner(const Arguments& args, const Error& busy, Console& console) {
  auto owner = Owner::reach(args.database);
  if (!owner) {
    if (interrupted()) return std::unexpected(ExitCode::kInterrupted);
    return std::unexpected(console.fail(busy, ExitCode::kInUse, owner.error().message() + "."));
  }
  if (::isatty(2) == 1)
    console.say(fmt::format("Note: {} has the database open, and is asked.", owner->name()));
  return std::move(*owner);
}

Result<std::vector<KeptCheckpoint>> kept_checkpoints(Owner& owner) {
  TRY(owner.ask(wire::Kind::kKept, ""));
  std::vector<KeptCheckpoint> list;
  while (const auto item = TRY(owner.item())) {
    if (item->kind == wire::ItemKind::kKept) list.push_back(wire::kept_of(*item));
  }
  return list;
}

Result<OwnerBackup> OwnerBackup::begin(Owner& owner, const BackupOptions& wanted,
                                       const ProgressFunction& progress) {
  std::string request;
  wire::put(request, wire::BackupRequest{wanted.checkpoint, wanted.since, wanted.findings_max});
  TRY(owner.ask(wire::Kind::kBackup, request, progress));
  return OwnerBackup(owner);
}

Result<std::size_t> OwnerBackup::read(std::span<char> buffer) {
  if (report_) return std::size_t{0};
  if (left_ == 0) {
    wire::ChunkHead head;
    if (!TRY(owner_->take(head)) || head.zero != 0) return nonsense();
    left_ = head.bytes;
    if (left_ == 0) {
      TRY(read_report());
      return std::size_t{0};
    }
  }
  const auto most = std::min<std::uint64_t>(left_, buffer.size());
  const std::string_view part = TRY(owner_->some(static_cast<std::size_t>(most)));
  if (part.empty()) return nonsense();
  std::ranges::copy(part, buffer.begin());
  left_ -= part.size();
  return part.size();
}

// At once: the owner doesn't wait for what becomes of the stream here.
Result<void> OwnerBackup::read_report() {
  BackupReport report;
  while (const auto item = TRY(owner_->item())) {
    if (item->kind == wire::ItemKind::kFinding) report.findings.push_back(wire::finding_of(*item));
    if (item->kind == wire::ItemKind::kSummary) wire::read_backup(*item, report);
  }
  report_ = std::move(report);
  return {};
}

Result<BackupReport> OwnerBackup::report() const {
  if (!report_) return nonsense();
  return *report_;
}

Result<VerifyReport> verify(Owner& owner, const VerifyOptions& options) {
  std::string request;
  wire::put(request, wire::CheckRequest{options.findings_max});
  TRY(owner.ask(wire::Kind::kCheck, request, options.progress));
  VerifyReport report;
  while (const auto item = TRY(owner.item())) {
    if (item->kind == wire::ItemKind::kFinding) report.findings.push_back(wire::finding_of(*item));
    if (item->kind == wire::ItemKind::kTree) report.trees.push_back(wire::checked_tree_of(*item));
    if (item->kind == wire::ItemKind::kSummary) wire::read_summary(*item, report);
  }
  return report;
}

}  // namespace holdfast::tools
