// The writer's turn: one at a time, in order, with deadlines that leave no hole in the queue.
#include "engine/txn/writer_gate.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;

// DR-P8: docs/SCENARIOS.md.
TEST(WriterGateTest, OneAtATimeUnderContention) {
  WriterGate gate;
  std::atomic<int> inside{0};
  std::uint64_t count = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        ASSERT_TRUE(gate.enter(milliseconds(60'000)));
        EXPECT_EQ(inside.fetch_add(1), 0);
        ++count;
        inside.fetch_sub(1);
        gate.leave();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 16'000U);
}

TEST(WriterGateTest, AWaiterThatGivesUpLeavesTheQueue) {
  WriterGate gate;
  ASSERT_TRUE(gate.enter(milliseconds(0)));
  std::vector<std::thread> hasty;
  std::vector<std::thread> patient;
  std::atomic<int> entered{0};
  for (int t = 0; t < 6; ++t) {
    // Every other one is gone before its turn comes.
    (t % 2 == 0 ? hasty : patient).emplace_back([&, t] {
      if (!gate.enter(milliseconds(t % 2 == 0 ? 10 : 60'000))) return;
      ++entered;
      gate.leave();
    });
    std::this_thread::sleep_for(milliseconds(5));
  }
  for (std::thread& thread : hasty) thread.join();
  gate.leave();
  for (std::thread& thread : patient) thread.join();
  EXPECT_EQ(entered.load(), 3);
  EXPECT_TRUE(gate.enter(milliseconds(0))) << "and the gate is free";
  gate.leave();
}

TEST(WriterGateTest, DeadlinesAndHandOversAtTheSameMoment) {
  WriterGate gate;
  std::vector<std::thread> threads;
  std::atomic<int> entered{0};
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 300; ++i) {
        if (!gate.enter(milliseconds((i + t) % 3))) continue;
        ++entered;
        if (i % 50 == 0) std::this_thread::sleep_for(milliseconds(1));
        gate.leave();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(entered.load(), 100);
  EXPECT_TRUE(gate.enter(milliseconds(0))) << "no turn was lost";
}

}  // namespace
}  // namespace holdfast
