#include "server/request.h"

#include <cstring>

#include "engine/base/result.h"
#include "server/frames.h"

namespace holdfast {
namespace {

std::unexpected<Error> nonsense(const char* what) {
  return fail(ErrorCode::kInvalidArgument, std::string(what) + " came that isn't one");
}

}  // namespace

Result<GetWish> read_get(std::string_view payload) {
  wire::GetRequest head;
  GetWish wish;
  if (!wire::take(payload, head) || (head.flags & ~wire::kOnlyWhether) != 0 || head.zero != 0 ||
      !wire::take(payload, head.tree_bytes, wish.tree) ||
      !wire::take(payload, head.key_bytes, wish.key) || !payload.empty())
    return nonsense("a request for a value");
  wish.only_whether = (head.flags & wire::kOnlyWhether) != 0;
  return wish;
}

Result<ScanWish> read_scan(std::string_view payload) {
  constexpr std::uint32_t kKnown = wire::kHasTo | wire::kReverse | wire::kKeysOnly;
  wire::ScanRequest head;
  std::string_view tree;
  std::string_view from;
  std::string_view to;
  if (!wire::take(payload, head) || (head.flags & ~kKnown) != 0 ||
      ((head.flags & wire::kHasTo) == 0 && head.to_bytes != 0) ||
      !wire::take(payload, head.tree_bytes, tree) || !wire::take(payload, head.from_bytes, from) ||
      !wire::take(payload, head.to_bytes, to) || !payload.empty())
    return nonsense("a request for records");
  ScanWish wish{std::string(tree), std::string(from), std::nullopt, false, false, head.limit};
  if ((head.flags & wire::kHasTo) != 0) wish.to = std::string(to);
  wish.reverse = (head.flags & wire::kReverse) != 0;
  wish.keys_only = (head.flags & wire::kKeysOnly) != 0;
  return wish;
}

Result<std::uint64_t> read_check(std::string_view payload) {
  wire::CheckRequest head;
  if (!wire::take(payload, head) || !payload.empty()) return nonsense("a request for a check");
  return head.findings_max;
}

Result<BackupOptions> read_backup(std::string_view payload) {
  wire::BackupRequest head;
  if (!wire::take(payload, head) || !payload.empty()) return nonsense("a request for a backup");
  BackupOptions wanted;
  wanted.checkpoint = head.checkpoint;
  wanted.since = head.since;
  wanted.findings_max = head.findings_max;
  return wanted;
}

Result<std::uint32_t> read_hello(std::string_view payload) {
  wire::Hello head;
  if (!wire::take(payload, head) || std::memcmp(head.magic, wire::kMagic, sizeof head.magic) != 0 ||
      head.text_bytes > wire::kHelloTextMost || payload.size() != head.text_bytes)
    return nonsense("a greeting");
  return head.version;
}

}  // namespace holdfast
