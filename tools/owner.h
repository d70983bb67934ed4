// The process that has a database open and serves it: connecting to it, asking, and taking the
// answer as it comes. server/wire.h says in what bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/error.h"
#include "holdfast/progress.h"
#include "server/descriptor.h"
#include "server/frames.h"
#include "server/items.h"

namespace holdfast::tools {

class Owner {
 public:
  // Errors are why not, as a sentence about the owner that "It" begins: it doesn't serve others,
  // this user may not ask it, it speaks another version, it doesn't answer.
  static Result<Owner> reach(const std::string& database);

  // "process 123 (name)"
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] int process() const noexcept { return process_; }

  // One request at a time; its answer is read to the end before the next. Errors of these: what the
  // owner answers, kIo where it has gone, kCancelled by Ctrl-C or by `progress`.
  Result<void> ask(wire::Kind kind, std::string_view request,
                   const ProgressFunction& progress = {});
  // What comes next of the answer, at most so many bytes; nothing at its end. Good until the next
  // call.
  Result<std::string_view> some(std::size_t most);
  // Exactly as many; false: the answer has ended before the first.
  Result<bool> exactly(std::string& into, std::size_t bytes);
  template <wire::WireStruct T>
  Result<bool> take(T& head) {
    auto whole = exactly(head_bytes_, sizeof head);
    if (whole && *whole) std::memcpy(&head, head_bytes_.data(), sizeof head);
    return whole;
  }
  // The next item; nothing at the end.
  Result<std::optional<wire::Item>> item();

 private:
  explicit Owner(Descriptor socket) : socket_(std::move(socket)) {}
  Result<void> greet(const std::string& database);
  Result<void> send(std::string_view bytes);
  Result<wire::Frame> frame(int seconds);
  Result<bool> next_data();

  Descriptor socket_;
  std::string name_;
  int process_ = 0;
  wire::FrameReader in_{wire::kAnswerMost};
  bool done_ = true;  // There is nothing of an answer to come.
  const ProgressFunction* progress_ = nullptr;
  std::string_view left_;  // Of the frame that is being read.
  std::string head_bytes_;
};

}  // namespace holdfast::tools
