// libedit behind a small face. The history lives as long as the program.
#include "tools/prompt.h"

#include <histedit.h>
#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <cwchar>
#include <utility>

#include "tools/interrupt.h"

namespace holdfast::tools {

struct Prompt::State {
  std::string text;
  EditLine* editor = nullptr;
  History* history = nullptr;
};

namespace {

constexpr int kHistoryLines = 1000;

char* prompt_text(EditLine* editor) {
  std::string* text = nullptr;
  el_get(editor, EL_CLIENTDATA, &text);
  return text->data();
}

// Reads through wait_readable(), so that Ctrl-C ends the wait.
int read_character(EditLine*, wchar_t* character) {
  std::string bytes;
  for (;;) {
    char byte = 0;
    if (!wait_readable(0) || read(0, &byte, 1) != 1) return 0;
    bytes += byte;
    std::mbstate_t shift{};
    const std::size_t length = std::mbrtowc(character, bytes.data(), bytes.size(), &shift);
    if (length == static_cast<std::size_t>(-2)) continue;  // Not whole yet.
    if (length == static_cast<std::size_t>(-1)) *character = static_cast<unsigned char>(byte);
    return 1;
  }
}

}  // namespace

Prompt::Prompt(std::string text) : state_(std::make_unique<State>()) {
  std::setlocale(LC_CTYPE, "");
  state_->text = std::move(text);
  state_->editor = el_init("holdfast", stdin, stdout, stderr);
  state_->history = history_init();
  HistEvent event;
  history(state_->history, &event, H_SETSIZE, kHistoryLines);
  el_set(state_->editor, EL_CLIENTDATA, &state_->text);
  el_set(state_->editor, EL_PROMPT, prompt_text);
  el_set(state_->editor, EL_EDITOR, "emacs");
  el_set(state_->editor, EL_HIST, history, state_->history);
  el_set(state_->editor, EL_GETCFN, read_character);
}

Prompt::~Prompt() {
  history_end(state_->history);
  el_end(state_->editor);
}

Prompt::Got Prompt::next(std::string& line) {
  int length = 0;
  const char* text = el_gets(state_->editor, &length);
  const bool at_end = text == nullptr || length <= 0;
  if (interrupted() || at_end) {  // What comes next must not stand beside the prompt.
    std::fputc('\n', stdout);
    std::fflush(stdout);
    return interrupted() ? Got::kInterrupted : Got::kEnd;
  }
  line.assign(text, static_cast<std::size_t>(length));
  if (line.ends_with('\n')) line.pop_back();
  HistEvent event;
  if (!line.empty()) history(state_->history, &event, H_ENTER, line.c_str());
  return Got::kLine;
}

}  // namespace holdfast::tools
