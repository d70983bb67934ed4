// The public Server: forwards to ServerState, within at_boundary().
#include "holdfast/server.h"

#include <utility>

#include "engine/base/boundary.h"
#include "server/server_state.h"

namespace holdfast {

Server::Server(std::shared_ptr<ServerState> state) noexcept : state_(std::move(state)) {}
Server::Server(Server&& other) noexcept = default;
Server& Server::operator=(Server&& other) noexcept {
  if (this != &other) {
    if (state_ != nullptr) state_->stop();
    state_ = std::move(other.state_);
  }
  return *this;
}
Server::~Server() {
  if (state_ != nullptr) state_->stop();
}

Result<bool> Server::run(std::chrono::milliseconds wait) {
  return at_boundary([&] { return state_->run(wait); });
}
Result<bool> Server::run_long() {
  return at_boundary([&] { return state_->run_long(); });
}
int Server::descriptor() const noexcept {
  return state_->descriptor();
}
const std::string& Server::path() const noexcept {
  return state_->path();
}
ServerStats Server::stats() const noexcept {
  return state_->stats();
}
void Server::stop() noexcept {
  if (state_ != nullptr) state_->stop();
}

}  // namespace holdfast
