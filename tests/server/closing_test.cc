// The end of serving: by stop(), by the handle's end, by close(), in any order, under load, and in
// a forked child.
#include <sys/wait.h>

#include "tests/server/server_fixture.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using wire::Kind;

class ClosingTest : public ServerTest {
 protected:
  void fill(Database& db, int records = 60) {
    for (int i = 0; i < records; ++i) MUST(db.put(numbered(i), std::string(65'000, 'v')));
    MUST(db.sync());
  }
  bool listens() { return RawClient(path_).connected(); }
};

TEST_F(ClosingTest, TheSocketComesAndGoesWithTheServer) {
  Database db = open();
  EXPECT_FALSE(listens());
  {
    const Server server = MUST(db.serve());
    EXPECT_EQ(server.path(), path_ + ".sock");
    EXPECT_TRUE(std::filesystem::is_socket(server.path()));
    EXPECT_TRUE(listens());
    EXPECT_CODE(db.serve(), ErrorCode::kAlreadyExists);
  }
  EXPECT_FALSE(std::filesystem::exists(path_ + ".sock"));
  Server again = MUST(db.serve());
  EXPECT_TRUE(listens());
  again.stop();
  again.stop();
  EXPECT_FALSE(listens());
  EXPECT_EQ(again.descriptor(), -1);
  const Server third = MUST(db.serve());
  EXPECT_TRUE(listens());
  MUST(db.close());
  EXPECT_EQ(directory_.names(), std::vector<std::string>{"db"});
}

// A program may move both, and end them in either order.
TEST_F(ClosingTest, DatabaseAndServerMayMoveAndEndInAnyOrder) {
  std::optional<Database> db = open();
  MUST(db->put("key", "value"));
  MUST(db->sync());
  std::optional<Server> server = MUST(db->serve());
  std::optional<Database> elsewhere = std::move(*db);
  db.reset();
  Server moved = std::move(*server);
  server.reset();
  EXPECT_EQ(this->client().get("key"), "value");
  elsewhere.reset();
  EXPECT_FALSE(listens());
  moved.stop();
  Database again = open();
  moved = MUST(again.serve());
  EXPECT_EQ(this->client().get("key"), "value");
}

TEST_F(ClosingTest, CloseEndsWhatClientsAskedForAndTellsThem) {
  Database db = open();
  fill(db);
  const Server server = MUST(db.serve());
  RawClient idle = this->client();
  EXPECT_TRUE(idle.get(numbered(0)));
  RawClient scanning = this->client();
  scanning.send_frame(Kind::kScan, RawClient::scan_request());
  ASSERT_EQ(scanning.frame()->kind, Kind::kData);
  RawClient silent(path_);
  MUST(db.close());
  const auto told = idle.answer();
  ASSERT_TRUE(told.error);
  EXPECT_EQ(told.error->code(), ErrorCode::kBusy);
  EXPECT_NE(told.error->message().find("closed by its owner"), std::string::npos);
  const auto cut = scanning.answer();
  EXPECT_TRUE(cut.cut || cut.error);
  EXPECT_FALSE(silent.frame());
  EXPECT_EQ(directory_.names(), std::vector<std::string>{"db"});
}

TEST_F(ClosingTest, CloseRefusesForTheProgramsOwnTransactionsOnly) {
  Database db = open();
  fill(db);
  const Server server = MUST(db.serve());
  RawClient client = this->client();
  client.send_frame(Kind::kScan, RawClient::scan_request());
  ASSERT_EQ(client.frame()->kind, Kind::kData);
  {
    const ReadTransaction reader = MUST(db.begin_read());
    const auto refused = db.close();
    EXPECT_CODE(refused, ErrorCode::kInvalidArgument);
    EXPECT_NE(refused.error().message().find("1 transactions"), std::string::npos);
    EXPECT_TRUE(reader.get(numbered(1)));
  }
  MUST(db.close());
}

TEST_F(ClosingTest, CloseUnderLoadDoesNotHang) {
  for (int round = 0; round < 6; ++round) {
    Database db = open();
    if (round == 0) fill(db);
    const Server server = MUST(db.serve());
    std::atomic<int> begun = 0;
    std::vector<std::thread> clients;
    for (int i = 0; i < 8; ++i) {
      clients.emplace_back([&, i] {
        for (;;) {
          RawClient client(path_);
          if (!client.connected() || !client.send(RawClient::hello()) || !client.frame()) break;
          ++begun;
          const auto outcome = i % 2 == 0 ? client.ask(Kind::kScan, RawClient::scan_request())
                                          : client.ask(Kind::kCheck, RawClient::check_request());
          if (outcome.cut || outcome.error) break;
        }
      });
    }
    EXPECT_TRUE(soon([&] { return begun.load() >= 4 + round * 4; }));
    MUST(db.close());
    for (std::thread& client : clients) client.join();
  }
  Database db = open();
  expect_sound(db);
}

TEST_F(ClosingTest, WhatCantBeServedSaysWhy) {
  {
    const Database created = open();
  }
  Options options;
  options.mode = OpenMode::kReadOnly;
  Database reading = MUST(Database::open(path_, options));
  EXPECT_CODE(reading.serve(), ErrorCode::kReadOnly);
  MemoryWorld world;
  Database elsewhere = MUST(Database::open("db", world.options()));
  EXPECT_CODE(elsewhere.serve(), ErrorCode::kInvalidArgument);
  MUST(elsewhere.close());
  EXPECT_CODE(elsewhere.serve(), ErrorCode::kInvalidArgument);
}

// It inherits descriptors, but no threads: it neither serves, nor hinders its parent, nor waits for
// threads that it doesn't have.
TEST_F(ClosingTest, AForkedChildServesNobodyAndKeepsNothingAlive) {
  Database db = open();
  MUST(db.put("key", "value"));
  MUST(db.sync());
  std::optional<Server> server = MUST(db.serve());
  RawClient before = this->client();
  EXPECT_EQ(before.get("key"), "value");
  int hold[2];
  ASSERT_EQ(::pipe(hold), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    server->stop();
    server.reset();
    char c = 0;
    ::close(hold[1]);
    (void)!::read(hold[0], &c, 1);
    ::_exit(0);
  }
  ::close(hold[0]);
  EXPECT_EQ(this->client().get("key"), "value");
  EXPECT_EQ(before.get("key"), "value");
  MUST(db.close());
  EXPECT_TRUE(before.answer().error);
  EXPECT_FALSE(before.frame());  // Its end came, though the child has the socket open.
  EXPECT_FALSE(listens());
  Database again = open();
  const Server second = MUST(again.serve());
  EXPECT_EQ(this->client().get("key"), "value");
  ::close(hold[1]);
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(this->client().get("key"), "value");
}

}  // namespace
}  // namespace holdfast
