// Serving: what each request answers, of one snapshot, and of nothing that isn't durable.
#include "tests/server/server_fixture.h"

namespace holdfast {
namespace {

using wire::Kind;
using Records = std::vector<std::pair<std::string, std::string>>;

class ServeTest : public ServerTest {
 protected:
  // Short, empty and long values, so that answers are cut in all kinds of places.
  static Contents fill(Database& db, Tree tree = {}, int records = 400) {
    Contents contents;
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = 0; i < records; ++i) {
      const std::size_t size = i % 40 == 7 ? 70'000 + i * 531 : i % 11 == 0 ? 0 : i * 7 % 900;
      contents[numbered(i)] = std::string(size, static_cast<char>('a' + i % 26));
      MUST(writer.put(tree, numbered(i), contents[numbered(i)]));
    }
    MUST(writer.commit());
    MUST(db.sync());
    return contents;
  }
  static Records wanted(const Contents& contents, std::string_view from,
                        std::optional<std::string_view> to, bool reverse, bool keys_only,
                        std::uint64_t limit) {
    Records records;
    for (const auto& [key, value] : contents) {
      if (key >= from && (!to || key < *to)) records.emplace_back(key, keys_only ? "" : value);
    }
    if (reverse) std::ranges::reverse(records);
    if (records.size() > limit) records.resize(limit);
    return records;
  }
};

TEST_F(ServeTest, AValueAndNone) {
  Database db = open();
  const std::string large(300'000, 'v');
  MUST(db.put("key", "value"));
  MUST(db.put("empty", ""));
  MUST(db.put("large", large));
  MUST(db.sync());
  const Server server = MUST(db.serve());
  RawClient client = this->client();
  EXPECT_EQ(client.get("key"), "value");
  EXPECT_EQ(client.get("empty"), "");
  EXPECT_EQ(client.get("large"), large);
  EXPECT_EQ(client.get("none"), std::nullopt);
  const auto there = client.ask(Kind::kGet, RawClient::get_request("large", "", 1));
  EXPECT_EQ(there.stream.size(), sizeof(wire::ValueHead));
  EXPECT_EQ(server.stats().requests, 5U);
  EXPECT_EQ(server.stats().clients, 1U);
}

TEST_F(ServeTest, RecordsOfEveryRangeEitherWay) {
  Database db = open();
  const Contents contents = fill(db);
  const Server server = MUST(db.serve());
  RawClient client = this->client();
  const std::vector<std::string> bounds = {"",        numbered(0),   numbered(7),
                                           "0000001", numbered(399), "x"};
  for (const std::string& from : bounds) {
    for (std::size_t to = 0; to <= bounds.size(); ++to) {
      for (const std::uint32_t flags : {0U, 1U, 2U, 3U}) {
        const bool reverse = (flags & 1) != 0;
        const bool keys_only = (flags & 2) != 0;
        const std::uint64_t limit = to % 2 == 0 ? UINT64_MAX : to * 9;
        const auto end =
            to < bounds.size() ? std::optional<std::string_view>(bounds[to]) : std::nullopt;
        const auto outcome =
            client.ask(Kind::kScan, RawClient::scan_request(from, end,
                                                            (reverse ? wire::kReverse : 0) |
                                                                (keys_only ? wire::kKeysOnly : 0),
                                                            limit));
        ASSERT_FALSE(outcome.error) << outcome.error->to_string();
        ASSERT_TRUE(RawClient::records_in(outcome.stream) ==
                    wanted(contents, from, end, reverse, keys_only, limit))
            << from << " to " << to << " flags " << flags;
      }
    }
  }
}

// Whatever is written meanwhile; and freed pages aren't used again under it.
TEST_F(ServeTest, OneConnectionSeesOneSnapshot) {
  Database db = open();
  const Contents contents = fill(db);
  const Server server = MUST(db.serve());
  RawClient client = this->client();
  EXPECT_EQ(client.get(numbered(3)), contents.at(numbered(3)));
  for (int round = 0; round < 5; ++round) {
    WriteTransaction writer = MUST(db.begin_write());
    for (int i = 0; i < 400; i += 2) MUST(writer.erase(numbered(i)));
    for (int i = 1; i < 400; i += 2) MUST(writer.put(numbered(i), "other"));
    MUST(writer.put(numbered(1000 + round), std::string(100'000, 'n')));
    MUST(writer.commit(Durability::kSync));
    MUST(db.checkpoint());
    const auto outcome = client.ask(Kind::kScan, RawClient::scan_request());
    ASSERT_TRUE(RawClient::records_in(outcome.stream) ==
                wanted(contents, "", std::nullopt, false, false, UINT64_MAX));
  }
  EXPECT_EQ(this->client().get(numbered(1004)), std::string(100'000, 'n'));
}

TEST_F(ServeTest, OnlyWhatIsDurableIsShown) {
  Options options;
  options.background = Background::kHost;  // Nothing is synced by itself.
  Database db = MUST(Database::open(path_, options));
  MUST(db.put("key", "durable"));
  {
    WriteTransaction writer = MUST(db.begin_write());
    MUST(writer.put("key", "lazy"));
    MUST(writer.commit(Durability::kLazy));
  }
  EXPECT_EQ(MUST(db.get("key")), "lazy");
  Server server = MUST(db.serve());
  std::atomic<bool> over = false;
  std::thread host([&] {
    while (!over.load()) (void)server.run(std::chrono::milliseconds(5));
  });
  EXPECT_EQ(this->client().get("key"), "durable");
  MUST(db.sync());
  EXPECT_EQ(this->client().get("key"), "lazy");
  over = true;
  host.join();
}

TEST_F(ServeTest, TreesByNameAndAMissingOneIsAnErrorThatEnds) {
  Database db = open();
  {
    WriteTransaction writer = MUST(db.begin_write());
    const Tree tree = MUST(writer.create_tree("a tree"));
    MUST(writer.put(tree, "key", "of the tree"));
    MUST(writer.put("key", "of the default tree"));
    MUST(writer.commit());
    MUST(db.sync());
  }
  const Server server = MUST(db.serve());
  RawClient client = this->client();
  EXPECT_EQ(client.get("key"), "of the default tree");
  EXPECT_EQ(client.get("key", "a tree"), "of the tree");
  const auto items = RawClient::items_in(client.ask(Kind::kTrees).stream);
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(wire::tree_of(items[0]).name, "");
  EXPECT_EQ(wire::tree_of(items[1]).name, "a tree");
  EXPECT_EQ(wire::tree_of(items[1]).records, 1U);
  EXPECT_TRUE(wire::tree_of(items[1]).records_exact);
  const auto missing = client.ask(Kind::kGet, RawClient::get_request("key", "none"));
  ASSERT_TRUE(missing.error);
  EXPECT_EQ(missing.error->code(), ErrorCode::kNotFound);
  EXPECT_FALSE(client.frame());
  EXPECT_EQ(
      this->client().ask(Kind::kScan, RawClient::scan_request("", {}, 0, 1, "none")).error->code(),
      ErrorCode::kNotFound);
}

TEST_F(ServeTest, StatHasEveryCounterAndCountsBeforeItLooks) {
  Database db = open();
  fill(db);
  const Server server = MUST(db.serve());
  const Stats stats = db.stats();
  const auto items = RawClient::items_in(this->client().ask(Kind::kStat).stream);
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].kind, wire::ItemKind::kDatabase);
  EXPECT_EQ(items[0].text_of("file"), db.path());
  EXPECT_EQ(items[0].number_of("commits"), stats.commits);
  EXPECT_EQ(items[0].number_of("pages"), stats.pages);
  EXPECT_EQ(items[0].number_of("open_snapshots"), 0U);
  EXPECT_EQ(std::ranges::count(items[0].fields, "log_sync_times", &wire::Field::name), 24);
  EXPECT_EQ(wire::tree_of(items[1]).records, 400U);
  const ReadTransaction reader = MUST(db.begin_read());
  const auto again = RawClient::items_in(this->client().ask(Kind::kStat).stream);
  EXPECT_EQ(again[0].number_of("open_snapshots"), 1U);
  EXPECT_EQ(again[0].number_of("oldest_snapshot_thread"), static_cast<std::uint64_t>(::gettid()));
}

TEST_F(ServeTest, ACheckTellsProgressAndAllThatItFound) {
  Database db = open();
  fill(db);
  MUST(db.checkpoint());
  const Server server = MUST(db.serve());
  const auto outcome = this->client().ask(Kind::kCheck, RawClient::check_request());
  ASSERT_FALSE(outcome.error) << outcome.error->to_string();
  const auto items = RawClient::items_in(outcome.stream);
  ASSERT_EQ(items.size(), 2U);
  VerifyReport report;
  wire::read_summary(items[1], report);
  EXPECT_TRUE(report.sound());
  EXPECT_EQ(report.records, 400U);
  EXPECT_EQ(report.pages_checked, MUST(db.verify()).pages_checked);
  EXPECT_EQ(wire::checked_tree_of(items[0]).records, 400U);
}

TEST_F(ServeTest, ABackupStreamsOutWhileOthersWrite) {
  Database db = open();
  const Contents contents = fill(db);
  const KeptCheckpoint kept = MUST(db.keep_checkpoint());
  const Server server = MUST(db.serve());
  RawClient client = this->client();
  const auto listed = RawClient::items_in(client.ask(Kind::kKept).stream);
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(wire::kept_of(listed[0]).id, kept.id);
  std::thread writer([&db] {
    for (int i = 0; i < 100; ++i) MUST(db.put("z" + numbered(i), std::string(2000, 'w')));
  });
  const auto outcome = client.ask(Kind::kBackup, RawClient::backup_request(kept.id));
  writer.join();
  ASSERT_FALSE(outcome.error) << outcome.error->to_string();
  const auto [stream, items] = RawClient::backup_in(outcome.stream);
  BackupReport report;
  wire::read_backup(items.back(), report);
  EXPECT_TRUE(report.sound());
  EXPECT_EQ(report.bytes, stream.size());
  std::ofstream(directory_ / "stream", std::ios::binary) << stream;
  MUST(Database::restore({{directory_ / "stream", {}}}, directory_ / "restored"));
  Database restored = MUST(Database::open(directory_ / "restored"));
  EXPECT_TRUE(contents_of(restored) == contents);
  const auto missing = client.ask(Kind::kBackup, RawClient::backup_request(99));
  ASSERT_TRUE(missing.error);
  EXPECT_EQ(missing.error->code(), ErrorCode::kNotFound);
}

// A page that rots under the owner: as a finding, and as the error of whoever reads it.
TEST_F(ServeTest, DamageIsToldWithItsPlace) {
  Database db = open();
  fill(db);
  MUST(db.close());
  std::string bytes;
  {
    std::ifstream in(path_, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
    for (std::size_t at = 65536 + 300; at < bytes.size(); at += 4096 * 9) bytes[at] ^= 0x55;
  }
  std::ofstream(path_, std::ios::binary) << bytes;
  Database again = open();
  const Server server = MUST(again.serve());
  const VerifyReport local = MUST(again.verify());
  ASSERT_FALSE(local.sound());
  const auto outcome = this->client().ask(Kind::kCheck, RawClient::check_request(5));
  const auto items = RawClient::items_in(outcome.stream);
  VerifyReport report;
  wire::read_summary(items.back(), report);
  EXPECT_EQ(report.findings_total, local.findings_total);
  ASSERT_EQ(items[0].kind, wire::ItemKind::kFinding);
  const Finding finding = wire::finding_of(items[0]);
  EXPECT_EQ(finding.code, local.findings[0].code);
  EXPECT_EQ(finding.detail, local.findings[0].detail);
  EXPECT_EQ(finding.offset, local.findings[0].offset);
  EXPECT_EQ(finding.page, local.findings[0].page);
  EXPECT_LE(std::ranges::count(items, wire::ItemKind::kFinding, &wire::Item::kind), 5);
  const auto scan = this->client().ask(Kind::kScan, RawClient::scan_request());
  ASSERT_TRUE(scan.error);
  EXPECT_EQ(scan.error->code(), ErrorCode::kDamaged);
  EXPECT_TRUE(scan.error->place().page || scan.error->place().offset);
}

TEST_F(ServeTest, ManyClientsAtOnceWhileOthersWrite) {
  Database db = open();
  Contents contents = fill(db);
  const Server server = MUST(db.serve());
  std::atomic<int> right = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&, i] {
      for (int round = 0; round < 3; ++round) {
        RawClient client = this->client();
        if (i % 4 == 3) {
          right += client.ask(Kind::kCheck, RawClient::check_request()).error ? 0 : 1;
          continue;
        }
        const auto outcome = client.ask(Kind::kScan, RawClient::scan_request("", "1"));
        right += RawClient::records_in(outcome.stream) ==
                         wanted(contents, "", "1", false, false, UINT64_MAX)
                     ? 1
                     : 0;
      }
    });
  }
  for (int i = 0; i < 200; ++i) MUST(db.put("1" + numbered(i), std::string(3000, 'w')));
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(right.load(), 24);
  EXPECT_TRUE(soon([&] { return server.stats().clients == 0 && db.stats().open_snapshots == 0; }));
  expect_sound(db);
}

}  // namespace
}  // namespace holdfast
