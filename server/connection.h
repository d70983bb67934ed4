// One client: what it asks, what it is owed, and how long it may take.
//
//   greeting --hello--> asking --request--> answering --done--> asking …
//        \________________\____________________\---> ending: what is left is sent, then it is over
//
// It never holds more than one frame in and one frame out, an answer's own few buffers, and one
// snapshot, which begins with the first request that needs one and ends with the connection. While
// a client doesn't take what is there, nothing more is made for it.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/sync.h"
#include "holdfast/server.h"
#include "server/answer.h"
#include "server/descriptor.h"
#include "server/frames.h"
#include "server/job.h"

namespace holdfast {

// What all connections of a server share. Must outlive them.
struct ConnectionContext {
  Served& served;
  Jobs& jobs;
  const ServerOptions& options;
  const struct stat& file;  // For the greeting.
  bool host_drives;         // Long requests wait for run_long().
  Atomic<std::uint64_t> let_go{0};
  Atomic<std::uint64_t> requests{0};
  Atomic<std::uint64_t> bytes_sent{0};
};

class Connection {
 public:
  using Time = std::chrono::steady_clock::time_point;

  Connection(Descriptor socket, ConnectionContext& context, Time now);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // One turn: takes a request, or makes and sends up to a frame of the answer. `events`, as epoll
  // tells them. False: it is over.
  bool turn(std::uint32_t events, Time now) noexcept;
  // What to wait for, as epoll takes it.
  [[nodiscard]] std::uint32_t wants() const noexcept;
  // When it wants a turn whatever has happened.
  [[nodiscard]] Time due() const noexcept;
  // It waits for a job.
  [[nodiscard]] bool waits() const noexcept { return waits_; }
  // Tells the client why, if it takes that now. Then it is over.
  void end(const Error& why) noexcept;

  [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }

 private:
  bool step(std::uint32_t events, Time now);
  bool receive(Time now);
  Result<void> understand(const wire::Frame& frame, Time now);
  Result<std::unique_ptr<Answer>> answer_to(const wire::Frame& frame);
  Result<const ReadTransaction*> snapshot();
  Result<std::unique_ptr<Answer>> answer_stat();
  Result<std::unique_ptr<Answer>> answer_trees();
  void fill(Time now);
  bool send(Time now);
  bool within_limits(Time now);
  void fail_with(const Error& why);

  Descriptor socket_;
  ConnectionContext& context_;
  wire::FrameReader in_{wire::kRequestMost};
  std::string out_;  // Whole frames, of which sent_ bytes have gone.
  std::size_t sent_ = 0;
  bool greeted_ = false;
  bool ending_ = false;
  bool waits_ = false;
  Time patient_until_;
  Time ends_at_{};
  Time asked_at_{};
  Time next_progress_{};
  std::optional<ReadTransaction> reader_;
  std::unique_ptr<Answer> answer_;  // Ends before the reader.
};

// A greeting from this library, as a frame.
void append_hello(std::string& to, const struct stat* file);

}  // namespace holdfast
