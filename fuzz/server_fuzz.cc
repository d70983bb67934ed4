// libFuzzer: bytes are what a client says to the owner of an open database, in pieces whose size
// the first byte tells. Whatever they are, the owner answers in frames of the wire format, never in
// more than it may, and when the client has gone nothing of it is left.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "engine/base/environment.h"
#include "engine/storage/memory_storage.h"
#include "holdfast/holdfast.h"
#include "server/connection.h"
#include "server/frames.h"

namespace {

using namespace holdfast;

void require(bool holds) {
  if (!holds) std::abort();
}

// A database in memory, with short and long values in two trees.
class World final : public Served {
 public:
  World() : environment_(system_environment()), database_(open()) {
    auto writer = database_.begin_write().value();
    const Tree tree = writer.create_tree("tree").value();
    for (int i = 0; i < 60; ++i) {
      const std::string value(i % 20 == 3 ? 90'000 : i * 9, 'v');
      writer.put(i % 3 == 0 ? tree : Tree{}, "key " + std::to_string(i), value).value();
    }
    writer.commit().value();
  }
  Result<ReadTransaction> read_durable() override { return database_.begin_read(); }
  Result<VerifyReport> verify(const VerifyOptions& options) override {
    return database_.verify(options);
  }
  // There is one thread here, which can't take what it makes.
  Result<BackupReport> backup(const BackupSink&, const BackupOptions&) override {
    return std::unexpected(Error(ErrorCode::kCancelled, "no backups here"));
  }
  std::vector<KeptCheckpoint> kept_checkpoints() const override {
    return database_.kept_checkpoints().value();
  }
  Stats stats() const noexcept override { return database_.stats(); }
  const RecoveryReport& recovery() const noexcept override { return database_.recovery(); }
  const std::string& file() const noexcept override { return database_.path(); }

 private:
  Database open() {
    environment_.storage = &storage_;
    Options options;
    options.environment = &environment_;
    options.background = Background::kHost;
    options.page_size = 4096;
    options.cache_bytes = std::size_t{2} << 20;
    return Database::open("db", options).value();
  }

  MemoryStorage storage_;
  Environment environment_;
  Database database_;
};

// Takes what the owner says; false: it has closed the connection.
bool drain(int socket, wire::FrameReader& answers) {
  for (;;) {
    const std::span<char> room = answers.room();
    const ssize_t got = ::recv(socket, room.data(), room.size(), MSG_DONTWAIT);
    if (got < 0) return true;
    if (got == 0) return false;
    require(answers.came(static_cast<std::size_t>(got)).has_value());
    if (!answers.frame()) continue;
    const auto kind = answers.frame()->kind;
    require(kind == wire::Kind::kHello || kind >= wire::Kind::kData);
    answers.pass();
  }
}

void talk(World& world, int theirs, Connection& connection, Jobs& jobs, std::string_view said,
          std::size_t piece) {
  wire::FrameReader answers(wire::kAnswerMost);
  Connection::Time now{};
  bool goes_on = true;
  while (goes_on) {
    const std::string_view part = said.substr(0, piece);
    const ssize_t sent = ::send(theirs, part.data(), part.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) said.remove_prefix(static_cast<std::size_t>(sent));
    const std::uint64_t before = world.stats().commits;
    for (int turn = 0; goes_on && turn < 400; ++turn) {
      now += std::chrono::milliseconds(1);
      goes_on = connection.turn(connection.wants() & (EPOLLIN | EPOLLOUT), now);
      (void)jobs.run_one();
      goes_on = drain(theirs, answers) && goes_on;
      pollfd come = {.fd = connection.descriptor(), .events = POLLIN, .revents = 0};
      const bool waits_for_client = (connection.wants() & EPOLLIN) != 0;
      if (waits_for_client && ::poll(&come, 1, 0) == 0) break;
    }
    require(world.stats().commits == before);
    if (said.empty()) break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World* const world = new World;
  if (size == 0) return 0;
  const std::string_view said(reinterpret_cast<const char*>(data + 1), size - 1);
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return 0;
  const Descriptor theirs(ends[1]);
  {
    const ServerOptions options;
    const struct stat file = {};
    Jobs jobs(*world, false, [] {});
    ConnectionContext context{*world, jobs, options, file, false};
    Connection connection(Descriptor(ends[0]), context, {});
    talk(*world, theirs.get(), connection, jobs, said, std::size_t{1} + data[0] * 37U);
  }
  require(world->stats().open_snapshots == 0);
  return 0;
}
