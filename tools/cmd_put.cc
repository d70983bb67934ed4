// holdfast put: one record, one transaction. A value from a file or from standard input goes there
// piece by piece.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "tools/interrupt.h"
#include "tools/json_output.h"
#include "tools/opening.h"
#include "tools/verbs.h"

namespace holdfast::tools {
namespace {

// Where a value comes from: the command line, standard input, or a file, a piece at a time.
class ValueSource {
 public:
  ValueSource(const Arguments& args, Console& console) : args_(args), console_(console) {}
  ~ValueSource() {
    if (fd_ > 0) ::close(fd_);
  }
  ValueSource(const ValueSource&) = delete;
  ValueSource& operator=(const ValueSource&) = delete;

  Step<void> open() {
    if (!args_.value_file.empty()) {
      fd_ = ::open(args_.value_file.c_str(), O_RDONLY | O_CLOEXEC);
      if (fd_ < 0) return failed("could not be opened");
    } else if (args_.value_from_input) {
      fd_ = 0;
    } else {
      return {};
    }
    struct stat status = {};
    if (fstat(fd_, &status) == 0 && S_ISREG(status.st_mode)) {
      const off_t from = lseek(fd_, 0, SEEK_CUR);
      size_ =
          static_cast<std::uint64_t>(std::max<off_t>(0, status.st_size - std::max<off_t>(from, 0)));
    }
    return {};
  }
  [[nodiscard]] bool streams() const { return fd_ >= 0; }
  // Bytes to come, where that is known. A file may yet grow or shrink.
  [[nodiscard]] std::optional<std::uint64_t> size() const { return size_; }
  // The next piece; an empty one is the end.
  Step<std::string_view> next() {
    for (;;) {
      if (!wait_readable(fd_)) return std::unexpected(ExitCode::kInterrupted);
      const ssize_t got = ::read(fd_, piece_.data(), piece_.size());
      if (got >= 0) return std::string_view(piece_).substr(0, static_cast<std::size_t>(got));
      if (errno == EINTR || errno == EAGAIN) continue;
      auto error = failed("could not be read");
      return std::unexpected(error.error());
    }
  }

 private:
  Step<void> failed(const char* what) {
    const std::string name = args_.value_file.empty() ? "Standard input" : args_.value_file;
    return std::unexpected(console_.fail(
        ExitCode::kFailed, fmt::format("{} {}: {}.", name, what, std::strerror(errno))));
  }

  const Arguments& args_;
  Console& console_;
  int fd_ = -1;
  std::optional<std::uint64_t> size_;
  std::string piece_ = std::string(std::size_t{1} << 18, '\0');
};

// What is noted of a long value's pages while it isn't in a checkpoint: some 170 bytes each.
constexpr std::size_t cache_for(std::uint64_t value_bytes) {
  return static_cast<std::size_t>(value_bytes / 16) + (std::size_t{8} << 20);
}

Step<void> stream(WriteTransaction& writer, Tree tree, const Arguments& args, ValueSource& source,
                  Console& console) {
  auto value = console.check(writer.put_stream(tree, args.key));
  if (!value) return std::unexpected(value.error());
  for (;;) {
    auto piece = source.next();
    if (!piece) return std::unexpected(piece.error());
    if (piece->empty()) return console.check(value->finish());
    if (auto done = console.check(value->append(*piece)); !done)
      return std::unexpected(done.error());
  }
}

Step<CommitToken> put(Database& database, const Arguments& args, ValueSource& source,
                      Console& console) {
  auto writer = console.check(database.begin_write());
  if (!writer) return std::unexpected(writer.error());
  Tree tree;
  if (args.tree && !args.tree->empty()) {
    auto named = console.check(writer->open_or_create_tree(*args.tree));
    if (!named) return std::unexpected(named.error());
    tree = *named;
  }
  auto done = source.streams() ? stream(*writer, tree, args, source, console)
                               : console.check(writer->put(tree, args.key, args.value));
  if (!done) return std::unexpected(done.error());
  return console.check(writer->commit());
}

}  // namespace

ExitCode run_put(const Arguments& given, Console& console) {
  Arguments args = given;
  ValueSource source(args, console);
  if (auto opened = source.open(); !opened) return opened.error();
  if (!args.cache_given)
    args.cache_bytes = std::max(args.cache_bytes, cache_for(source.size().value_or(0)));
  auto database = open_or_create(args, console);
  if (!database) return database.error();
  const auto txn = put(*database, args, source, console);
  const ExitCode code = close(*database, txn ? ExitCode::kDone : txn.error(), console);
  if (txn && args.json) {
    console.out().write(JsonObject().bytes("key", args.key).number("transaction", *txn).line());
  }
  return code;
}

}  // namespace holdfast::tools
