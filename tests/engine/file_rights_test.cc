// Who may use the files that a database brings with it: nobody who may not use the database, and
// everybody who may write to it. On the real file system.
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>

#include "tests/engine/engine_fixture.h"

namespace holdfast {
namespace {

class FileRightsTest : public testing::Test {
 protected:
  void TearDown() override { ::umask(before_); }
  std::string path(const std::string& name) const { return directory_ / name; }
  static mode_t mode_of(const std::string& file) {
    struct stat info = {};
    EXPECT_EQ(::stat(file.c_str(), &info), 0) << file;
    return info.st_mode & 07777;
  }
  std::vector<std::string> logs() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
      if (entry.path().filename().string().starts_with("db.log-")) found.push_back(entry.path());
    }
    return found;
  }

  TempDirectory directory_;
  const mode_t before_ = ::umask(022);
};

TEST_F(FileRightsTest, TheLogIsForThoseWhoMayUseTheFile) {
  for (const mode_t mode : {0600U, 0640U, 0660U, 0666U}) {
    MUST(MUST(Database::open(path("db"))).close());
    ASSERT_EQ(::chmod(path("db").c_str(), mode), 0);
    for (const mode_t mask : {0U, 022U, 077U}) {
      ::umask(mask);
      Options options;
      options.log_segment_bytes = 64 << 10;
      Database db = MUST(Database::open(path("db"), options));
      for (int i = 0; i < 40; ++i) MUST(db.put(numbered(i), std::string(5000, 'v')));
      EXPECT_GT(logs().size(), 1U);
      for (const std::string& log : logs()) EXPECT_EQ(mode_of(log), mode) << log;
      MUST(db.close());
      EXPECT_EQ(mode_of(path("db")), mode);
    }
    std::filesystem::remove(path("db"));
  }
}

TEST_F(FileRightsTest, ACopyIsForNoMoreThanThose) {
  for (const mode_t mode : {0600U, 0640U, 0644U, 0660U}) {
    for (const mode_t mask : {0U, 022U, 077U}) {
      ::umask(mask);
      Database db = MUST(Database::open(path("db")));
      ASSERT_EQ(::chmod(path("db").c_str(), mode), 0);
      MUST(db.put("key", "value"));
      const std::uint64_t base = MUST(db.backup(path("copy"), {.keep = true, .progress = {}})).kept;
      MUST(db.put("key", "another"));
      MUST(db.backup(path("inc"), {.since = base, .progress = {}}));
      MUST(Database::restore({{path("copy")}, {path("inc")}}, path("new")));
      for (const char* made : {"copy", "inc", "new"})
        EXPECT_EQ(mode_of(path(made)), mode & ~mask) << made;
      MUST(db.close());
      for (const char* made : {"db", "copy", "inc", "new"}) std::filesystem::remove(path(made));
    }
  }
}

