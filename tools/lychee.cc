// The statement parser: one pass, left to right.
#include "tools/lychee.h"

#include <array>
#include <cctype>
#include <cstddef>

namespace holdfast::tools {
namespace {

struct Form {
  std::string_view name;
  Statement::Kind kind;
  int operands;
};

constexpr std::array<Form, 6> kForms = {{{"INSERT", Statement::Kind::kInsert, 2},
                                         {"READ", Statement::Kind::kRead, 1},
                                         {"UPDATE", Statement::Kind::kUpdate, 2},
                                         {"DELETE", Statement::Kind::kDelete, 1},
                                         {"PRINT", Statement::Kind::kPrint, 0},
                                         {"EXIT", Statement::Kind::kExit, 0}}};

bool is_space(char c) noexcept {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_bare(char c) noexcept {
  return !is_space(c) && std::string_view(",()'\"").find(c) == std::string_view::npos;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool take(char c) {
    skip_spaces();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool at_end() {
    skip_spaces();
    return at_ == text_.size();
  }

  // The letters that come next, in capitals.
  std::string verb() {
    skip_spaces();
    std::string word;
    while (at_ < text_.size() && std::isalpha(static_cast<unsigned char>(text_[at_])) != 0) {
      word += static_cast<char>(std::toupper(static_cast<unsigned char>(text_[at_++])));
    }
    return word;
  }

  std::optional<std::string> operand() {
    skip_spaces();
    if (at_ == text_.size()) return std::nullopt;
    const char quote = text_[at_];
    if (quote == '"' || quote == '\'') {
      const std::size_t end = text_.find(quote, at_ + 1);
      if (end == std::string_view::npos) return std::nullopt;
      std::string word(text_.substr(at_ + 1, end - at_ - 1));
      at_ = end + 1;
      return word;
    }
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_bare(text_[at_])) ++at_;
    if (at_ == begin) return std::nullopt;
    return std::string(text_.substr(begin, at_ - begin));
  }

 private:
  void skip_spaces() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<Statement> parse_statement(std::string_view line) {
  Scanner scanner(line);
  const std::string verb = scanner.verb();
  for (const Form& form : kForms) {
    if (form.name != verb) continue;
    Statement statement{form.kind, "", ""};
    if (form.operands >= 1) {
      if (!scanner.take('(')) return std::nullopt;
      auto key = scanner.operand();
      if (!key) return std::nullopt;
      statement.key = std::move(*key);
    }
    if (form.operands == 2) {
      if (!scanner.take(',')) return std::nullopt;
      auto value = scanner.operand();
      if (!value) return std::nullopt;
      statement.value = std::move(*value);
    }
    if (form.operands >= 1 && !scanner.take(')')) return std::nullopt;
    if (!scanner.at_end()) return std::nullopt;
    return statement;
  }
  return std::nullopt;
}

bool is_blank(std::string_view line) noexcept {
  for (const char c : line) {
    if (!is_space(c)) return false;
  }
  return true;
}

}  // namespace holdfast::tools
