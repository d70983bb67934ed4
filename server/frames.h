// Frames of the wire format (wire.h) written to and read from bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "engine/base/bytes.h"
#include "holdfast/error.h"
#include "server/wire.h"

namespace holdfast::wire {

// The structs of wire.h as they lie in memory: bytes.h refuses machines of another byte order.
template <class T>
concept WireStruct =
    std::is_trivially_copyable_v<T> && !std::is_convertible_v<const T&, std::string_view>;

template <WireStruct T>
void put(std::string& to, const T& head) {
  to.append(reinterpret_cast<const char*>(&head), sizeof head);
}
inline void put(std::string& to, std::string_view bytes) {
  to.append(bytes);
}

// Takes it from the front of `from`; false where there isn't as much.
template <WireStruct T>
bool take(std::string_view& from, T& head) {
  if (from.size() < sizeof head) return false;
  std::memcpy(&head, from.data(), sizeof head);
  from.remove_prefix(sizeof head);
  return true;
}
inline bool take(std::string_view& from, std::uint64_t bytes, std::string_view& part) {
  if (from.size() < bytes) return false;
  part = from.substr(0, static_cast<std::size_t>(bytes));
  from.remove_prefix(static_cast<std::size_t>(bytes));
  return true;
}

// A frame is begun, its payload appended to `to`, and ended.
std::size_t begin_frame(std::string& to, Kind kind);
void end_frame(std::string& to, std::size_t begun);
template <class... Parts>
void append_frame(std::string& to, Kind kind, const Parts&... parts) {
  const std::size_t begun = begin_frame(to, kind);
  (put(to, parts), ...);
  end_frame(to, begun);
}

struct Frame {
  Kind kind{};
  std::string_view payload;
};

// Puts one frame together from the bytes that come, and takes none of the next.
class FrameReader {
 public:
  explicit FrameReader(std::uint32_t payload_most) : most_(payload_most) {}

  // Where the next bytes of the frame go, as many as it may take; came() says how many did.
  // Not while there is a whole frame.
  std::span<char> room();
  // Errors: kInvalidArgument, the frame is none that may come here.
  Result<void> came(std::size_t bytes);
  // The frame, once it is whole; good until it is passed.
  [[nodiscard]] std::optional<Frame> frame() const;
  void pass();
  // A frame has begun and isn't whole.
  [[nodiscard]] bool within() const { return filled_ != 0 && !whole(); }

 private:
  [[nodiscard]] bool whole() const {
    return filled_ >= sizeof(FrameHead) && filled_ == sizeof(FrameHead) + head_.bytes;
  }

  std::uint32_t most_;
  FrameHead head_{};
  std::string bytes_;
  std::size_t filled_ = 0;
};

}  // namespace holdfast::wire