// A process of its own that has the rights of that user and group, and of nobody else.
template <class Work>
int as_user(uid_t user, gid_t group, Work work) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(group) != 0 || ::setuid(user) != 0) ::_exit(99);
    ::_exit(work() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST_F(FileRightsTest, WhatRootLeavesBehindIsOfUseToTheOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs to be another user";
  constexpr uid_t kOwner = 12345;
  constexpr gid_t kGroup = 23456;
  MUST(MUST(Database::open(path("db"))).close());
  ASSERT_EQ(::chown(path("db").c_str(), kOwner, kGroup), 0);
  ASSERT_EQ(::chown(directory_.path().c_str(), kOwner, kGroup), 0);
  ASSERT_EQ(::chmod(path("db").c_str(), 0660), 0);
  {
    Database db = MUST(Database::open(path("db")));
    MUST(db.put("of", "root"));
    for (const std::string& log : logs()) {
      struct stat info = {};
      ASSERT_EQ(::stat(log.c_str(), &info), 0);
      EXPECT_EQ(info.st_uid, kOwner);
      EXPECT_EQ(info.st_gid, kGroup);
      EXPECT_EQ(info.st_mode & 07777U, 0660U);
    }
    ASSERT_FALSE(logs().empty());
  }  // Not closed: the log stays.
  EXPECT_EQ(as_user(kOwner, kGroup,
                    [&] {
                      auto db = Database::open(path("db"));
                      return db && db->get("of").value() == "root" && db->put("of", "the owner") &&
                             db->close();
                    }),
            0);
  // Another member of the group, whose own group this isn't: the group's rights stay the group's.
  EXPECT_EQ(as_user(kOwner, kGroup + 1,
                    [&] {
                      auto db = Database::open(path("db"));
                      if (!db || !db->put("of", "somebody")) return false;
                      bool private_log = false;
                      for (const std::string& log : logs()) private_log = mode_of(log) == 0600;
                      return private_log && db->backup(path("copy")) &&
                             mode_of(path("copy")) == 0600 && db->close();
                    }),
            0);
}

// Access lists, as the kernel has them: tag, permissions, id.
struct AccessEntry {
  std::uint16_t tag, permissions;
  std::uint32_t id;
};
constexpr std::uint16_t kOwner = 1, kUser = 2, kGroup = 4, kMask = 0x10, kOther = 0x20;
constexpr std::uint32_t kNobody = 0xffffffff;
bool set_access_list(const std::string& path, const char* name,
                     const std::vector<AccessEntry>& entries) {
  std::string bytes("\2\0\0\0", 4);
  for (const AccessEntry& entry : entries) {
    bytes.append(reinterpret_cast<const char*>(&entry.tag), 2);
    bytes.append(reinterpret_cast<const char*>(&entry.permissions), 2);
    bytes.append(reinterpret_cast<const char*>(&entry.id), 4);
  }
  return ::setxattr(path.c_str(), name, bytes.data(), bytes.size(), 0) == 0;
}

class OthersRightsTest : public FileRightsTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs to be another user";
    ::umask(0);
    ASSERT_EQ(::chmod(directory_.path().c_str(), 0755), 0);
    MUST(MUST(Database::open(path("db"))).close());
  }
  // Of a log and a copy that are made now: neither is for whoever may not read the database.
  void expect_neither_for(uid_t user, gid_t group) {
    Database db = MUST(Database::open(path("db")));
    MUST(db.put("secret", "value"));
    MUST(db.backup(path("copy"), {.progress = {}}));
    ASSERT_EQ(logs().size(), 1U);
    for (const std::string& file : {path("db"), logs().front(), path("copy")}) {
      EXPECT_EQ(as_user(user, group, [&] { return ::access(file.c_str(), R_OK) != 0; }), 0) << file;
    }
    MUST(db.close());
  }
};

TEST_F(OthersRightsTest, AGroupThatIsKeptOut) {
  ASSERT_EQ(::chown(path("db").c_str(), 0, 23456), 0);
  ASSERT_EQ(::chmod(path("db").c_str(), 0604), 0);
  expect_neither_for(12347, 23456);
}

// Where a file has a list, the group's place in its mode is the list's mask.
TEST_F(OthersRightsTest, AGroupThatTheAccessListKeepsOut) {
  ASSERT_EQ(::chown(path("db").c_str(), 12345, 23456), 0);
  if (!set_access_list(path("db"), "system.posix_acl_access",
                       {{kOwner, 6, kNobody},
                        {kUser, 6, 12346},
                        {kGroup, 0, kNobody},
                        {kMask, 6, kNobody},
                        {kOther, 0, kNobody}}))
    GTEST_SKIP() << "no access lists here";
  expect_neither_for(12347, 23456);
}

TEST_F(OthersRightsTest, WhomTheDirectoryGivesAllThatIsMadeInIt) {
  ASSERT_EQ(::chmod(path("db").c_str(), 0640), 0);
  if (!set_access_list(directory_.path(), "system.posix_acl_default",
                       {{kOwner, 7, kNobody},
                        {kUser, 7, 12349},
                        {kGroup, 5, kNobody},
                        {kMask, 7, kNobody},
                        {kOther, 5, kNobody}}))
    GTEST_SKIP() << "no access lists here";
  expect_neither_for(12349, 12349);
}

}  // namespace
}  // namespace holdfast
