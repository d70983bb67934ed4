// A server at work: its socket, its clients, and whoever gives them their turns.
//
// One thread at a time does steps, under step_mutex_: a thread of the server's own, or the host's
// in run(). A step waits until something is to be done and gives each client that is concerned one
// bounded turn. Work that may take minutes is done elsewhere (job.h); the steps look at it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/sync.h"
#include "holdfast/server.h"
#include "server/connection.h"
#include "server/job.h"
#include "server/listener.h"
#include "server/poller.h"
#include "server/served.h"

namespace holdfast {

class ServerState : public std::enable_shared_from_this<ServerState> {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `served` must stay until stop() has returned.
  static Result<std::shared_ptr<ServerState>> start(Served& served, const ServerOptions& options,
                                                    bool own_threads);
  ~ServerState();

  Result<bool> run(std::chrono::milliseconds wait);
  Result<bool> run_long();
  void stop() noexcept;

  [[nodiscard]] int descriptor() const noexcept;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] ServerStats stats() const noexcept;
  [[nodiscard]] bool stopped() const noexcept { return stopping_.load(); }

 private:
  ServerState(Served& served, const ServerOptions& options, bool own_threads, Listener listener,
              Poller poller);
  Result<void> must_be_driven() const;
  void loop() noexcept;
  bool step(Time until);
  void accept_clients(Time now);
  void admit(Listener::Accepted client, Time now);
  void refuse(int socket, const Error& why) const;
  void give_turn(std::uint64_t number, std::uint32_t events, Time now);
  [[nodiscard]] Time due() const noexcept;
  void let_go_of_all() noexcept;
  [[nodiscard]] bool in_forked_child() const noexcept;

  struct Client {
    std::unique_ptr<Connection> connection;
    std::uint32_t watched = 0;  // What the poller waits for.
  };

  const ServerOptions options_;
  const bool own_threads_;
  const pid_t process_;
  std::string path_;
  Poller poller_;
  Listener listener_;
  Jobs jobs_;
  ConnectionContext context_;

  Mutex step_mutex_;
  std::map<std::uint64_t, Client> clients_;
  std::uint64_t clients_made_ = 0;
  Time accept_again_{};  // Descriptors ran out: until then nobody is accepted.
  bool accepts_ = true;

  Atomic<std::uint32_t> client_count_{0};
  Atomic<std::uint64_t> accepted_{0};
  Atomic<std::uint64_t> refused_{0};
  Atomic<bool> stopping_{false};
  Mutex stop_mutex_;
  bool stop_done_ = false;
  Thread thread_;
};

}  // namespace holdfast
