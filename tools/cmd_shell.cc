// holdfast shell: Lychee statements from a pipe or a person. Each is a transaction of its own, and
// its answer is written only when it is durable.
#include <fmt/format.h>
#include <unistd.h>

#include <cstring>
#include <optional>

#include "tools/interrupt.h"
#include "tools/line_reader.h"
#include "tools/lychee.h"
#include "tools/opening.h"
#include "tools/prompt.h"
#include "tools/verbs.h"

namespace holdfast::tools {
namespace {

constexpr std::size_t kLineBytesMax = std::size_t{16} << 20;

// A value as its bytes, but for control characters: an answer must stay one line.
std::string one_line(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      text += fmt::format("\\{:02x}", byte);
    } else {
      text += c;
    }
  }
  return text;
}

std::string record_line(std::string_view key, std::string_view value) {
  return fmt::format("Key:{}, Value:{}", one_line(key), one_line(value));
}

class Shell {
 public:
  Shell(Database& database, Console& console) : database_(database), console_(console) {}

  // Carries out one line; false when the shell is to end.
  bool line(std::string_view text) {
    if (is_blank(text)) return true;
    const auto statement = parse_statement(text);
    if (!statement) return invalid();
    if (statement->kind == Statement::Kind::kExit) return false;
    if (statement->kind == Statement::Kind::kPrint) return print();
    auto answer = execute(*statement);
    if (answer) return say(*answer);
    console_.fail(answer.error());
    const ErrorCode code = answer.error().code();
    if (code == ErrorCode::kLimitExceeded || code == ErrorCode::kInvalidArgument) return invalid();
    code_ = exit_code_for(code);
    return false;
  }

  bool invalid() {
    code_ = ExitCode::kUsage;
    return say("Invalid Query");
  }

  [[nodiscard]] ExitCode code() const noexcept { return code_; }

 private:
  bool say(std::string_view answer) {
    console_.out().write(answer);
    console_.out().write("\n");
    return console_.out().flush();
  }

  Result<std::string> execute(const Statement& statement) {
    if (statement.kind == Statement::Kind::kRead) {
      auto value = database_.get(statement.key);
      if (!value) return std::unexpected(value.error());
      return *value ? record_line(statement.key, **value) : "Key does not exist";
    }
    auto writer = database_.begin_write();
    if (!writer) return std::unexpected(writer.error());
    auto exists = writer->contains(statement.key);
    if (!exists) return std::unexpected(exists.error());
    if (statement.kind == Statement::Kind::kInsert) {
      if (*exists) return "Key already exists";
      return put(*writer, statement, "Inserted successfully");
    }
    if (!*exists) return "Key does not exist";
    if (statement.kind == Statement::Kind::kUpdate) {
      return put(*writer, statement, "Updated successfully");
    }
    auto erased = writer->erase(statement.key);
    if (!erased) return std::unexpected(erased.error());
    return commit(*writer, "Deleted successfully");
  }

  static Result<std::string> put(WriteTransaction& writer, const Statement& statement,
                                 const char* answer) {
    auto put_in = writer.put(statement.key, statement.value);
    if (!put_in) return std::unexpected(put_in.error());
    return commit(writer, answer);
  }

  static Result<std::string> commit(WriteTransaction& writer, const char* answer) {
    auto token = writer.commit(Durability::kSync);
    if (!token) return std::unexpected(token.error());
    return answer;
  }

  bool print() {
    auto reader = database_.begin_read();
    if (!reader) return stop(reader.error());
    auto cursor = reader->cursor();
    if (!cursor) return stop(cursor.error());
    auto on = cursor->first();
    if (on && !*on) return say("Tree is empty.");
    for (; on && *on && !interrupted(); on = cursor->next()) {
      auto value = cursor->value();
      if (!value) return stop(value.error());
      if (!console_.out().write(record_line(cursor->key(), *value) + "\n")) return false;
    }
    if (!on) return stop(on.error());
    return console_.out().flush();
  }

  bool stop(const Error& error) {
    code_ = console_.fail(error);
    return false;
  }

  Database& database_;
  Console& console_;
  ExitCode code_ = ExitCode::kDone;
};

ExitCode read_script(Shell& shell, Console& console) {
  LineReader lines(0, kLineBytesMax);
  std::string line;
  for (bool going_on = true; going_on;) {
    switch (lines.next(line)) {
      case LineReader::Got::kLine:
        going_on = shell.line(line);
        break;
      case LineReader::Got::kTooLong:
        going_on = shell.invalid();
        break;
      case LineReader::Got::kEnd:
        going_on = false;
        break;
      case LineReader::Got::kInterrupted:
        return ExitCode::kInterrupted;
      case LineReader::Got::kFailed:
        return console.fail(ExitCode::kFailed, fmt::format("Standard input could not be read: {}.",
                                                           std::strerror(lines.error())));
    }
  }
  return shell.code();
}

ExitCode converse(Shell& shell) {
  Prompt prompt("lychee> ");
  std::string line;
  for (;;) {
    switch (prompt.next(line)) {
      case Prompt::Got::kLine:
        if (!shell.line(line)) return shell.code();
        break;
      case Prompt::Got::kEnd:
        return shell.code();
      case Prompt::Got::kInterrupted:
        return ExitCode::kInterrupted;
    }
  }
}

}  // namespace

ExitCode run_shell(const Arguments& args, Console& console) {
  auto database = open_or_create(args, console);
  if (!database) return database.error();
  Shell shell(*database, console);
  const ExitCode code = isatty(0) == 1 ? converse(shell) : read_script(shell, console);
  return close(*database, code, console);
}

}  // namespace holdfast::tools
