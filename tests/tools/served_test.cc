// The commands on a database that another process, this one, has open and serves: the same output
// and exit codes as from the file; and what they say where it isn't served.
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "holdfast/database.h"
#include "server/frames.h"
#include "server/socket_place.h"
#include "tests/sanitized.h"
#include "tests/tools/command_fixture.h"

namespace holdfast::test {
namespace {

class Served : public CommandTest {
 protected:
  Database open() {
    auto database = Database::open(database_);
    if (!database) throw std::runtime_error(database.error().to_string());
    return std::move(*database);
  }
  void fill() {
    ASSERT_EQ(holdfast({"load", "DB"}, {.input = hostile_tsv()}).code, 0);
    ASSERT_EQ(holdfast({"put", "DB", "--tree", "other", "k", "of the other"}).code, 0);
    ASSERT_EQ(holdfast({"put", "DB", "large", std::string(100'000, 'x')}).code, 0);
    write_file(folder_ / "huge", std::string(700'000, 'y'));
    ASSERT_EQ(holdfast({"put", "DB", "huge", "--file", folder_ / "huge"}).code, 0);
  }
  // More than lies between a server and a command that nobody reads.
  void fill_with_more() {
    fill();
    std::string text;
    for (int i = 0; i < 400; ++i)
      text += "n" + std::to_string(i) + "\t" + std::string(9000, 'v') + "\n";
    ASSERT_EQ(holdfast({"load", "DB"}, {.input = text}).code, 0);
  }
  static bool soon(const std::function<bool()>& is_so) {
    for (int i = 0; i < 2000; ++i) {
      if (is_so()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }
};

TEST_F(Served, EveryReadingVerbSaysWhatItSaysOfTheFile) {
  fill();
  const std::vector<std::vector<std::string>> commands = {
      {"get", "DB", "large"},
      {"get", "DB", "huge"},
      {"get", "DB", "huge", "--json"},
      {"get", "DB", ""},
      {"get", "DB", "k", "--tree", "other", "--json"},
      {"get", "DB", "none"},
      {"get", "DB", "none", "--json"},
      {"get", "DB", std::string(9000, 'k')},
      {"get", "DB", "k", "--tree", "none"},
      {"get", "DB", "k", "--tree", "none", "--json"},
      {"get", "DB", "k", "--tree", std::string(300, 't')},
      {"scan", "DB"},
      {"scan", "DB", "--json"},
      {"scan", "DB", "--reverse", "--limit", "7"},
      {"scan", "DB", "--limit", "0"},
      {"scan", "DB", "--from", "k", "--to", "l", "--keys-only"},
      {"scan", "DB", "--from", std::string(9000, 'k'), "--limit", "2"},
      {"scan", "DB", "--to", std::string(9000, 'k'), "--reverse", "--limit", "2"},
      {"scan", "DB", "--prefix", "6bff", "--hex"},
      {"scan", "DB", "--tree", "other"},
      {"scan", "DB", "--tree", "none"},
      {"dump", "DB"},
      {"dump", "DB", "--all"},
      {"dump", "DB", "--all", "--format", "print"},
      {"dump", "DB", "--format", "tsv"},
      {"dump", "DB", "--tree", "other", "--for", "lmdb"},
      {"dump", "DB", "--for", "lmdb"},
      {"dump", "DB", "--tree", "none"},
      {"trees", "DB"},
      {"trees", "DB", "--json"},
  };
  std::vector<Outcome> of_file;
  for (const auto& command : commands) of_file.push_back(holdfast(command));
  Database database = open();
  const auto server = database.serve();
  ASSERT_TRUE(server) << server.error().to_string();
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const Outcome served = holdfast(commands[i]);
    const std::string what = commands[i][0] + " " + std::to_string(i);
    EXPECT_EQ(served.code, of_file[i].code) << what << served.err;
    EXPECT_TRUE(served.out == of_file[i].out) << what;
    EXPECT_EQ(served.err, of_file[i].err) << what;
  }
  EXPECT_EQ(run({DBCHECK_COMMAND, database_}).code, 0);
}

TEST_F(Served, StatShowsWhatHappensThere) {
  fill();
  Database database = open();
  const auto server = database.serve();
  ASSERT_TRUE(server);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(database.put("new", std::to_string(i)));
  const auto reader = database.begin_read();
  const Outcome outcome = holdfast({"stat", "DB", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto stat = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(stat["commits"], 5);
  EXPECT_EQ(stat["open_snapshots"], 1);
  EXPECT_EQ(stat["oldest_snapshot_thread"], gettid());
  EXPECT_EQ(stat["owner_process"], getpid());
  EXPECT_EQ(stat["log_sync_times"].size(), 24U);
  EXPECT_GT(stat["log_syncs"], 0);
  EXPECT_EQ(stat["trees"].size(), 2U);
  EXPECT_EQ(stat["file"], database_);
  const Outcome text = holdfast({"stat", "DB"});
  EXPECT_NE(text.out.find("oldest snapshot thread"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("99 of 100 below"), std::string::npos) << text.out;
}

TEST_F(Served, ACheckIsDoneThere) {
  fill();
  Database database = open();
  const auto server = database.serve();
  const Outcome text = holdfast({"check", "DB"});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_NE(text.out.find("Sound: "), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("tree other: 1 record"), std::string::npos) << text.out;
  const auto json = nlohmann::json::parse(holdfast({"check", "DB", "--json"}).out);
  EXPECT_EQ(json["sound"], true);
  EXPECT_EQ(json["trees"].size(), 2U);
}

TEST_F(Served, ABackupOfALiveDatabase) {
  fill();
  Database database = open();
  const auto kept = database.keep_checkpoint();
  ASSERT_TRUE(database.put("later", "value"));
  const auto server = database.serve();
  const Outcome made = holdfast({"backup", "DB", folder_ / "copy.db"});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_NE(made.out.find("as of transaction"), std::string::npos) << made.out;
  EXPECT_EQ(holdfast({"backup", "DB", folder_ / "copy.db"}).code, 3);  // It stays.
  const Outcome json = holdfast({"backup", "DB", folder_ / "second.db", "--json"});
  EXPECT_EQ(nlohmann::json::parse(json.out)["sound"], true);
  EXPECT_NE(holdfast({"kept", "DB"}).out.find(std::to_string(kept->id) + "\t"), std::string::npos);
  const std::string id = std::to_string(kept->id);
  ASSERT_EQ(
      holdfast({"backup", "DB", "-", "--checkpoint", id}, {.out_file = folder_ / "base"}).code, 0);
  ASSERT_EQ(holdfast({"backup", "DB", "-", "--since", id}, {.out_file = folder_ / "inc"}).code, 0);
  EXPECT_EQ(holdfast({"backup", "DB", folder_ / "inc2", "--since", id}).code, 2);
  EXPECT_EQ(holdfast({"backup", "DB", "-", "--since", "77"}, {.out_file = "/dev/null"}).code, 1);
  EXPECT_EQ(holdfast({"backup", "DB", folder_ / "k.db", "--keep"}).code, 4);
  EXPECT_EQ(holdfast({"backup", "DB", folder_ / "none/k.db"}).code, 3);
  const std::string live = holdfast({"dump", "DB", "--all"}).out;
  ASSERT_TRUE(database.close());
  EXPECT_TRUE(holdfast({"dump", folder_ / "copy.db", "--all"}).out == live);
  const Outcome restored =
      holdfast({"restore", folder_ / "base", folder_ / "inc", folder_ / "restored.db"});
  EXPECT_EQ(restored.code, 0) << restored.err;
  EXPECT_TRUE(holdfast({"dump", folder_ / "restored.db", "--all"}).out == live);
}

TEST_F(Served, NothingThatWritesGoesThrough) {
  fill();
  Database database = open();
  const auto server = database.serve();
  const std::vector<std::vector<std::string>> commands = {
      {"put", "DB", "k", "v"},
      {"del", "DB", "large"},
      {"load", "DB"},
      {"drop", "DB", "other"},
      {"rename", "DB", "other", "more"},
      {"shell", "DB"},
  };
  for (const auto& command : commands) {
    const Outcome outcome = holdfast(command, {.input = "a\tb\n"});
    EXPECT_EQ(outcome.code, 4) << command[0] << outcome.err;
    EXPECT_NE(outcome.err.find(std::to_string(getpid())), std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.err.find("serve"), std::string::npos) << outcome.err;
  }
}

TEST_F(Served, WithoutAServerTheMessageSaysWhatWouldHelp) {
  fill();
  const Database database = open();
  for (const char* verb : {"get", "scan", "dump", "trees", "stat", "check"}) {
    std::vector<std::string> words = {verb, "DB"};
    if (words[0] == "get") words.push_back("k");
    const Outcome outcome = holdfast(words);
    EXPECT_EQ(outcome.code, 4) << verb;
    EXPECT_EQ(outcome.out, "") << verb;
    EXPECT_NE(outcome.err.find("process " + std::to_string(getpid())), std::string::npos)
        << outcome.err;
    EXPECT_NE(outcome.err.find("Database::serve()"), std::string::npos) << outcome.err;
  }
  const auto json = nlohmann::json::parse(holdfast({"stat", "DB", "--json"}).out);
  EXPECT_EQ(json["exit_code"], 4);
  EXPECT_EQ(json["code"], "busy");
}

// A socket that somebody else made, who answers every greeting in the same way.
class Impostor {
 public:
  Impostor(const std::string& database, std::string answer)
      : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const SocketAddress address = SocketAddress::of(socket_place(database)).value();
    if (::bind(socket_.get(), address.get(), address.bytes()) != 0 ||
        ::listen(socket_.get(), 5) != 0)
      throw std::runtime_error("no socket");
    thread_ = std::thread([this, answer = std::move(answer)] {
      for (;;) {
        const Descriptor client(::accept(socket_.get(), nullptr, nullptr));
        if (!client) return;
        char hello[200];
        (void)!::recv(client.get(), hello, sizeof hello, 0);
        (void)!::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
        ::shutdown(client.get(), SHUT_WR);
        while (::recv(client.get(), hello, sizeof hello, 0) > 0) {
        }
      }
    });
  }
  ~Impostor() {
    ::shutdown(socket_.get(), SHUT_RDWR);
    thread_.join();
  }

 private:
  Descriptor socket_;
  std::thread thread_;
};

std::string hello_of(std::uint32_t version, std::uint64_t device, std::uint64_t inode) {
  std::string bytes;
  wire::Hello head{{}, version, 14, device, inode};
  std::memcpy(head.magic, wire::kMagic, sizeof head.magic);
  wire::append_frame(bytes, wire::Kind::kHello, head, std::string("holdfast 9.8.7"));
  return bytes;
}

TEST_F(Served, WhoeverElseListensThereIsNotBelieved) {
  fill();
  const Database database = open();
  const auto with = [&](const std::string& answer) {
    std::filesystem::remove(database_ + ".sock");
    const Impostor impostor(database_, answer);
    return holdfast({"get", "DB", "k"});
  };
  for (const auto& [answer, sentence] : std::vector<std::pair<std::string, std::string>>{
           {hello_of(7, 0, 0),
            "speaks version 7 of the socket's language (holdfast 9.8.7) where "
            "this command speaks version 1 (holdfast 0.1.0)"},
           {hello_of(1, 1, 1), "serves another file"},
           {"HTTP/1.1 400 Bad Request\r\n\r\n", "doesn't answer"},
           {"", "doesn't answer"}}) {
    const Outcome outcome = with(answer);
    EXPECT_EQ(outcome.code, 4) << outcome.err;
    EXPECT_NE(outcome.err.find("in use by"), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find(sentence), std::string::npos) << outcome.err;
  }
}

TEST_F(Served, CtrlCEndsTheWorkThereToo) {
  fill();
  Database database = open();
  auto server = database.serve();
  for (const char* verb : {"dump", "scan"}) {
    RunningProcess writer({HOLDFAST_COMMAND, verb, database_});
    EXPECT_TRUE(soon([&] { return server->stats().requests > 0; }));
    usleep(100000);  // By now its pipe is full.
    writer.signal(SIGINT);
    EXPECT_EQ(writer.finish(), 130) << verb;
    EXPECT_TRUE(soon([&] { return server->stats().clients == 0; }));
  }
  EXPECT_TRUE(soon([&] { return database.stats().open_snapshots == 0; }));
}

TEST_F(Served, AnOwnerThatClosesEndsACommandWithAnError) {
  fill_with_more();
  Database database = open();
  auto server = database.serve();
  RunningProcess scan({HOLDFAST_COMMAND, "scan", database_});
  EXPECT_TRUE(soon([&] { return server->stats().requests > 0; }));
  EXPECT_TRUE(database.close());
  while (!scan.read_until("\n").empty()) {
  }
  EXPECT_EQ(scan.finish(), 4);
}

TEST_F(Served, AnOwnerThatIsKilledEndsACommandWithAnError) {
  fill_with_more();
  const pid_t owner = ::fork();
  if (owner == 0) {
    Database database = open();
    const auto server = database.serve();
    for (;;) ::pause();
  }
  EXPECT_TRUE(soon([&] { return std::filesystem::exists(database_ + ".sock"); }));
  RunningProcess scan({HOLDFAST_COMMAND, "scan", database_});
  EXPECT_NE(scan.read_until("\n"), "");
  ::kill(owner, SIGKILL);
  ::waitpid(owner, nullptr, 0);
  while (!scan.read_until("\n").empty()) {
  }
  EXPECT_EQ(scan.finish(), 4);
}

// In 64 MiB of address space, of which the program itself takes a third. A sanitizer maps far more.
TEST_F(Served, AHugeValueStreamsThrough) {
  std::string in_pieces(1 << 20, 'p');
  {
    Options options;
    options.cache_bytes = 8 << 20;
    auto database = Database::open(database_, options);
    auto writer = database->begin_write();
    auto stream = writer->put_stream("film", std::uint64_t{96} << 20);
    for (int i = 0; i < 96; ++i) ASSERT_TRUE(stream->append(in_pieces));
    ASSERT_TRUE(stream->finish());
    ASSERT_TRUE(writer->commit(Durability::kOs));
  }
  Options options;
  options.cache_bytes = 8 << 20;
  auto database = Database::open(database_, options);
  const auto server = database->serve();
  for (const char* words : {"get %s film | wc -c", "scan %s | wc -c", "dump %s | wc -c"}) {
    const std::string limit = kSanitized ? "" : "ulimit -v 65536; ";
    const std::string line = limit + HOLDFAST_COMMAND + " " + words;
    std::string command(line.size() + database_.size() + 1, '\0');
    command.resize(static_cast<std::size_t>(
        std::snprintf(command.data(), command.size(), line.c_str(), database_.c_str())));
    const Outcome outcome = run({"sh", "-c", command});
    EXPECT_GE(std::stoll(outcome.out), std::int64_t{96} << 20) << words << outcome.err;
    EXPECT_EQ(outcome.err, "");
  }
}

}  // namespace
}  // namespace holdfast::test
