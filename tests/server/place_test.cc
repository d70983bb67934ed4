// Where the socket is and who may use it: long, spaced and linked paths, what an owner that was
// killed left there, modes, owners and groups.
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "server/listener.h"
#include "tests/server/server_fixture.h"

namespace holdfast {
namespace {

class PlaceTest : public ServerTest {
 protected:
  static Database open_at(const std::string& path) {
    Options options;
    options.durability = Durability::kOs;
    Database db = MUST(Database::open(path, options));
    MUST(db.put("path", path));
    MUST(db.sync());
    return db;
  }
  static std::string get_at(const std::string& path) {
    RawClient client(path);
    if (!client.connected()) return "nobody listens";
    client.greet();
    return client.get("path").value_or("nothing");
  }
  static mode_t mode_of(const std::string& path) {
    struct stat info = {};
    if (::lstat(path.c_str(), &info) != 0) throw std::runtime_error("no " + path);
    return info.st_mode & 07777;
  }
  // What comes of a try to read as this user, in a process of its own: what the owner says, "" for
  // a value, or why it wasn't reached.
  static std::string as_user(uid_t user, gid_t group, const std::string& path,
                             std::vector<gid_t> groups = {}) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    const pid_t child = ::fork();
    if (child == 0) {
      std::string said = "could not become that user";
      if (::setgroups(groups.size(), groups.data()) == 0 && ::setgid(group) == 0 &&
          ::setuid(user) == 0) {
        try {
          RawClient client(path);
          said = client.connected() ? "" : std::strerror(errno);
          if (client.connected()) {
            client.send(RawClient::hello());
            const auto hello = client.frame();
            const auto outcome = hello
                                     ? client.ask(wire::Kind::kGet, RawClient::get_request("path"))
                                     : RawClient::Outcome{};
            if (outcome.error) said = outcome.error->message();
          }
        } catch (const std::exception& failed) {
          said = failed.what();
        }
      }
      (void)!::write(ends[1], said.data(), said.size());
      ::_exit(0);
    }
    ::close(ends[1]);
    std::string said(1000, '\0');
    const ssize_t got = ::read(ends[0], said.data(), said.size());
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    said.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return said;
  }
};

TEST_F(PlaceTest, PathsOfAllKinds) {
  const std::string deep = directory_ / (std::string(100, 'd') + "/" + std::string(100, 'e'));
  std::filesystem::create_directories(deep);
  std::vector<std::string> paths = {directory_ / "with a space.db", directory_ / "ünïcödé 🍎.db",
                                    directory_ / ".hidden", deep + "/short.db"};
  for (const std::size_t length : {77U, 78U, 79U, 80U, 81U, 100U, 101U, 102U, 103U, 230U})
    paths.push_back(directory_ / std::string(length, 'n'));
  paths.push_back(deep + "/" + std::string(200, 'l'));
  for (const std::string& path : paths) {
    Database db = open_at(path);
    const Server server = MUST(db.serve());
    EXPECT_EQ(get_at(path), path);
    EXPECT_TRUE(std::filesystem::is_socket(server.path())) << server.path();
    EXPECT_EQ(std::filesystem::path(server.path()).parent_path(),
              std::filesystem::path(path).parent_path());
  }
}

TEST_F(PlaceTest, AShortNameIsSeenAndALongOneIsAHash) {
  EXPECT_EQ(socket_place("/data/fruit.db").path(), "/data/fruit.db.sock");
  EXPECT_EQ(socket_place("/fruit.db").path(), "/fruit.db.sock");
  const SocketPlace one = socket_place("/data/" + std::string(100, 'a'));
  const SocketPlace other = socket_place("/data/" + std::string(101, 'a'));
  EXPECT_NE(one.name, other.name);
  EXPECT_EQ(one.name.size(), std::string(".holdfast-0123456789abcdef.sock").size());
}

TEST_F(PlaceTest, TwoDatabasesInOneFolder) {
  const std::string one = directory_ / "one.db";
  const std::string two = directory_ / "two.db";
  Database first = open_at(one);
  Database second = open_at(two);
  const Server server_of_first = MUST(first.serve());
  const Server server_of_second = MUST(second.serve());
  EXPECT_EQ(get_at(one), one);
  EXPECT_EQ(get_at(two), two);
}

// The links are followed on both sides, so it doesn't matter which name either uses.
TEST_F(PlaceTest, ALinkToTheDatabase) {
  std::filesystem::create_directory(directory_ / "real");
  const std::string real = directory_ / "real/db";
  {
    const Database created = open_at(real);
  }
  std::filesystem::create_symlink(real, directory_ / "link");
  std::filesystem::create_directory_symlink(directory_ / "real", directory_ / "folder");
  Options options;
  Database db = MUST(Database::open(directory_ / "link", options));
  const Server server = MUST(db.serve());
  EXPECT_EQ(server.path(), real + ".sock");
  EXPECT_EQ(get_at(real), real);
}

TEST_F(PlaceTest, TheFolderMayChangeUnderAProgramThatMoves) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(directory_.path());
  Database db = open_at("db");
  std::filesystem::current_path("/");
  const Server server = MUST(db.serve());
  EXPECT_EQ(get_at(path_), "db");
  std::filesystem::current_path(before);
}

