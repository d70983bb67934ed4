#include "server/listener.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>

#include "engine/base/result.h"
#include "engine/storage/place.h"
#include "engine/storage/posix_error.h"
#include "engine/storage/uninterrupted.h"

namespace holdfast {
namespace {

constexpr int kWaitingMost = 64;  // Clients between connect() and accept().

std::unexpected<Error> failed(const std::string& what, const std::string& path) {
  return std::unexpected(os_error(errno, what, place_in(path)));
}

}  // namespace

mode_t socket_mode(mode_t file) noexcept {
  mode_t mode = 0;
  for (const unsigned shift : {6U, 3U, 0U}) {
    if ((file >> shift & 4U) != 0) mode |= 6U << shift;
  }
  return mode;
}

Result<Listener> Listener::open(const std::string& database) {
  SocketPlace place = socket_place(database);
  SocketAddress address = TRY(SocketAddress::of(place));
  Listener listener(database, std::move(place), std::move(address));
  if (uninterrupted([&] { return ::stat(database.c_str(), &listener.file_); }) != 0)
    return failed("could not look at the database file", database);
  TRY(listener.remove_left_over());
  TRY(listener.bind());
  return listener;
}

Result<void> Listener::remove_left_over() {
  struct stat there = {};
  const char* name = place_.name.c_str();
  const auto look = [&] { return ::fstatat(address_.folder(), name, &there, AT_SYMLINK_NOFOLLOW); };
  if (uninterrupted(look) != 0) {
    if (errno == ENOENT) return {};
    return failed("could not look for a socket", path());
  }
  if (!S_ISSOCK(there.st_mode)) {
    return fail(ErrorCode::kAlreadyExists,
                "a file that is no socket has the name that the database's socket would have: move "
                "it away",
                place_in(path()));
  }
  const auto remove = [&] { return ::unlinkat(address_.folder(), name, 0); };
  if (uninterrupted(remove) != 0 && errno != ENOENT)
    return failed("could not remove a socket that was left over", path());
  return {};
}

// Between bind() and listen() nobody can connect, whatever the socket's mode is.
Result<void> Listener::bind() {
  socket_ = Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_) return failed("could not make a socket", path());
  (void)::fchmod(socket_.get(), 0600);  // What it has if set_permissions() can't do more.
  if (::bind(socket_.get(), address_.get(), address_.bytes()) != 0)
    return failed("could not make the socket", path());
  const Descriptor made(uninterrupted([&] {
    return ::openat(address_.folder(), place_.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
  }));
  if (!made || ::fstat(made.get(), &made_) != 0 || !S_ISSOCK(made_.st_mode))
    return failed("could not find the socket again", path());
  set_permissions(made.get());
  if (::listen(socket_.get(), kWaitingMost) != 0) {
    auto why = failed("could not listen on the socket", path());  // Before errno is another's.
    close();
    return why;
  }
  return {};
}

// By descriptor, not by name: in a folder where others may write, the name may be theirs by now.
// What can't be set leaves fewer who may connect, never more.
void Listener::set_permissions(int made) noexcept {
  if (file_.st_uid != made_.st_uid || file_.st_gid != made_.st_gid) {
    if (::fchownat(made, "", file_.st_uid, file_.st_gid, AT_EMPTY_PATH) != 0)
      (void)::fchownat(made, "", static_cast<uid_t>(-1), file_.st_gid, AT_EMPTY_PATH);
    if (::fstat(made, &made_) != 0) made_.st_gid = static_cast<gid_t>(-1);
  }
  mode_t mode = socket_mode(file_.st_mode);
  if (made_.st_gid != file_.st_gid) mode = (mode & ~mode_t{070}) | (mode & 07U) << 3;
  char name[32];
  std::snprintf(name, sizeof name, "/proc/self/fd/%d", made);
  (void)::chmod(name, mode);
}

bool Listener::may_read(const Peer& peer) const noexcept {
  struct stat now = {};
  const bool same = ::stat(database_.c_str(), &now) == 0 && now.st_dev == file_.st_dev &&
                    now.st_ino == file_.st_ino;
  return peer.user == ::geteuid() || may(peer, same ? now : file_, Wish::kRead);
}

Result<std::optional<Listener::Accepted>> Listener::accept() {
  Accepted client;
  client.socket = Descriptor(uninterrupted(
      [&] { return ::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC); }));
  if (!client.socket) {
    if (errno == EAGAIN || errno == ECONNABORTED) return std::optional<Accepted>();
    return failed("could not accept a client", path());
  }
  if (auto peer = peer_of(client.socket.get())) {
    client.permitted = may_read(*peer);
    client.peer = std::move(*peer);
  }
  return std::optional<Accepted>(std::move(client));
}

void Listener::close() noexcept {
  if (!socket_) return;
  // A forked child may have a copy of the descriptor, which would keep the socket alive.
  (void)::shutdown(socket_.get(), SHUT_RDWR);
  struct stat there = {};
  const char* name = place_.name.c_str();
  if (::fstatat(address_.folder(), name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
      there.st_dev == made_.st_dev && there.st_ino == made_.st_ino) {
    (void)::unlinkat(address_.folder(), name, 0);
  }
  socket_.reset();
}

}  // namespace holdfast
