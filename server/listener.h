// The socket beside a database file: made, given the file's permissions, taken away again.
//
// Whoever makes it holds the database's lock, so a socket of that name is left over from an owner
// that was killed, and is replaced. A file that is no socket is left alone, and refuses.
//
// Who may read the file may connect. The socket's own mode sees to that as far as a mode can (the
// kernel asks for the right to write a socket where one would read a file); may() is asked of each
// client besides, with the file's permissions of that moment.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

#include "holdfast/error.h"
#include "server/descriptor.h"
#include "server/peer.h"
#include "server/socket_place.h"

namespace holdfast {

class Listener {
 public:
  // For the database with this path, whose links have been followed. Errors: kAlreadyExists, and
  // what the system says.
  static Result<Listener> open(const std::string& database);
  Listener(Listener&&) noexcept = default;
  Listener& operator=(Listener&&) = delete;
  ~Listener() { close(); }

  // Removes the socket, and refuses whoever still has its address.
  void close() noexcept;

  struct Accepted {
    Descriptor socket;
    bool permitted = false;
    Peer peer;
  };
  // Nothing: nobody is waiting. An error: there are no descriptors left, or no memory.
  Result<std::optional<Accepted>> accept();

  [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }
  [[nodiscard]] std::string path() const { return place_.path(); }
  // The database file, as it was at opening.
  [[nodiscard]] const struct stat& file() const noexcept { return file_; }

 private:
  Listener(std::string database, SocketPlace place, SocketAddress address)
      : database_(std::move(database)), place_(std::move(place)), address_(std::move(address)) {}
  Result<void> remove_left_over();
  Result<void> bind();
  void set_permissions(int made) noexcept;
  [[nodiscard]] bool may_read(const Peer& peer) const noexcept;

  std::string database_;
  SocketPlace place_;
  SocketAddress address_;
  Descriptor socket_;
  struct stat file_ = {};
  struct stat made_ = {};  // The socket's inode.
};

// The mode of a socket for a file of this mode.
mode_t socket_mode(mode_t file) noexcept;

}  // namespace holdfast
