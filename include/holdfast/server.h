// Serving: other processes read a database while this one has it open.
//
//   auto db = holdfast::Database::open("fruit.db").value();
//   auto server = db.serve().value();  // From now on `holdfast stat fruit.db` works meanwhile.
//
// Database::serve() listens on a Unix domain socket beside the database file, which those may use
// who may read the file. The commands stat, trees, check, get, scan, dump, backup and kept find it
// by themselves when the file is in use. Nothing that changes the database can be asked for.
//
// What others are shown is durable. What they hold is bounded, whatever they do: `clients_max` of
// them, a snapshot each for at most `request_time`, some 200 KiB of memory each beside the cache
// (docs/LIMITS.md). One that doesn't take its answer is let go of after `stall`.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "holdfast/error.h"
#include "holdfast/export.h"

namespace holdfast {

class DatabaseImpl;
class ServerState;

struct ServerOptions {
  /// Clients at once, 1 to 1000; what comes beyond is told to try again.
  std::uint32_t clients_max = 16;
  /// A client that asks nothing for so long, or takes nothing of its answer, is let go of.
  std::chrono::milliseconds stall{30'000};
  /// A client's snapshot ends so long after it began, and so does a check or backup that it asked
  /// for: with an error that names this option.
  std::chrono::milliseconds request_time{std::chrono::hours(1)};
};

struct ServerStats {
  std::uint32_t clients = 0;     ///< Now.
  std::uint64_t accepted = 0;    ///< Clients since serve().
  std::uint64_t refused = 0;     ///< Of those, for want of permission or because there were many.
  std::uint64_t let_go = 0;      ///< Of those, because of `stall`, `request_time` or nonsense.
  std::uint64_t requests = 0;    ///< That were understood.
  std::uint64_t bytes_sent = 0;  ///< Taken by the operating system.
};

/// Made by Database::serve(), which serves until stop(), until this is destroyed, or until the
/// database is closed, whichever comes first; then clients get an error that says so. It may
/// outlive the database. Any thread may call any member at any time, but for destroying and moving
/// it. A forked child serves nobody, and doesn't keep its parent's socket alive.
///
/// With Background::kThread one thread serves, and one more as long as there are checks or backups
/// to do. With Background::kHost there is none, and the program calls run() and run_long().
class HOLDFAST_EXPORT Server {
 public:
  Server(Server&& other) noexcept;
  Server& operator=(Server&& other) noexcept;
  ~Server();  ///< stop()

  /// With Background::kHost: waits up to `wait` for clients to want something, gives each of them
  /// one turn (at most 64 KiB of an answer), and says whether there was anything to do. Call it
  /// when descriptor() can be read, and at least once a second while there are clients. Errors:
  /// kInvalidArgument after it has ended, and where a thread does this.
  [[nodiscard]] Result<bool> run(std::chrono::milliseconds wait = std::chrono::milliseconds(0));
  /// With Background::kHost: does one request that may take minutes, a check or a backup, if one
  /// is waiting; false when there was none. Not from the thread that calls run(): who waits is told
  /// of the progress there. A host that never calls it refuses such requests after `stall`. Errors
  /// as run().
  [[nodiscard]] Result<bool> run_long();
  /// A descriptor that can be read when run() has something to do, for the host's own poll(). Not
  /// to be read from. -1 after it has ended.
  [[nodiscard]] int descriptor() const noexcept;

  /// The socket's name.
  [[nodiscard]] const std::string& path() const noexcept;
  [[nodiscard]] ServerStats stats() const noexcept;
  /// Lets go of all clients, removes the socket, ends its threads. What a client asked for is given
  /// up in between: bounded, whatever clients do. Does nothing when it has ended.
  void stop() noexcept;

 private:
  friend class Database;
  explicit Server(std::shared_ptr<ServerState> state) noexcept;
  std::shared_ptr<ServerState> state_;
};

}  // namespace holdfast
