// Clients that stall, dawdle, vanish or come in crowds: each is let go of in time, with its
// snapshot and its job, and the others notice nothing.
#include <sys/resource.h>

#include "tests/sanitized.h"
#include "tests/server/server_fixture.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using wire::Kind;

class PatienceTest : public ServerTest {
 protected:
  // More than the buffers of a socket take.
  void fill(Database& db, int mebibytes = 4) {
    for (int i = 0; i < mebibytes * 16; ++i)
      MUST(db.put(numbered(i), std::string(65'000, static_cast<char>('a' + i % 26))));
    MUST(db.sync());
  }
  bool all_gone(const Database& db, const Server& server) {
    return soon([&] { return server.stats().clients == 0 && db.stats().open_snapshots == 0; });
  }
};

TEST_F(PatienceTest, WhoTakesNothingOfItsAnswerIsLetGoOf) {
  Database db = open();
  fill(db);
  ServerOptions options;
  options.stall = milliseconds(100);
  const Server server = MUST(db.serve(options));
  RawClient client = this->client();
  client.send_frame(Kind::kScan, RawClient::scan_request());
  EXPECT_TRUE(soon([&] { return db.stats().open_snapshots == 1; }));
  EXPECT_TRUE(all_gone(db, server));
  EXPECT_EQ(server.stats().let_go, 1U);
  EXPECT_TRUE(client.answer().cut);  // What was under way is there, and then nothing.
}

TEST_F(PatienceTest, WhoAsksNothingIsLetGoOfAndTold) {
  Database db = open();
  ServerOptions options;
  options.stall = milliseconds(50);
  const Server server = MUST(db.serve(options));
  RawClient silent(path_);
  RawClient greeted = this->client();
  const auto outcome = greeted.answer();
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code(), ErrorCode::kTimedOut);
  EXPECT_NE(outcome.error->message().find("0.050 s"), std::string::npos)
      << outcome.error->message();
  EXPECT_FALSE(silent.frame());
  EXPECT_TRUE(all_gone(db, server));
}

// A byte now and then doesn't make a request.
TEST_F(PatienceTest, WhoDawdlesOverItsRequestIsLetGoOf) {
  Database db = open();
  ServerOptions options;
  options.stall = milliseconds(100);
  const Server server = MUST(db.serve(options));
  RawClient client = this->client();
  const std::string request(1000, '\0');
  std::string bytes;
  wire::append_frame(bytes, Kind::kGet, std::string_view(request));
  std::size_t sent = 0;
  for (; sent < bytes.size() && client.send(bytes.substr(sent, 1)); ++sent)
    std::this_thread::sleep_for(milliseconds(10));
  EXPECT_LT(sent, bytes.size());
  EXPECT_TRUE(all_gone(db, server));
}

// It takes a little all the time, so it never stalls; yet its snapshot doesn't stay for ever.
TEST_F(PatienceTest, WhoTakesItSlowlyIsTiedToTheRequestTime) {
  Database db = open();
  fill(db);
  ServerOptions options;
  options.request_time = milliseconds(200);
  const Server server = MUST(db.serve(options));
  RawClient client = this->client();
  client.send_frame(Kind::kScan, RawClient::scan_request());
  RawClient::Outcome outcome;
  for (;;) {
    const auto got = client.frame();
    ASSERT_TRUE(got);
    ASSERT_NE(got->kind, Kind::kDone);
    if (got->kind == Kind::kError) {
      std::string_view item = got->payload;
      outcome.error = wire::error_of(*MUST(wire::take_item(item)));
      break;
    }
    std::this_thread::sleep_for(milliseconds(20));
  }
  EXPECT_EQ(outcome.error->code(), ErrorCode::kTimedOut);
  EXPECT_NE(outcome.error->message().find("ServerOptions::request_time"), std::string::npos);
  EXPECT_TRUE(all_gone(db, server));
}

TEST_F(PatienceTest, ASnapshotEndsThoughItsClientGoesOnAsking) {
  Database db = open();
  MUST(db.put("key", "value"));
  MUST(db.sync());
  ServerOptions options;
  options.request_time = milliseconds(150);
  const Server server = MUST(db.serve(options));
  RawClient client = this->client();
  std::optional<Error> error;
  for (int i = 0; i < 2000 && !error; ++i) {
    client.send_frame(Kind::kGet, RawClient::get_request("key"));
    const auto outcome = client.answer();
    ASSERT_FALSE(outcome.cut);
    error = outcome.error;
    std::this_thread::sleep_for(milliseconds(5));
  }
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kTimedOut);
  EXPECT_TRUE(all_gone(db, server));
}

TEST_F(PatienceTest, WhoVanishesInTheMiddleLeavesNothing) {
  Database db = open();
  fill(db);
  const Server server = MUST(db.serve());
  for (int i = 0; i < 40; ++i) {
    RawClient client = this->client();
    client.send_frame(i % 2 == 0 ? Kind::kScan : Kind::kGet,
                      i % 2 == 0 ? RawClient::scan_request() : RawClient::get_request(numbered(3)));
    if (i % 4 < 2) (void)client.frame();
  }
  EXPECT_TRUE(all_gone(db, server));
}

TEST_F(PatienceTest, ACheckEndsWithItsClient) {
  Database db = open();
  {
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = 0; i < 60'000; ++i) MUST(writer.put(numbered(i), std::string(300, 'v')));
    MUST(writer.commit());
    MUST(db.checkpoint());
  }
  const Server server = MUST(db.serve());
  {
    std::vector<RawClient> clients;
    for (int i = 0; i < 6; ++i) {
      clients.push_back(this->client());
      clients.back().send_frame(Kind::kCheck, RawClient::check_request());
    }
    EXPECT_EQ(clients[0].frame()->kind, Kind::kProgress);
  }
  EXPECT_TRUE(all_gone(db, server));  // The check's own snapshot too.
  EXPECT_FALSE(this->client().ask(Kind::kCheck, RawClient::check_request()).error);
}

// What it pinned is let go of, and others' long work goes on.
TEST_F(PatienceTest, WhoTakesNothingOfABackupIsLetGoOf) {
  Database db = open();
  fill(db);
  ServerOptions options;
  options.stall = milliseconds(100);
  const Server server = MUST(db.serve(options));
  RawClient client = this->client();
  client.send_frame(Kind::kBackup, RawClient::backup_request());
  EXPECT_TRUE(soon([&] { return server.stats().bytes_sent > 50'000; }));
  EXPECT_FALSE(this->client().ask(Kind::kCheck, RawClient::check_request()).error);
  EXPECT_TRUE(all_gone(db, server));
  EXPECT_EQ(server.stats().let_go, 1U);
  EXPECT_EQ(db.stats().kept_bytes, 0U);
}

TEST_F(PatienceTest, MoreClientsThanAllowedAreToldToTryAgain) {
  Database db = open();
  MUST(db.put("key", "value"));
  MUST(db.sync());
  ServerOptions options;
  options.clients_max = 3;
  const Server server = MUST(db.serve(options));
  std::vector<RawClient> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(this->client());
  for (int i = 0; i < 5; ++i) {
    RawClient beyond(path_);
    beyond.send(RawClient::hello());
    ASSERT_EQ(beyond.frame()->kind, Kind::kHello);
    const auto outcome = beyond.answer();
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->code(), ErrorCode::kBusy);
    EXPECT_NE(outcome.error->message().find("3 clients"), std::string::npos);
  }
  EXPECT_EQ(server.stats().refused, 5U);
  for (RawClient& client : clients) EXPECT_EQ(client.get("key"), "value");
  clients.pop_back();
  EXPECT_TRUE(soon([&] { return server.stats().clients == 2; }));
  EXPECT_EQ(this->client().get("key"), "value");
}

// Others are served as if nothing were, while some stall with full buffers.
TEST_F(PatienceTest, StalledClientsKeepNobodyWaiting) {
  Database db = open();
  fill(db);
  const Server server = MUST(db.serve());
  std::vector<RawClient> stalled;
  for (int i = 0; i < 10; ++i) {
    stalled.push_back(this->client());
    stalled.back().send_frame(Kind::kScan, RawClient::scan_request());
  }
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(this->client().get(numbered(2))->size(), 65'000U);
    MUST(db.put("more", numbered(i)));
  }
  EXPECT_TRUE(soon([&] { return server.stats().clients == 10; }));
  EXPECT_EQ(server.stats().let_go, 0U);
}

// With no descriptor to be had nobody is accepted, nothing spins, and it goes on when there are.
TEST_F(PatienceTest, RunsOutOfDescriptorsAndGoesOn) {
  // UBSan opens a pipe to find out whether an object is one, and complains if it gets none.
  if (kSanitized) GTEST_SKIP() << "the sanitizer needs descriptors of its own";
  Database db = open();
  MUST(db.put("key", "value"));
  MUST(db.sync());
  const Server server = MUST(db.serve());
  RawClient waiting(path_ + "-none");  // Has its descriptor already.
  rlimit before = {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const SocketAddress address = MUST(SocketAddress::of(socket_place(path_)));
  rlimit none = {.rlim_cur = 3, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool connected = ::connect(waiting.descriptor(), address.get(), address.bytes()) == 0;
  rusage used = {};
  ::getrusage(RUSAGE_SELF, &used);
  const auto busy = used.ru_utime.tv_sec * 1'000'000 + used.ru_utime.tv_usec;
  std::this_thread::sleep_for(milliseconds(300));
  ::getrusage(RUSAGE_SELF, &used);
  const auto more = used.ru_utime.tv_sec * 1'000'000 + used.ru_utime.tv_usec - busy;
  const ServerStats stats = server.stats();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(connected);
  EXPECT_EQ(stats.accepted, 0U);
  EXPECT_LT(more, 150'000);
  waiting.greet();
  EXPECT_EQ(waiting.get("key"), "value");
}

TEST_F(PatienceTest, OptionsHaveLimits) {
  Database db = open();
  for (const std::uint32_t clients : {0U, 1001U}) {
    ServerOptions options;
    options.clients_max = clients;
    EXPECT_CODE(db.serve(options), ErrorCode::kInvalidArgument);
  }
  for (const milliseconds time : {milliseconds(0), milliseconds(-1), milliseconds::max()}) {
    ServerOptions options;
    options.stall = time;
    EXPECT_CODE(db.serve(options), ErrorCode::kInvalidArgument);
    options = {};
    options.request_time = time;
    EXPECT_CODE(db.serve(options), ErrorCode::kInvalidArgument);
  }
  ServerOptions most;
  most.clients_max = 1000;
  most.stall = most.request_time = std::chrono::hours(24 * 365);
  const Server server = MUST(db.serve(most));
  EXPECT_EQ(this->client().get("none"), std::nullopt);
}

}  // namespace
}  // namespace holdfast
