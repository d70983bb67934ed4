// The explorer itself: what it must find, that it goes through everything, that a fault repeats.
#include "fuzz/explore/explorer.h"

#include <gtest/gtest.h>

#include <set>

#include "engine/base/sync.h"

namespace holdfast::explore {
namespace {

bool go_on(const Exploration&) {
  return true;
}

template <class S>
std::unique_ptr<Scenario> make() {
  return std::make_unique<S>();
}

// Each adds one, not at once.
class LostUpdate : public Scenario {
 public:
  std::vector<std::function<void()>> threads() override {
    auto add = [this] { counter_.store(counter_.load() + 1); };
    return {add, add};
  }
  std::string judge() override {
    return counter_.load() == 2 ? "" : "an update is lost: " + std::to_string(counter_.load());
  }

 private:
  Atomic<int> counter_{0};
};

TEST(Explorer, FindsALostUpdateAndRepeatsIt) {
  EXPECT_TRUE(explore(make<LostUpdate>, {.preemptions = 0}, go_on).complete);
  const Exploration found = explore(make<LostUpdate>, {.preemptions = 1}, go_on);
  EXPECT_EQ(found.fault, "an update is lost: 1");
  EXPECT_FALSE(found.complete);
  EXPECT_EQ(replay(make<LostUpdate>, found.schedule), found.fault);
  EXPECT_EQ(replay(make<LostUpdate>, "0:0"), "");
}

class LockedUpdate : public Scenario {
 public:
  std::vector<std::function<void()>> threads() override {
    auto add = [this] {
      MutexLock lock(mutex_);
      counter_.store(counter_.load() + 1);
    };
    return {add, add, add};
  }
  std::string judge() override { return counter_.load() == 3 ? "" : "an update is lost"; }

 private:
  Mutex mutex_;
  Atomic<int> counter_{0};
};

TEST(Explorer, ALockHelps) {
  const Exploration found = explore(make<LockedUpdate>, {.preemptions = 3}, go_on);
  EXPECT_TRUE(found.complete) << found.fault;
  EXPECT_GT(found.runs, 6U);
}

// Takes two locks in an order that depends on the thread.
class CrossedLocks : public Scenario {
 public:
  std::vector<std::function<void()>> threads() override {
    auto take = [](Mutex& first, Mutex& second) {
      MutexLock one(first);
      MutexLock two(second);
    };
    return {[this, take] { take(a_, b_); }, [this, take] { take(b_, a_); }};
  }
  std::string judge() override { return ""; }

 private:
  Mutex a_;
  Mutex b_;
};

TEST(Explorer, FindsADeadlock) {
  const Exploration found = explore(make<CrossedLocks>, {.preemptions = 1}, go_on);
  EXPECT_NE(found.fault.find("deadlock"), std::string::npos) << found.fault;
}

// Looks before it sleeps, and doesn't look again: a wake-up in between is lost.
class LostWakeUp : public Scenario {
 public:
  std::vector<std::function<void()>> threads() override {
    return {[this] {
              if (ready_.load()) return;
              MutexLock lock(mutex_);
              wake_.wait(lock);
            },
            [this] {
              ready_.store(true);
              wake_.notify_all();
            }};
  }
  std::string judge() override { return ""; }

 private:
  Mutex mutex_;
  Condition wake_;
  Atomic<bool> ready_{false};
};

TEST(Explorer, FindsALostWakeUp) {
  const Exploration found = explore(make<LostWakeUp>, {.preemptions = 1}, go_on);
  EXPECT_NE(found.fault.find("deadlock"), std::string::npos) << found.fault;
}

class Spinner : public Scenario {
 public:
  std::vector<std::function<void()>> threads() override {
    return {[this] {
              while (!ready_.load()) yield_thread();
            },
            [this] { ready_.store(true); }};
  }
  std::string judge() override { return ""; }

 private:
  Atomic<bool> ready_{false};
};

TEST(Explorer, WhoSpinsLetsOthersGoOn) {
  EXPECT_TRUE(explore(make<Spinner>, {.preemptions = 2}, go_on).complete);
}

// Two threads write to one place, two steps each: all six orders of the steps.
std::set<std::string> orders;

class Orders : public Scenario {
 public:
  std::vector<std::function<void()>> threads() override {
    return {[this] { write("a1", "a2"); }, [this] { write("b1", "b2"); }};
  }
  std::string judge() override {
    orders.insert(order_);
    return "";
  }

 private:
  void write(const char* first, const char* second) {
    for (const char* step : {first, second}) {
      place_.store(1);
      order_ += step;
    }
  }
  Atomic<int> place_{0};
  std::string order_;
};

TEST(Explorer, EveryOrderComesUp) {
  orders.clear();
  EXPECT_TRUE(explore(make<Orders>, {.preemptions = 3}, go_on).complete);
  EXPECT_EQ(orders.size(), 6U);
  orders.clear();
  EXPECT_TRUE(explore(make<Orders>, {.preemptions = 0}, go_on).complete);
  EXPECT_EQ(orders.size(), 2U);
}

class Thrower : public Scenario {
 public:
  std::vector<std::function<void()>> threads() override {
    return {[] { throw std::runtime_error("on purpose"); }};
  }
  std::string judge() override { return ""; }
};

TEST(Explorer, AnExceptionIsAFault) {
  const Exploration found = explore(make<Thrower>, {}, go_on);
  EXPECT_NE(found.fault.find("on purpose"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::explore
