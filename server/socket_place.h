// Where the socket of a database is: beside its file, with .sock after its name.
//
// A socket's path may have 107 bytes; a database's may have thousands. So where the whole path is
// too long, the folder is opened and the socket named through /proc/self/fd, and where the name
// alone is too long for that it is made from the name's hash.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string>

#include "holdfast/error.h"
#include "server/descriptor.h"

namespace holdfast {

struct SocketPlace {
  std::string folder;
  std::string name;
  [[nodiscard]] std::string path() const;
};

// Of the database with this path, whose links have been followed.
SocketPlace socket_place(const std::string& real_path);

// What bind() and connect() take. Good for as long as it lives.
class SocketAddress {
 public:
  static Result<SocketAddress> of(const SocketPlace& place);
  [[nodiscard]] const sockaddr* get() const noexcept {
    return reinterpret_cast<const sockaddr*>(&address_);
  }
  [[nodiscard]] socklen_t bytes() const noexcept { return bytes_; }
  // The folder, opened without a right to do anything but name what is in it.
  [[nodiscard]] int folder() const noexcept { return folder_.get(); }

 private:
  sockaddr_un address_ = {};
  socklen_t bytes_ = 0;
  Descriptor folder_;
};

}  // namespace holdfast
