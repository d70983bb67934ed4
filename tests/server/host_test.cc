// Serving from the host's own loop: bounded turns, a descriptor to wait for, long work elsewhere.
#include <poll.h>

#include "tests/server/server_fixture.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using wire::Kind;

class HostTest : public ServerTest {
 protected:
  HostTest() : db_(open(Background::kHost)) {
    for (int i = 0; i < 100; ++i) MUST(db_.put(numbered(i), std::string(20'000, 'v')));
    MUST(db_.sync());
  }
  // A program whose loop waits for the server's descriptor among others.
  void loop(Server& server) {
    while (!over_.load()) {
      pollfd watched = {.fd = server.descriptor(), .events = POLLIN, .revents = 0};
      (void)::poll(&watched, 1, 20);
      while (!over_.load() && server.run().value_or(false)) ++turns_;
    }
  }

  Database db_;
  std::atomic<bool> over_ = false;
  std::atomic<int> turns_ = 0;
};

TEST_F(HostTest, NothingHappensUntilTheHostSaysSo) {
  Server server = MUST(db_.serve());
  RawClient client(path_);
  ASSERT_TRUE(client.connected());
  client.send(RawClient::hello());
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(server.stats().accepted, 0U);
  pollfd watched = {.fd = server.descriptor(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&watched, 1, 0), 1);
  EXPECT_TRUE(MUST(server.run()));
  EXPECT_EQ(server.stats().clients, 1U);
  EXPECT_TRUE(MUST(server.run()));
  EXPECT_EQ(client.frame()->kind, Kind::kHello);
  EXPECT_FALSE(MUST(server.run()));
  EXPECT_EQ(::poll(&watched, 1, 0), 0);
}

TEST_F(HostTest, AStepIsAFrameForEachClient) {
  Server server = MUST(db_.serve());
  RawClient client(path_);
  client.send(RawClient::hello());
  std::string request;
  wire::append_frame(request, Kind::kScan, std::string_view(RawClient::scan_request()));
  client.send(request);
  std::uint64_t before = 0;
  for (int i = 0; i < 20; ++i) {
    (void)MUST(server.run());
    const std::uint64_t sent = server.stats().bytes_sent;
    EXPECT_LE(sent - before, wire::kAnswerMost + 100);
    before = sent;
  }
  EXPECT_GT(before, 60'000U);  // What the socket takes while nobody reads.
}

TEST_F(HostTest, ALoopServesAndAThreadDoesChecks) {
  Server server = MUST(db_.serve());
  std::thread host([&] { loop(server); });
  RawClient client = this->client();
  const auto outcome = client.ask(Kind::kScan, RawClient::scan_request());
  EXPECT_EQ(RawClient::records_in(outcome.stream).size(), 100U);
  EXPECT_FALSE(MUST(server.run_long()));
  client.send_frame(Kind::kCheck, RawClient::check_request());
  EXPECT_TRUE(soon([&] { return MUST(server.run_long()); }));
  const auto checked = client.answer();
  EXPECT_FALSE(checked.error) << checked.error->to_string();
  EXPECT_GE(checked.progress, 1);
  over_ = true;
  host.join();
}

TEST_F(HostTest, AHostThatDoesNoLongWorkSaysSo) {
  ServerOptions options;
  options.stall = milliseconds(100);
  Server server = MUST(db_.serve(options));
  std::thread host([&] { loop(server); });
  const auto outcome = this->client().ask(Kind::kCheck, RawClient::check_request());
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code(), ErrorCode::kTimedOut);
  EXPECT_NE(outcome.error->message().find("Server::run_long()"), std::string::npos);
  EXPECT_FALSE(MUST(server.run_long()));  // It was forgotten.
  over_ = true;
  host.join();
}

TEST_F(HostTest, StopAndCloseEndAWaitAndACheckInOtherThreads) {
  Server server = MUST(db_.serve());
  std::thread waits([&] {
    while (server.run(milliseconds(600'000))) {
    }
  });
  std::thread checks([&] {
    while (server.run_long()) std::this_thread::sleep_for(milliseconds(1));
  });
  RawClient client = this->client();
  client.send_frame(Kind::kCheck, RawClient::check_request());
  MUST(db_.close());
  waits.join();
  checks.join();
  EXPECT_CODE(server.run(), ErrorCode::kInvalidArgument);
  EXPECT_CODE(server.run_long(), ErrorCode::kInvalidArgument);
}

TEST_F(HostTest, WithThreadsTheHostHasNothingToDo) {
  MUST(db_.close());
  Database db = open();
  Server server = MUST(db.serve());
  EXPECT_CODE(server.run(), ErrorCode::kInvalidArgument);
  EXPECT_CODE(server.run_long(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace holdfast
