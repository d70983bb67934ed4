// The crash lab for applications, tried on applications with bugs of the kinds that it is for, each
// beside the same one without the bug.
#include "holdfast/crashlab/crashlab.h"

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <string>

namespace holdfast::crashlab {
namespace {

constexpr int kRecords = 10;

Result<void> put(Database& db, const std::string& key, const std::string& value,
                 Durability durability = Durability::kSync) {
  auto writer = db.begin_write();
  if (!writer) return std::unexpected(writer.error());
  if (auto done = writer->put(key, value); !done) return done;
  auto token = writer->commit(durability);
  return token ? Result<void>{} : std::unexpected(token.error());
}

// Writes records one by one, each in a transaction of its own, and says so after each.
Result<void> write_some(Database& db, Life& life, Durability written, Durability told) {
  for (int i = 0; i < kRecords; ++i) {
    const std::string key = std::to_string(life.number()) + "/" + std::to_string(i);
    life.begin(key);
    if (auto done = put(db, key, "v", written); !done) return done;
    life.acknowledge(key, told);
  }
  return {};
}

// All that was acknowledged is there.
Result<std::string> check_acknowledged(Database& db, const Evidence& evidence) {
  auto reader = db.begin_read();
  if (!reader) return std::unexpected(reader.error());
  for (const std::string& key : evidence.acknowledged) {
    auto there = reader->contains(key);
    if (!there) return std::unexpected(there.error());
    if (!*there) return key + " was acknowledged and is gone";
  }
  return "";
}

Subject writer_of(Durability written, Durability told) {
  Subject subject;
  subject.work = [=](Database& db, Life& life) { return write_some(db, life, written, told); };
  subject.check = check_acknowledged;
  return subject;
}

Plan short_plan() {
  Plan plan;
  plan.images = 8;
  plan.runs = 20;
  return plan;
}

TEST(AppLab, AnAcknowledgementMustBeAsDurableAsItSays) {
  using enum Durability;
  struct Case {
    Durability written, told;
    bool sound;
  };
  for (const Case& each : {Case{kSync, kSync, true}, Case{kSync, kOs, true}, Case{kOs, kOs, true},
                           Case{kOs, kSync, false}, Case{kLazy, kSync, false},
                           Case{kLazy, kOs, false}, Case{kLazy, kLazy, true}}) {
    const Report report = run(writer_of(each.written, each.told), short_plan());
    EXPECT_EQ(report.sound(), each.sound) << report.to_string(true);
    if (!report.sound()) {
      EXPECT_TRUE(report.found->what.contains("was acknowledged and is gone"))
          << report.found->what;
    }
  }
}

TEST(AppLab, EveryKindRunsAndSaysWhatItDid) {
  const Report report = run(writer_of(Durability::kSync, Durability::kSync), short_plan());
  EXPECT_TRUE(report.sound()) << report.to_string(true);
  EXPECT_EQ(report.moments_done, report.moments);
  EXPECT_GT(report.moments, 50U);
  EXPECT_GT(report.images_distinct, report.moments);
  EXPECT_GT(report.crashes_in_later, 0U);
  EXPECT_GT(report.faults, report.calls);
  EXPECT_GE(report.sites_failed * 100, report.sites * 90);
  EXPECT_EQ(report.runs, 20U);
  EXPECT_GT(report.crashes, 20U);
  EXPECT_GE(report.checks, report.recoveries / 2);
  EXPECT_FALSE(report.cut_short);
  EXPECT_TRUE(report.to_string().contains("nothing found")) << report.to_string();
}

// Two records that belong together, in two transactions.
Subject halves(bool in_one) {
  Subject subject;
  subject.work = [in_one](Database& db, Life& life) -> Result<void> {
    for (int i = 0; i < kRecords; ++i) {
      const std::string n = std::to_string(life.number() * kRecords + i);
      if (!in_one) {
        if (auto done = put(db, "left " + n, n); !done) return done;
        if (auto done = put(db, "right " + n, n); !done) return done;
        continue;
      }
      auto writer = db.begin_write().value();
      writer.put("left " + n, n).value();
      writer.put("right " + n, n).value();
      writer.commit().value();
    }
    return {};
  };
  subject.check = [](Database& db, const Evidence&) -> Result<std::string> {
    const auto reader = db.begin_read().value();
    auto cursor = reader.cursor().value();
    for (bool on = cursor.seek("left").value(); on && cursor.key() < "right";
         on = cursor.next().value()) {
      const std::string right = "right" + std::string(cursor.key().substr(4));
      if (!reader.contains(right).value()) return right + " is missing";
    }
    return "";
  };
  return subject;
}

TEST(AppLab, HalfATransferIsFoundAtTheFirstCrashThatShowsIt) {
  const Report report = run(halves(false), short_plan());
  ASSERT_FALSE(report.sound());
  EXPECT_TRUE(report.found->what.contains("right 0 is missing")) << report.found->what;
  // One crash, of a process that was merely killed: nothing need be lost for this.
  EXPECT_TRUE(report.found->line.starts_with("points:")) << report.found->line;
  EXPECT_TRUE(report.found->line.ends_with(".kill")) << report.found->line;
  EXPECT_TRUE(run(halves(true), short_plan()).sound());
}

TEST(AppLab, EveryKindFindsItAloneAndItsLineRepeatsIt) {
  for (const bool Plan::* kind : {&Plan::points, &Plan::faults, &Plan::lives}) {
    Plan plan = short_plan();
    plan.points = plan.faults = plan.lives = false;
    const_cast<bool&>(plan.*kind) = true;
    const Report report = run(halves(false), plan);
    ASSERT_FALSE(report.sound()) << report.to_string();
    const auto again = replay(halves(false), report.found->line);
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(again->what, report.found->what) << report.found->line;
    EXPECT_EQ(again->story, report.found->story) << report.found->line;
    const auto mended = replay(halves(true), report.found->line);
    ASSERT_TRUE(mended.has_value());
    EXPECT_EQ(mended->what, "") << report.found->line;
  }
}

TEST(AppLab, TheSamePlanGivesTheSameReport) {
  const auto text = [](Report report) {
    report.seconds = 0;
    return report.to_string(true);
  };
  for (const bool in_one : {false, true}) {
    EXPECT_EQ(text(run(halves(in_one), short_plan())), text(run(halves(in_one), short_plan())));
  }
}

// What a read that failed was taken for decides what is written next.
TEST(AppLab, AnErrorTakenForAMissingRecordIsFound) {
  for (const bool careless : {true, false}) {
    Subject subject;
    subject.work = [careless](Database& db, Life& life) -> Result<void> {
      for (int i = 0; i < kRecords; ++i) {
        const auto count = db.get("count");
        if (!count && !careless) return std::unexpected(count.error());
        const int n = count && *count ? std::stoi(**count) : 0;
        life.begin(std::to_string(n + 1));
        if (auto done = put(db, "count", std::to_string(n + 1)); !done) return done;
        life.acknowledge(std::to_string(n + 1));
      }
      return {};
    };
    subject.check = [](Database& db, const Evidence& evidence) -> Result<std::string> {
      const auto count = db.get("count");
      if (!count) return std::unexpected(count.error());
      const int most = static_cast<int>(evidence.acknowledged.size());
      const int n = *count ? std::stoi(**count) : 0;
      return n >= most ? "" : std::to_string(n) + " of " + std::to_string(most) + " counted";
    };
    const Report report = run(subject, short_plan());
    EXPECT_EQ(report.sound(), !careless) << report.to_string(true);
  }
}

TEST(AppLab, AStartThatCanNotBeRepeatedIsFound) {
  for (const bool careless : {true, false}) {
    Subject subject = writer_of(Durability::kSync, Durability::kSync);
    subject.start = [careless](Database& db) -> Result<void> {
      auto writer = db.begin_write();
      if (!writer) return std::unexpected(writer.error());
      auto tree = careless ? writer->create_tree("people") : writer->open_or_create_tree("people");
      if (!tree) return std::unexpected(tree.error());
      auto token = writer->commit();
      return token ? Result<void>{} : std::unexpected(token.error());
    };
    const Report report = run(subject, short_plan());
    EXPECT_EQ(report.sound(), !careless) << report.to_string(true);
    if (careless) {
      EXPECT_TRUE(report.found->what.contains("the start failed, though storage did all"))
          << report.found->what;
    }
  }
}

TEST(AppLab, AWorkloadThatDoesNotRepeatItselfIsFound) {
  Subject subject = writer_of(Durability::kSync, Durability::kSync);
  int calls = 0;
  subject.work = [&calls](Database& db, Life&) { return put(db, "call", std::to_string(++calls)); };
  const Report report = run(subject, short_plan());
  ASSERT_FALSE(report.sound());
  EXPECT_TRUE(report.found->what.contains("two different databases")) << report.found->what;
}

TEST(AppLab, AnErrorWhereStorageIsWellIsFoundHoweverItIsTold) {
  Subject subject = writer_of(Durability::kSync, Durability::kSync);
  subject.work = [](Database&, Life&) -> Result<void> {
    return std::unexpected(Error(ErrorCode::kNotFound, "no such customer"));
  };
  EXPECT_TRUE(run(subject).found.value().what.contains("no such customer"));
  subject.work = [](Database&, Life&) -> Result<void> { throw std::runtime_error("no such fish"); };
  EXPECT_TRUE(run(subject).found.value().what.contains("no such fish"));
  subject.work = [](Database& db, Life&) -> Result<void> {
    auto writer = db.begin_write().value();
    (void)writer.put(Tree(77), "a", "b").value();  // There is no such tree.
    return {};
  };
  EXPECT_TRUE(run(subject).found.value().what.contains("tree")) << run(subject).found->what;
}

TEST(AppLab, ALoopThatTriesAgainCanEndWhenTheMachineHasStopped) {
  Subject subject = writer_of(Durability::kSync, Durability::kSync);
  subject.work = [](Database& db, Life& life) -> Result<void> {
    for (int i = 0; i < kRecords; ++i) {
      auto done = put(db, std::to_string(i), "v");
      while (!done && !life.over() && done.error().code() == ErrorCode::kDiskFull) {
        life.pause(std::chrono::milliseconds(10));
        if (life.number() > 0) return done;
        done = put(db, std::to_string(i), "v");
        if (!done) return done;
      }
      if (!done) return done;
    }
    return {};
  };
  const Report report = run(subject, short_plan());
  EXPECT_TRUE(report.sound()) << report.to_string(true);
}

TEST(AppLab, TimeEndsItInGoodTime) {
  Plan plan;
  plan.images = 100'000;
  plan.runs = 1'000'000;
  plan.time = std::chrono::milliseconds(300);
  const Report report = run(writer_of(Durability::kSync, Durability::kSync), plan);
  EXPECT_TRUE(report.cut_short);
  EXPECT_TRUE(report.to_string().contains("Time was over"));
  EXPECT_LT(report.seconds, 60);
}

TEST(AppLab, WhatCanNotBeMeantIsRefused) {
  Subject subject = writer_of(Durability::kSync, Durability::kSync);
  for (const char* line : {"", "points", "points:1", "points:1.x", "faults:1:2", "lives:1",
                           "lives:x:1", "somewhere:1.2"}) {
    const auto found = replay(subject, line);
    ASSERT_FALSE(found.has_value()) << line;
    EXPECT_EQ(found.error().code(), ErrorCode::kInvalidArgument);
  }
  subject.check = nullptr;
  EXPECT_THROW((void)run(subject), std::invalid_argument);
}

}  // namespace
}  // namespace holdfast::crashlab
