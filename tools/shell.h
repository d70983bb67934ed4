// What `holdfast shell` does with a line. Each statement is a transaction of its own, and its
// answer is written only when it is durable.
#pragma once

#include <string>
#include <string_view>

#include "holdfast/database.h"
#include "tools/console.h"
#include "tools/lychee.h"

namespace holdfast::tools {

class Shell {
 public:
  Shell(Database& database, Console& console) : database_(database), console_(console) {}

  // Carries out one line; false when the shell is to end.
  bool line(std::string_view text);
  // Answers a line that is no statement.
  bool invalid();
  [[nodiscard]] ExitCode code() const noexcept { return code_; }

 private:
  bool say(std::string_view answer);
  Result<std::string> execute(const Statement& statement);
  bool print();
  bool stop(const Error& error);

  Database& database_;
  Console& console_;
  ExitCode code_ = ExitCode::kDone;
};

}  // namespace holdfast::tools
