// Whatever bytes come, whole, cut, changed or made up: the owner goes on, nobody's connection but
// the sender's ends, and nothing stays behind.
#include <poll.h>
#include <sys/stat.h>

#include <random>

#include "tests/server/server_fixture.h"

namespace holdfast {
namespace {

using wire::Kind;

class FramingTest : public ServerTest {
 protected:
  FramingTest() : db_(open()) {
    for (int i = 0; i < 50; ++i) MUST(db_.put(numbered(i), std::string(i * 30, 'v')));
    MUST(db_.sync());
    ServerOptions options;
    options.clients_max = 1000;
    server_.emplace(MUST(db_.serve(options)));
  }
  static std::string framed(Kind kind, std::string_view payload) {
    std::string bytes;
    wire::append_frame(bytes, kind, payload);
    return bytes;
  }
  // Every message there is, in an order that makes sense.
  static std::vector<std::string> messages() {
    return {RawClient::hello(),
            framed(Kind::kGet, RawClient::get_request(numbered(3))),
            framed(Kind::kScan, RawClient::scan_request("a", "b")),
            framed(Kind::kScan, RawClient::scan_request("", {}, wire::kReverse, 3)),
            framed(Kind::kTrees, ""),
            framed(Kind::kStat, ""),
            framed(Kind::kKept, ""),
            framed(Kind::kCheck, RawClient::check_request()),
            framed(Kind::kBackup, RawClient::backup_request())};
  }
  void expect_unharmed() {
    EXPECT_EQ(this->client().get(numbered(3)), std::string(90, 'v'));
    EXPECT_TRUE(
        soon([&] { return server_->stats().clients == 0 && db_.stats().open_snapshots == 0; }));
  }
  // What the owner says until it has closed the connection, has said enough, or waits for more.
  static void drain(RawClient& client, int frames = 50) {
    pollfd readable = {.fd = client.descriptor(), .events = POLLIN, .revents = 0};
    while (--frames > 0 && ::poll(&readable, 1, 3) == 1 && client.frame()) {
    }
  }

