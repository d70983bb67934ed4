#include "server/server_state.h"

#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <system_error>
#include <vector>

#include "engine/base/boundary.h"
#include "engine/base/result.h"
#include "server/frames.h"
#include "server/reports.h"

namespace holdfast {
namespace {

constexpr std::uint64_t kListenerTag = 0;  // Clients are numbered from 1.
constexpr int kAcceptedPerStep = 16;
constexpr std::chrono::milliseconds kAcceptAgainAfter{500};
constexpr std::uint32_t kClientsMost = 1000;

Result<void> check_options(const ServerOptions& options) {
  if (options.clients_max == 0 || options.clients_max > kClientsMost) {
    return fail(ErrorCode::kInvalidArgument,
                "ServerOptions::clients_max is " + std::to_string(options.clients_max) +
                    "; it must lie between 1 and " + std::to_string(kClientsMost));
  }
  const auto longest = std::chrono::hours(24 * 365);
  for (const auto time : {options.stall, options.request_time}) {
    if (time.count() > 0 && time <= longest) continue;
    return fail(ErrorCode::kInvalidArgument,
                "ServerOptions::stall and request_time must be positive, and a year at most");
  }
  return {};
}

// In a forked child, which has none of the server's threads, and whose copies of its locks may be
// locked for ever. Nothing of it may end there.
void keep_for_ever(std::shared_ptr<ServerState> state) {
  static auto* const kept = new std::vector<std::shared_ptr<ServerState>>;
  kept->push_back(std::move(state));
}

}  // namespace

Result<std::shared_ptr<ServerState>> ServerState::start(Served& served,
                                                        const ServerOptions& options,
                                                        bool own_threads) {
  TRY(check_options(options));
  Poller poller = TRY(Poller::make());
  Listener listener = TRY(Listener::open(served.file()));
  const int socket = listener.descriptor();
  std::shared_ptr<ServerState> state(
      new ServerState(served, options, own_threads, std::move(listener), std::move(poller)));
  TRY(state->poller_.add(socket, EPOLLIN, kListenerTag));
  if (!own_threads) return state;
  try {
    state->thread_ = Thread([raw = state.get()] { raw->loop(); });
  } catch (const std::system_error& refused) {
    return fail(ErrorCode::kOutOfMemory,
                std::string("the operating system gives no thread to serve with (") +
                    refused.what() + "); end other threads, or set Options::background = kHost");
  }
  return state;
}

ServerState::ServerState(Served& served, const ServerOptions& options, bool own_threads,
                         Listener listener, Poller poller)
    : options_(options),
      own_threads_(own_threads),
      process_(::getpid()),
      path_(listener.path()),
      poller_(std::move(poller)),
      listener_(std::move(listener)),
      jobs_(served, own_threads, [this] { poller_.wake(); }),
      context_{served, jobs_, options_, listener_.file(), !own_threads} {}

ServerState::~ServerState() {
  stop();
}

bool ServerState::in_forked_child() const noexcept {
  return ::getpid() != process_;
}

Result<void> ServerState::must_be_driven() const {
  if (own_threads_) {
    return fail(ErrorCode::kInvalidArgument,
                "run() and run_long() are for Options::background = kHost; threads do this work");
  }
  if (stopping_.load() || in_forked_child())
    return fail(ErrorCode::kInvalidArgument, "the database is no longer served");
  return {};
}

Result<bool> ServerState::run(std::chrono::milliseconds wait) {
  TRY(must_be_driven());
  wait = std::clamp(wait, std::chrono::milliseconds(0), std::chrono::milliseconds(3'600'000));
  MutexLock lock(step_mutex_);
  TRY(must_be_driven());  // It may have ended while this thread waited.
  return step(std::chrono::steady_clock::now() + wait);
}

Result<bool> ServerState::run_long() {
  TRY(must_be_driven());
  return jobs_.run_one();
}

void ServerState::loop() noexcept {
  (void)::pthread_setname_np(::pthread_self(), "holdfast-serve");
  while (!stopping_.load()) {
    MutexLock lock(step_mutex_);
    const auto stepped = at_boundary([this]() -> Result<bool> { return step(Poller::kForEver); });
    if (!stepped) sleep_thread(std::chrono::milliseconds(10));  // Memory ran out; try again.
  }
}

ServerState::Time ServerState::due() const noexcept {
  Time due = accepts_ ? Time::max() : accept_again_;
  for (const auto& [number, client] : clients_) due = std::min(due, client.connection->due());
  return due;
}

// Answers whether anything happened.
bool ServerState::step(Time until) {
  const Time begun = std::chrono::steady_clock::now();
  const auto events = poller_.wait(begun, std::min(until, due()));
  if (stopping_.load()) return false;
  const Time now = std::chrono::steady_clock::now();
  bool did = !events.empty();
  std::vector<std::uint64_t> had_turn;
  for (const epoll_event& event : events) {
    const std::uint64_t number = event.data.u64;  // A copy: the kernel's struct is packed.
    if (number == kListenerTag) continue;
    give_turn(number, event.events, now);
    had_turn.push_back(number);
  }
  std::vector<std::uint64_t> waiting;
  for (const auto& [number, client] : clients_) {
    if (client.connection->waits() || client.connection->due() <= now) waiting.push_back(number);
  }
  for (const std::uint64_t number : waiting) {
    if (std::ranges::find(had_turn, number) != had_turn.end()) continue;
    give_turn(number, 0, now);
    did = true;
  }
  const bool asked = std::ranges::any_of(
      events, [](const epoll_event& event) { return event.data.u64 == kListenerTag; });
  if (!accepts_ && (now >= accept_again_ || clients_.empty())) {
    poller_.change(listener_.descriptor(), EPOLLIN, kListenerTag);
    accepts_ = true;
  }
  if (asked) accept_clients(now);
  return did;
}

void ServerState::give_turn(std::uint64_t number, std::uint32_t events, Time now) {
  const auto found = clients_.find(number);
  if (found == clients_.end()) return;
  Client& client = found->second;
  if (!client.connection->turn(events, now)) {
    poller_.remove(client.connection->descriptor());
    clients_.erase(found);
    client_count_.store(static_cast<std::uint32_t>(clients_.size()));
    return;
  }
  const std::uint32_t wants = client.connection->wants();
  if (wants == client.watched) return;
  poller_.change(client.connection->descriptor(), wants, number);
  client.watched = wants;
}

// Without descriptors, those who wait would be announced again and again.
void ServerState::accept_clients(Time now) {
  for (int i = 0; i < kAcceptedPerStep; ++i) {
    auto client = listener_.accept();
    if (!client) {
      poller_.change(listener_.descriptor(), 0, kListenerTag);
      accepts_ = false;
      accept_again_ = now + kAcceptAgainAfter;
      return;
    }
    if (!*client) return;
    admit(std::move(**client), now);
  }
}

void ServerState::admit(Listener::Accepted client, Time now) {
  accepted_.fetch_add(1);
  if (!client.permitted) {
    refused_.fetch_add(1);
    refuse(client.socket.get(),
           Error(ErrorCode::kPermission,
                 "user " + std::to_string(client.peer.user) + " may not read the database file"));
    return;
  }
  if (clients_.size() >= options_.clients_max) {
    refused_.fetch_add(1);
    refuse(
        client.socket.get(),
        Error(ErrorCode::kBusy, "the database's owner serves " + std::to_string(clients_.size()) +
                                    " clients, as many as it will at once "
                                    "(ServerOptions::clients_max): try again"));
    return;
  }
  const std::uint64_t number = ++clients_made_;
  const int socket = client.socket.get();
  auto connection = std::make_unique<Connection>(std::move(client.socket), context_, now);
  const std::uint32_t wants = connection->wants();
  const auto made = clients_.try_emplace(number, std::move(connection), wants).first;
  if (!poller_.add(socket, wants, number)) clients_.erase(made);
  client_count_.store(static_cast<std::uint32_t>(clients_.size()));
}

// It fits into the buffer of a new socket.
void ServerState::refuse(int socket, const Error& why) const {
  std::string out;
  append_hello(out, &listener_.file());
  std::string item;
  wire::append_item(item, wire::error_item(why));
  wire::append_frame(out, wire::Kind::kError, item);
  (void)::send(socket, out.data(), out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  (void)::shutdown(socket, SHUT_RDWR);
}

void ServerState::let_go_of_all() noexcept {
  for (auto& [number, client] : clients_) {
    poller_.remove(client.connection->descriptor());
    (void)at_boundary([&client]() -> Result<void> {
      client.connection->end(
          Error(ErrorCode::kBusy, "the database is being closed by its owner: try again"));
      return {};
    });
  }
  clients_.clear();
  client_count_.store(0);
}

void ServerState::stop() noexcept {
  if (in_forked_child()) {
    (void)at_boundary([this]() -> Result<void> {
      keep_for_ever(shared_from_this());
      return {};
    });
    return;
  }
  MutexLock stop_lock(stop_mutex_);
  if (stop_done_) return;
  stopping_.store(true);
  poller_.wake();
  if (thread_.joinable()) thread_.join();
  {
    MutexLock lock(step_mutex_);
    let_go_of_all();
    poller_.remove(listener_.descriptor());
    listener_.close();
  }
  jobs_.stop();
  stop_done_ = true;
}

int ServerState::descriptor() const noexcept {
  return stopping_.load() ? -1 : poller_.descriptor();
}

ServerStats ServerState::stats() const noexcept {
  return {client_count_.load(),   accepted_.load(),         refused_.load(),
          context_.let_go.load(), context_.requests.load(), context_.bytes_sent.load()};
}

}  // namespace holdfast
