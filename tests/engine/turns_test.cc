// Writers take turns, in the order in which they ask and no longer than they are willing to wait.
#include <chrono>
#include <thread>

#include "tests/engine/transaction_fixture.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;

TEST_F(TransactionTest, WritersWaitTheirTurnUpToTheDeadline) {
  Database db = open();
  WriteTransaction first = MUST(db.begin_write());
  const auto begun = std::chrono::steady_clock::now();
  auto second = db.begin_write(milliseconds(60));
  EXPECT_CODE(second, ErrorCode::kTimedOut);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, milliseconds(60));
  EXPECT_CODE(db.begin_write(milliseconds(0)), ErrorCode::kTimedOut);
  EXPECT_CODE(db.begin_write(milliseconds(-5)), ErrorCode::kTimedOut);
  first.abort();
  EXPECT_TRUE(db.begin_write(milliseconds(0)));
}

TEST_F(TransactionTest, TheLongestTimeoutWaits) {
  Database db = open();
  std::optional<WriteTransaction> first(MUST(db.begin_write()));
  std::thread other([&] {
    auto second = db.begin_write(milliseconds::max());
    EXPECT_TRUE(second) << second.error().to_string();
  });
  std::this_thread::sleep_for(milliseconds(50));
  first.reset();
  other.join();
}

// On a busy machine a thread may be late to ask: then its place is behind the next one's, and the
// round says nothing. Were the turns given in another order, no round would come out right.
TEST_F(TransactionTest, WritersComeInTheOrderInWhichTheyAsked) {
  Database db = open();
  const std::vector<int> asked{0, 1, 2, 3, 4, 5, 6, 7};
  std::vector<int> order;
  for (int pause = 20; pause <= 1280 && order != asked; pause *= 2) {
    std::optional<WriteTransaction> holder(MUST(db.begin_write()));
    order.clear();
    std::vector<std::thread> threads;
    for (int i : asked) {
      threads.emplace_back([&, i] {
        WriteTransaction writer = db.begin_write(milliseconds(100'000)).value();
        order.push_back(i);  // Guarded by the turn.
      });
      std::this_thread::sleep_for(milliseconds(pause));
    }
    holder.reset();
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(order, asked);
}

}  // namespace
}  // namespace holdfast
