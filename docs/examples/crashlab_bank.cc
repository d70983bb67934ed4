// A bank whose money must neither come nor go, put through the crash lab: once with a bug that only
// a crash shows, once without it.
//
// The bug: debit and credit are two transactions. Every test that doesn't crash passes.
#include <holdfast/crashlab/crashlab.h>
#include <holdfast/holdfast.h>

#include <charconv>
#include <iostream>
#include <string>

namespace {

namespace crashlab = holdfast::crashlab;
using holdfast::Result;

constexpr int kAccounts = 5;
constexpr int kBalanceAtFirst = 100;

std::string account(int number) {
  return "account " + std::to_string(number);
}

Result<int> balance(const holdfast::Reader& reader, int number) {
  const auto value = reader.get(account(number));
  if (!value) return std::unexpected(value.error());
  int money = 0;
  if (*value) std::from_chars((*value)->data(), (*value)->data() + (*value)->size(), money);
  return money;
}

Result<void> add(holdfast::WriteTransaction& writer, int number, int money) {
  const auto before = balance(writer, number);
  if (!before) return std::unexpected(before.error());
  return writer.put(account(number), std::to_string(*before + money));
}

Result<void> open_accounts(holdfast::Database& db) {
  auto writer = db.begin_write();
  if (!writer) return std::unexpected(writer.error());
  if (const auto there = writer->contains(account(0)); !there || *there) {
    return there ? Result<void>{} : std::unexpected(there.error());
  }
  for (int i = 0; i < kAccounts; ++i) {
    if (auto done = add(*writer, i, kBalanceAtFirst); !done) return done;
  }
  auto token = writer->commit();
  return token ? Result<void>{} : std::unexpected(token.error());
}

struct Transfer {
  int from, to, money;
};

Result<void> transfer_in_one(holdfast::Database& db, const Transfer& order) {
  auto writer = db.begin_write();
  if (!writer) return std::unexpected(writer.error());
  if (auto done = add(*writer, order.from, -order.money); !done) return done;
  if (auto done = add(*writer, order.to, order.money); !done) return done;
  auto token = writer->commit();
  return token ? Result<void>{} : std::unexpected(token.error());
}

// The planted bug.
Result<void> transfer_in_two(holdfast::Database& db, const Transfer& order) {
  for (const bool debit : {true, false}) {
    auto writer = db.begin_write();
    if (!writer) return std::unexpected(writer.error());
    auto done =
        debit ? add(*writer, order.from, -order.money) : add(*writer, order.to, order.money);
    if (!done) return done;
    auto token = writer->commit();
    if (!token) return std::unexpected(token.error());
  }
  return {};
}

Result<std::string> check_sum(holdfast::Database& db, const crashlab::Evidence&) {
  const auto reader = db.begin_read();
  if (!reader) return std::unexpected(reader.error());
  int sum = 0;
  for (int i = 0; i < kAccounts; ++i) {
    const auto money = balance(*reader, i);
    if (!money) return std::unexpected(money.error());
    sum += *money;
  }
  if (sum == kAccounts * kBalanceAtFirst) return "";
  return "the accounts hold " + std::to_string(sum);
}

crashlab::Subject bank(Result<void> (*transfer)(holdfast::Database&, const Transfer&)) {
  crashlab::Subject subject;
  subject.name = "bank";
  subject.start = open_accounts;
  subject.work = [transfer](holdfast::Database& db, crashlab::Life& life) -> Result<void> {
    for (int i = 0; i < 12; ++i) {
      const int from = static_cast<int>(life.random(kAccounts));
      const int to = static_cast<int>(life.random(kAccounts));
      const int money = 1 + static_cast<int>(life.random(50));
      life.begin("transfer " + std::to_string(i));
      if (auto done = transfer(db, {from, to, money}); !done) return done;
      life.acknowledge("transfer " + std::to_string(i));
    }
    return {};
  };
  subject.check = check_sum;
  return subject;
}

}  // namespace

int main() {
  const crashlab::Report wrong = crashlab::run(bank(transfer_in_two));
  std::cout << wrong.to_string(true) << '\n';

  const crashlab::Report right = crashlab::run(bank(transfer_in_one));
  std::cout << right.to_string(true);

  // The bug must be found, and nothing where there is none.
  return !wrong.sound() && right.sound() ? 0 : 1;
}
