#include "server/frames.h"

#include "engine/base/result.h"

namespace holdfast::wire {

std::size_t begin_frame(std::string& to, Kind kind) {
  const std::size_t begun = to.size();
  put(to, FrameHead{0, kind, {}});
  return begun;
}

void end_frame(std::string& to, std::size_t begun) {
  const std::size_t payload = to.size() - begun - sizeof(FrameHead);
  store32(reinterpret_cast<std::byte*>(to.data() + begun), static_cast<std::uint32_t>(payload));
}

std::span<char> FrameReader::room() {
  const std::size_t wanted = sizeof(FrameHead) + (filled_ < sizeof(FrameHead) ? 0 : head_.bytes);
  bytes_.resize(wanted);
  return std::span(bytes_).subspan(filled_);
}

Result<void> FrameReader::came(std::size_t bytes) {
  const bool had_head = filled_ >= sizeof(FrameHead);
  filled_ += bytes;
  if (had_head || filled_ < sizeof(FrameHead)) return {};
  std::string_view start = bytes_;
  take(start, head_);
  if (head_.bytes > most_) {
    return fail(ErrorCode::kInvalidArgument, "a frame of " + std::to_string(head_.bytes) +
                                                 " bytes came; " + std::to_string(most_) +
                                                 " is the most");
  }
  if (head_.zero[0] != 0 || head_.zero[1] != 0 || head_.zero[2] != 0)
    return fail(ErrorCode::kInvalidArgument, "a frame came whose head isn't one");
  return {};
}

std::optional<Frame> FrameReader::frame() const {
  if (!whole()) return std::nullopt;
  return Frame{head_.kind, std::string_view(bytes_).substr(sizeof(FrameHead), head_.bytes)};
}

void FrameReader::pass() {
  filled_ = 0;
  head_ = {};
}

}  // namespace holdfast::wire
