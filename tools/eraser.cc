#include "tools/eraser.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/interrupt.h"
#include "tools/wording.h"

namespace holdfast::tools {

ExitCode Eraser::run(std::string from, const std::optional<std::string>& to) {
  for (;;) {
    if (interrupted()) {
      return console_.fail(
          ExitCode::kInterrupted,
          fmt::format("Interrupted. Erased before that: {}.", counted(erased_, "record")));
    }
    const auto more = erase_some(from, to);
    if (!more && more.error().code() == ErrorCode::kLimitExceeded && batch_ > 1) {
      batch_ = std::max<std::uint64_t>(1, batch_ / 2);
      continue;
    }
    if (!more) {
      return console_.fail(more.error(), exit_code_for(more.error().code()),
                           fmt::format("Erased before that: {}.", counted(erased_, "record")));
    }
    if (!*more) return ExitCode::kDone;
  }
}

Result<bool> Eraser::erase_some(std::string& from, const std::optional<std::string>& to) {
  auto writer = database_.begin_write();
  if (!writer) return std::unexpected(writer.error());
  auto cursor = writer->cursor(tree_);
  if (!cursor) return std::unexpected(cursor.error());
  std::uint64_t gone = 0;
  auto on = cursor->seek(from);
  while (on && *on && gone < batch_ && (!to || cursor->key() < *to)) {
    if (auto erased = cursor->erase(); !erased) return erased;
    ++gone;
    on = cursor->next();
  }
  if (!on) return on;
  const bool more = *on && (!to || cursor->key() < *to);
  std::string next(more ? cursor->key() : std::string_view());
  if (gone != 0) {
    if (auto token = writer->commit(); !token) return std::unexpected(token.error());
    erased_ += gone;
    ++commits_;
  }
  from = std::move(next);
  return more;
}

}  // namespace holdfast::tools
