// What the tests of serving share: a database in a folder of its own, and a client that says
// whatever a test wants it to.
#pragma once

#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "server/descriptor.h"
#include "server/frames.h"
#include "server/items.h"
#include "server/reports.h"
#include "server/socket_place.h"
#include "tests/engine/engine_fixture.h"

namespace holdfast {

// Blocking, but never for longer than ten seconds: then a test has failed.
class RawClient {
 public:
  explicit RawClient(const std::string& database, int receive_buffer = 0)
      : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience = {.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (receive_buffer != 0)
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const SocketAddress address = MUST(SocketAddress::of(socket_place(database)));
    connected_ = ::connect(socket_.get(), address.get(), address.bytes()) == 0;
  }

  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] int descriptor() const { return socket_.get(); }

  // False: the owner has gone.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  bool send_frame(wire::Kind kind, std::string_view payload = "") {
    std::string bytes;
    wire::append_frame(bytes, kind, payload);
    return send(bytes);
  }

  struct Got {
    wire::Kind kind;
    std::string payload;
  };
  // The next frame; nothing: the owner has closed the connection.
  std::optional<Got> frame() {
    while (!in_.frame()) {
      const std::span<char> room = in_.room();
      const ssize_t got = ::recv(socket_.get(), room.data(), room.size(), 0);
      if (got < 0 && errno == EAGAIN) throw std::runtime_error("the owner says nothing");
      if (got <= 0) return std::nullopt;
      MUST(in_.came(static_cast<std::size_t>(got)));
    }
    Got got{in_.frame()->kind, std::string(in_.frame()->payload)};
    in_.pass();
    return got;
  }

  static std::string hello(std::uint32_t version = wire::kVersion) {
    std::string payload;
    wire::Hello head{{}, version, 4, 0, 0};
    std::memcpy(head.magic, wire::kMagic, sizeof head.magic);
    wire::put(payload, head);
    wire::put(payload, std::string_view("test"));
    std::string bytes;
    wire::append_frame(bytes, wire::Kind::kHello, std::string_view(payload));
    return bytes;
  }
  void greet() {
    if (!send(hello())) throw std::runtime_error("the owner takes no greeting");
    const auto got = frame();
    if (!got || got->kind != wire::Kind::kHello) throw std::runtime_error("no greeting came");
  }

  struct Outcome {
    std::string stream;          // The data, put together.
    std::optional<Error> error;  // Absent: it is done.
    int progress = 0;            // Frames of it.
    bool cut = false;            // The connection ended before the answer did.
  };
  Outcome answer() {
    Outcome outcome;
    for (;;) {
      const auto got = frame();
      if (!got) {
        outcome.cut = true;
        return outcome;
      }
      if (got->kind == wire::Kind::kDone) return outcome;
      if (got->kind == wire::Kind::kData) outcome.stream += got->payload;
      if (got->kind == wire::Kind::kProgress) ++outcome.progress;
      if (got->kind == wire::Kind::kError) {
        std::string_view item = got->payload;
        outcome.error = wire::error_of(*MUST(wire::take_item(item)));
        return outcome;
      }
    }
  }

  static std::string get_request(std::string_view key, std::string_view tree = "",
                                 std::uint32_t flags = 0) {
    std::string payload;
    wire::put(payload, wire::GetRequest{static_cast<std::uint32_t>(tree.size()),
                                        static_cast<std::uint32_t>(key.size()), flags, 0});
    wire::put(payload, tree);
    wire::put(payload, key);
    return payload;
  }
  static std::string scan_request(std::string_view from = "",
                                  std::optional<std::string_view> to = std::nullopt,
                                  std::uint32_t flags = 0, std::uint64_t limit = UINT64_MAX,
                                  std::string_view tree = "") {
    std::string payload;
    wire::put(payload, wire::ScanRequest{static_cast<std::uint32_t>(tree.size()),
                                         static_cast<std::uint32_t>(from.size()),
                                         static_cast<std::uint32_t>(to.value_or("").size()),
                                         flags | (to ? wire::kHasTo : 0), limit});
    wire::put(payload, tree);
    wire::put(payload, from);
    wire::put(payload, to.value_or(""));
    return payload;
  }
  static std::string check_request(std::uint64_t findings = 100) {
    std::string payload;
    wire::put(payload, wire::CheckRequest{findings});
    return payload;
  }

  static std::string backup_request(std::uint64_t checkpoint = 0, std::uint64_t since = 0) {
    std::string payload;
    wire::put(payload, wire::BackupRequest{checkpoint, since, 100});
    return payload;
  }
  // The backup's own stream, and the items after it.
  static std::pair<std::string, std::vector<wire::Item>> backup_in(std::string_view stream) {
    std::string backup;
    for (;;) {
      wire::ChunkHead head;
      std::string_view chunk;
      if (!wire::take(stream, head) || !wire::take(stream, head.bytes, chunk))
        throw std::runtime_error("half a chunk");
      if (head.bytes == 0) return {std::move(backup), items_in(stream)};
      backup += chunk;
    }
  }

  Outcome ask(wire::Kind kind, std::string_view payload = "") {
    send_frame(kind, payload);
    return answer();
  }
  // The value of a key; throws where there is an error.
  std::optional<std::string> get(std::string_view key, std::string_view tree = "") {
    const Outcome outcome = ask(wire::Kind::kGet, get_request(key, tree));
    if (outcome.error) throw std::runtime_error(outcome.error->to_string());
    if (outcome.stream.empty()) return std::nullopt;
    std::string_view stream = outcome.stream;
    wire::ValueHead head;
    if (!wire::take(stream, head) || head.value_bytes != stream.size())
      throw std::runtime_error("the value isn't as long as its head says");
    return std::string(stream);
  }
  // Keys and values in the order of their coming.
  static std::vector<std::pair<std::string, std::string>> records_in(std::string_view stream) {
    std::vector<std::pair<std::string, std::string>> records;
    while (!stream.empty()) {
      wire::RecordHead head;
      std::string_view key;
      std::string_view value;
      if (!wire::take(stream, head) || !wire::take(stream, head.key_bytes, key) ||
          !wire::take(stream, head.value_bytes, value))
        throw std::runtime_error("half a record");
      records.emplace_back(key, value);
    }
    return records;
  }
  static std::vector<wire::Item> items_in(std::string_view stream) {
    std::vector<wire::Item> items;
    while (!stream.empty()) items.push_back(MUST(wire::take_item(stream)).value());
    return items;
  }

 private:
  Descriptor socket_;
  bool connected_ = false;
  wire::FrameReader in_{wire::kAnswerMost};
};

class ServerTest : public testing::Test {
 protected:
  Database open(Background background = Background::kThread) {
    Options options;
    options.page_size = 4096;
    options.cache_bytes = 8 << 20;
    options.durability = Durability::kOs;
    options.background = background;
    return MUST(Database::open(path_, options));
  }
  RawClient client() {
    RawClient made(path_);
    if (!made.connected()) throw std::runtime_error("nobody listens");
    made.greet();
    return made;
  }
  // Waits until something is so; the ten seconds are for machines that are busy.
  template <class F>
  static bool soon(F&& f) {
    for (int i = 0; i < 2000; ++i) {
      if (f()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }

  TempDirectory directory_;
  const std::string path_ = directory_ / "db";
};

}  // namespace holdfast
