// A line of a person at a terminal, with editing and history.
#pragma once

#include <memory>
#include <string>

namespace holdfast::tools {

class Prompt {
 public:
  enum class Got { kLine, kEnd, kInterrupted };

  explicit Prompt(std::string text);
  ~Prompt();
  Prompt(const Prompt&) = delete;
  Prompt& operator=(const Prompt&) = delete;

  // The next line, without its newline.
  Got next(std::string& line);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::tools
