#include "tools/owner.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>

#include "engine/base/result.h"
#include "holdfast/database.h"
#include "server/peer.h"
#include "server/reports.h"
#include "server/socket_place.h"
#include "tools/interrupt.h"

namespace holdfast::tools {
namespace {

constexpr int kGreetingSeconds = 10;
constexpr int kAnswerSeconds = 60;  // Between two frames; the owner says something each second.

std::unexpected<Error> gone() {
  return fail(ErrorCode::kBusy,
              "the process that has the database open ended the connection: it has closed the "
              "database, was stopped, or let go of a client that took nothing");
}
std::unexpected<Error> nonsense(const std::string& what) {
  return fail(ErrorCode::kIo, "what the database's owner answers makes no sense: " + what);
}

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  return real ? std::string(real.get()) : path;
}

std::string command_of(int process) {
  std::ifstream in(fmt::format("/proc/{}/comm", process));
  std::string name;
  std::getline(in, name);
  return name;
}

std::string own_hello() {
  const std::string text = std::string("holdfast ") + version();
  wire::Hello head{{}, wire::kVersion, static_cast<std::uint32_t>(text.size()), 0, 0};
  std::memcpy(head.magic, wire::kMagic, sizeof head.magic);
  std::string bytes;
  wire::append_frame(bytes, wire::Kind::kHello, head, text);
  return bytes;
}

}  // namespace

Result<Owner> Owner::reach(const std::string& database) {
  const std::string real = real_path(database);
  const SocketAddress address = TRY(SocketAddress::of(socket_place(real)));
  Owner owner(Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
  if (!owner.socket_ || ::connect(owner.socket_.get(), address.get(), address.bytes()) != 0) {
    if (errno == EACCES)
      return fail(ErrorCode::kPermission,
                  "It serves others, but not this user: who may read the "
                  "database file may ask its owner");
    if (errno == EAGAIN)
      return fail(ErrorCode::kBusy, "It serves others, of whom many are waiting: try again");
    return fail(ErrorCode::kNotFound,
                "This command would work meanwhile if that program called Database::serve()");
  }
  const auto peer = peer_of(owner.socket_.get());
  struct stat file = {};
  if (!peer || ::stat(real.c_str(), &file) != 0 ||
      (peer->user != ::geteuid() && !may(*peer, file, Wish::kWrite))) {
    return fail(ErrorCode::kPermission,
                "At its socket listens somebody who may not write the database: not asked");
  }
  owner.process_ = peer->process;
  const std::string command = command_of(peer->process);
  owner.name_ = fmt::format("process {}", peer->process);
  if (!command.empty()) owner.name_ += fmt::format(" ({})", command);
  TRY(owner.greet(real));
  return owner;
}

Result<void> Owner::greet(const std::string& database) {
  (void)send(own_hello());  // Where that fails there may be an answer all the same.
  const auto answer = frame(kGreetingSeconds);
  if (!answer) {
    if (interrupted()) return std::unexpected(answer.error());
    return fail(ErrorCode::kTimedOut, "It serves others, but doesn't answer");
  }
  wire::Hello head;
  std::string_view text = answer->payload;
  if (answer->kind != wire::Kind::kHello || !wire::take(text, head) ||
      std::memcmp(head.magic, wire::kMagic, sizeof head.magic) != 0)
    return fail(ErrorCode::kIo, "What listens at its socket isn't Holdfast");
  if (head.version != wire::kVersion) {
    return fail(ErrorCode::kUnsupportedFormat,
                fmt::format("It serves others, and speaks version {} of the socket's language ({}) "
                            "where this command speaks version {} (holdfast {}): use the command "
                            "that came with it",
                            head.version, text, wire::kVersion, version()));
  }
  struct stat file = {};
  if (::stat(database.c_str(), &file) != 0 || head.device != file.st_dev ||
      head.inode != file.st_ino)
    return fail(ErrorCode::kNotFound, "What listens at its socket serves another file");
  in_.pass();
  return {};
}

Result<void> Owner::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent =
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (!wait_writable(socket_.get())) return fail(ErrorCode::kCancelled, "interrupted");
    } else if (errno != EINTR) {
      return gone();
    }
  }
  return {};
}

