#include "tools/shell.h"

#include <fmt/format.h>

#include "tools/interrupt.h"

namespace holdfast::tools {
namespace {

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

Result<std::string> commit(WriteTransaction& writer, const char* answer) {
  auto token = writer.commit(Durability::kSync);
  if (!token) return std::unexpected(token.error());
  return answer;
}

Result<std::string> put(WriteTransaction& writer, const Statement& statement, const char* answer) {
  auto put_in = writer.put(statement.key, statement.value);
  if (!put_in) return std::unexpected(put_in.error());
  return commit(writer, answer);
}

}  // namespace

bool Shell::line(std::string_view text) {
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

bool Shell::invalid() {
  code_ = ExitCode::kUsage;
  return say("Invalid Query");
}

bool Shell::say(std::string_view answer) {
  console_.out().write(answer);
  console_.out().write("\n");
  return console_.out().flush();
}

Result<std::string> Shell::execute(const Statement& statement) {
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

bool Shell::print() {
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

bool Shell::stop(const Error& error) {
  code_ = console_.fail(error);
  return false;
}

}  // namespace holdfast::tools