  Database db_;
  std::optional<Server> server_;
};

TEST_F(FramingTest, EveryPrefixOfEveryMessage) {
  for (std::size_t n = 0; n < messages().size(); ++n) {
    const std::string message = messages()[n];
    for (std::size_t cut = 0; cut < message.size(); ++cut) {
      RawClient client(path_);
      ASSERT_TRUE(client.connected());
      if (n != 0) client.greet();
      ASSERT_TRUE(client.send(message.substr(0, cut)));
    }
  }
  expect_unharmed();
}

TEST_F(FramingTest, EveryMessageInTwoPartsCutAnywhere) {
  for (std::size_t n = 1; n < messages().size(); ++n) {
    const std::string whole = RawClient::hello() + messages()[n];
    const auto of_one_piece = [&] {
      RawClient client = this->client();
      client.send(messages()[n]);
      return client.answer();
    }();
    for (std::size_t cut = 1; cut < whole.size(); cut += n >= 7 ? 7 : 1) {
      RawClient client(path_);
      client.send(whole.substr(0, cut));
      if (cut % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
      client.send(whole.substr(cut));
      ASSERT_EQ(client.frame()->kind, Kind::kHello);
      const auto outcome = client.answer();
      ASSERT_FALSE(outcome.error || outcome.cut) << "message " << n << " cut at " << cut;
      if (n < 5) {
        ASSERT_EQ(outcome.stream, of_one_piece.stream);
      }
    }
  }
  expect_unharmed();
}

// Requests that come before the answer to the one before are answered in their order.
TEST_F(FramingTest, AllMessagesAtOnce) {
  RawClient client(path_);
  std::string all;
  for (const std::string& message : messages()) all += message;
  ASSERT_TRUE(client.send(all));
  ASSERT_EQ(client.frame()->kind, Kind::kHello);
  for (std::size_t n = 1; n < messages().size(); ++n) {
    const auto outcome = client.answer();
    EXPECT_FALSE(outcome.error || outcome.cut) << n;
  }
}

TEST_F(FramingTest, EveryByteOfEveryMessageChanged) {
  for (std::size_t n = 0; n < messages().size(); ++n) {
    for (std::size_t at = 0; at < messages()[n].size(); ++at) {
      for (const int flip : {0x01, 0x80, 0xFF}) {
        std::string message = messages()[n];
        message[at] = static_cast<char>(message[at] ^ flip);
        RawClient client(path_);
        if (n != 0) client.greet();
        client.send(message);
        drain(client);
      }
    }
  }
  expect_unharmed();
}

TEST_F(FramingTest, LengthsAtBelowAndAboveTheMost) {
  const auto error_after = [this](const std::string& bytes) -> std::optional<Error> {
    RawClient client = this->client();
    client.send(bytes);
    return client.answer().error;
  };
  const std::size_t head = RawClient::get_request("").size();
  const std::string longest(wire::kRequestMost - head, 'k');
  EXPECT_FALSE(error_after(framed(Kind::kGet, RawClient::get_request(longest))));
  EXPECT_FALSE(error_after(framed(Kind::kGet, RawClient::get_request(longest.substr(1)))));
  const auto beyond = error_after(framed(Kind::kGet, RawClient::get_request(longest + "k")));
  ASSERT_TRUE(beyond);
  EXPECT_EQ(beyond->code(), ErrorCode::kInvalidArgument);
  EXPECT_NE(beyond->message().find(std::to_string(wire::kRequestMost + 1)), std::string::npos);
  for (const std::uint32_t claimed : {wire::kRequestMost + 1, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
    std::string bytes;
    wire::put(bytes, wire::FrameHead{claimed, Kind::kGet, {}});
    EXPECT_TRUE(error_after(bytes)) << claimed;  // Without waiting for what will never come.
  }
  expect_unharmed();
}

// Lengths within a request that don't add up, flags that nobody knows, kinds that aren't requests.
TEST_F(FramingTest, WhatIsNoRequestIsRefused) {
  std::vector<std::string> wrong;
  for (const std::uint32_t bytes : {1U, 4U, 5U, 0xFFFFFFFFU, 0x80000000U}) {
    std::string payload;
    wire::put(payload, wire::GetRequest{bytes, 3, 0, 0});
    wrong.push_back(framed(Kind::kGet, payload + "key"));
    payload.clear();
    wire::put(payload, wire::ScanRequest{bytes, 0xFFFFFFFF, 1, wire::kHasTo, 1});
    wrong.push_back(framed(Kind::kScan, payload + "key"));
  }
  wrong.push_back(framed(Kind::kGet, RawClient::get_request("key", "", 2)));
  wrong.push_back(framed(Kind::kScan, RawClient::scan_request("", {}, 8)));
  wrong.push_back(framed(Kind::kCheck, ""));
  wrong.push_back(framed(Kind::kCheck, "123456789"));
  wrong.push_back(framed(Kind::kBackup, "123456789"));
  for (int kind = 0; kind < 256; ++kind) {
    if (kind >= 2 && kind <= 8) continue;
    wrong.push_back(framed(static_cast<Kind>(kind), ""));
  }
  for (const std::string& bytes : wrong) {
    RawClient client = this->client();
    client.send(bytes);
    const auto outcome = client.answer();
    ASSERT_TRUE(outcome.error) << static_cast<int>(bytes[4]);
    EXPECT_EQ(outcome.error->code(), ErrorCode::kInvalidArgument);
    EXPECT_FALSE(client.frame());
  }
  expect_unharmed();
}

TEST_F(FramingTest, RandomBytesBeforeAndAfterTheGreeting) {
  std::mt19937 random(5);
  for (int i = 0; i < 300; ++i) {
    std::string bytes(random() % 3000, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    // Half of them have a head that lets them in.
    if (i % 2 == 0 && bytes.size() > 8) {
      wire::FrameHead head{static_cast<std::uint32_t>(random() % bytes.size()),
                           static_cast<Kind>(1 + random() % 7),
                           {}};
      std::memcpy(bytes.data(), &head, sizeof head);
    }
    RawClient client(path_);
    ASSERT_TRUE(client.connected());
    if (i % 3 != 0) client.greet();
    client.send(bytes);
    drain(client);
  }
  expect_unharmed();
}

// The greeting is for ever: each learns the other's version, and nothing else follows.
TEST_F(FramingTest, AnotherVersionIsGreetedAndLetGo) {
  for (const std::uint32_t version : {0U, 2U, 0xFFFFFFFFU}) {
    RawClient client(path_);
    client.send(RawClient::hello(version) + framed(Kind::kGet, RawClient::get_request("key")));
    const auto got = client.frame();
    ASSERT_TRUE(got);
    std::string_view payload = got->payload;
    wire::Hello head;
    ASSERT_TRUE(wire::take(payload, head));
    EXPECT_EQ(head.version, wire::kVersion);
    EXPECT_EQ(payload, std::string("holdfast ") + holdfast::version());
    EXPECT_FALSE(client.frame());
  }
  expect_unharmed();
}

TEST_F(FramingTest, TheGreetingNamesTheFile) {
  struct stat file = {};
  ASSERT_EQ(::stat(path_.c_str(), &file), 0);
  RawClient client(path_);
  client.send(RawClient::hello());
  std::string payload = client.frame()->payload;
  std::string_view rest = payload;
  wire::Hello head;
  ASSERT_TRUE(wire::take(rest, head));
  EXPECT_EQ(head.device, file.st_dev);
  EXPECT_EQ(head.inode, file.st_ino);
}

}  // namespace
}  // namespace holdfast