TEST_F(PlaceTest, ASocketThatIsThereIsReplacedAndAFileIsNot) {
  Database db = open_at(path_);
  const SocketAddress address = MUST(SocketAddress::of(socket_place(path_)));
  const Descriptor left(::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(::bind(left.get(), address.get(), address.bytes()), 0);
  {
    const Server server = MUST(db.serve());
    EXPECT_EQ(get_at(path_), path_);
  }
  std::ofstream(path_ + ".sock") << "mine";
  EXPECT_CODE(db.serve(), ErrorCode::kAlreadyExists);
  std::ifstream in(path_ + ".sock");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "mine");
}

TEST_F(PlaceTest, TheNextOwnerReplacesWhatAKilledOneLeft) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    Database db = open_at(path_);
    const Server server = MUST(db.serve());
    (void)!::write(ready[1], "!", 1);
    ::pause();
  }
  char c = 0;
  ASSERT_EQ(::read(ready[0], &c, 1), 1);
  EXPECT_EQ(get_at(path_), path_);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  EXPECT_TRUE(std::filesystem::is_socket(path_ + ".sock"));
  EXPECT_EQ(get_at(path_), "nobody listens");
  Database db = open_at(path_);
  EXPECT_EQ(get_at(path_), "nobody listens");
  const Server server = MUST(db.serve());
  EXPECT_EQ(get_at(path_), path_);
}

// Somebody's socket of the same name is there by the time this one ends: it stays.
TEST_F(PlaceTest, OnlyItsOwnSocketIsRemoved) {
  Database db = open_at(path_);
  Server server = MUST(db.serve());
  std::filesystem::remove(server.path());
  std::ofstream(server.path()) << "other";
  server.stop();
  EXPECT_TRUE(std::filesystem::is_regular_file(server.path()));
}

TEST_F(PlaceTest, AModeForReadersOfTheFile) {
  for (const auto& [file, socket] : std::map<mode_t, mode_t>{{0600, 0600},
                                                             {0640, 0660},
                                                             {0644, 0666},
                                                             {0660, 0660},
                                                             {0604, 0606},
                                                             {0440, 0660},
                                                             {0200, 0}}) {
    EXPECT_EQ(socket_mode(file), socket) << std::oct << file;
  }
  Database db = open_at(path_);
  for (const mode_t mode : {0600, 0640, 0644}) {
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
    const mode_t mask = ::umask(0077);
    const Server server = MUST(db.serve());
    ::umask(mask);
    EXPECT_EQ(mode_of(server.path()), socket_mode(mode)) << std::oct << mode;
  }
}

TEST_F(PlaceTest, AFolderThatCantBeWrittenCantBeServedIn) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  Database db = open();
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0555), 0);
  EXPECT_CODE(db.serve(), ErrorCode::kPermission);
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0755), 0);
}

// As the file's mode is now, whatever it was when the socket was made.
TEST_F(PlaceTest, WhoMayReadTheFileMayAsk) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become others";
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0755), 0);
  Database db = open_at(path_);
  ASSERT_EQ(::chown(path_.c_str(), 1001, 2001), 0);
  ASSERT_EQ(::chmod(path_.c_str(), 0640), 0);
  {
    const Server server = MUST(db.serve());
    EXPECT_EQ(as_user(0, 0, path_), "");
    EXPECT_EQ(as_user(1001, 3000, path_), "");
    EXPECT_EQ(as_user(1002, 2001, path_), "");
    EXPECT_EQ(as_user(1002, 3000, path_, {2999, 2001}), "");
    EXPECT_EQ(as_user(1002, 3000, path_), "Permission denied");
    ASSERT_EQ(::chmod(path_.c_str(), 0600), 0);
    EXPECT_EQ(as_user(1002, 2001, path_), "user 1002 may not read the database file");
    EXPECT_EQ(as_user(1001, 3000, path_), "");
    EXPECT_EQ(server.stats().refused, 1U);
  }
  ASSERT_EQ(::chmod(path_.c_str(), 0604), 0);
  const Server server = MUST(db.serve());
  EXPECT_EQ(as_user(1002, 3000, path_), "");
  EXPECT_EQ(as_user(1002, 2001, path_), "Permission denied");  // As the kernel does with files.
}

}  // namespace
}  // namespace holdfast