Result<wire::Frame> Owner::frame(int seconds) {
  while (!in_.frame()) {
    const std::span<char> room = in_.room();
    const ssize_t got = ::recv(socket_.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (got > 0) {
      if (auto came = in_.came(static_cast<std::size_t>(got)); !came)
        return nonsense(came.error().message());
    } else if (got < 0 && errno == EAGAIN) {
      if (wait_readable(socket_.get(), std::chrono::seconds(seconds))) continue;
      if (interrupted()) return fail(ErrorCode::kCancelled, "interrupted");
      return fail(ErrorCode::kTimedOut,
                  fmt::format("the database's owner has said nothing for {} s", seconds));
    } else if (got == 0 || errno != EINTR) {
      return gone();
    }
  }
  return *in_.frame();
}

Result<void> Owner::ask(wire::Kind kind, std::string_view request,
                        const ProgressFunction& progress) {
  std::string bytes;
  wire::append_frame(bytes, kind, request);
  done_ = false;
  left_ = {};
  progress_ = progress ? &progress : nullptr;
  const auto sent = send(bytes);
  if (sent || sent.error().code() == ErrorCode::kCancelled) return sent;
  return {};  // It may have said why before it went.
}

// To the next bytes of the answer; false at its end.
Result<bool> Owner::next_data() {
  while (left_.empty()) {
    if (done_) return false;
    if (in_.frame()) in_.pass();
    if (interrupted()) return fail(ErrorCode::kCancelled, "interrupted");
    const wire::Frame got = TRY(frame(kAnswerSeconds));
    std::string_view payload = got.payload;
    if (got.kind == wire::Kind::kData) {
      left_ = payload;
    } else if (got.kind == wire::Kind::kDone) {
      in_.pass();
      done_ = true;
    } else if (got.kind == wire::Kind::kError) {
      const auto item = TRY(wire::take_item(payload));
      if (!item) return nonsense("half an error");
      return std::unexpected(wire::error_of(*item));
    } else if (got.kind == wire::Kind::kProgress) {
      wire::ProgressHead head;
      std::string_view stage;
      std::string_view unit;
      if (!wire::take(payload, head) || !wire::take(payload, head.stage_bytes, stage) ||
          !wire::take(payload, head.unit_bytes, unit))
        return nonsense("half a progress");
      if (progress_ != nullptr && !(*progress_)({stage, head.done, head.total, unit}))
        return fail(ErrorCode::kCancelled, "interrupted");
    } else {
      return nonsense(fmt::format("a frame of kind {}", static_cast<unsigned>(got.kind)));
    }
  }
  return true;
}

Result<std::string_view> Owner::some(std::size_t most) {
  if (!TRY(next_data())) return std::string_view();
  const std::string_view part = left_.substr(0, most);
  left_.remove_prefix(part.size());
  return part;
}

Result<bool> Owner::exactly(std::string& into, std::size_t bytes) {
  into.clear();
  while (into.size() < bytes) {
    const std::string_view part = TRY(some(bytes - into.size()));
    if (part.empty() && into.empty()) return false;
    if (part.empty()) return nonsense("it ends too early");
    into.append(part);
  }
  return true;
}

Result<std::optional<wire::Item>> Owner::item() {
  wire::ItemHead head;
  if (!TRY(take(head))) return std::optional<wire::Item>();
  if (head.bytes > wire::kItemMost) return nonsense("an item of more bytes than there may be");
  std::string fields;
  if (head.bytes != 0 && !TRY(exactly(fields, head.bytes))) return nonsense("it ends too early");
  std::string whole;
  wire::put(whole, head);
  whole += fields;
  std::string_view rest = whole;
  auto item = wire::take_item(rest);
  if (!item || !*item) return nonsense("an item that is none");
  return std::move(*item);
}

}  // namespace holdfast::tools
