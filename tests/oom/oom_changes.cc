// The parts of the workload that undo, that do all or nothing, and that look for many at once.
#include <algorithm>

#include "tests/oom/oom_run.h"

namespace holdfast::testing {
namespace {

std::string value_of(int n) {
  return numbered(static_cast<std::uint64_t>(n)) + std::string(80, 'w');
}

// A savepoint whose scope ends here.
void end(Result<Savepoint>& savepoint) {
  const Counted counted;
  const Savepoint ended = *std::move(savepoint);
}

}  // namespace

// Whatever fails after a savepoint, its end brings everything back, and the transaction goes on.
void OomRun::roll_back_and_go_on() {
  transact([this](Draft& draft) {
    draft.tree("left");
    draft.put("", "before the savepoint", value_of(1));
    draft.erase("", numbered(3));
    if (draft.failed) return;
    const Draft before = draft;
    auto outer = call([&] { return draft.writer.savepoint(); });
    if (!outer) return;
    draft.put("left", "gone again", std::string(9'000, 'g'));
    draft.put("", "before the savepoint", value_of(2));
    auto inner = call([&] { return draft.writer.savepoint(); });
    if (inner) {
      draft.tree("never there");
      draft.put("never there", "k", value_of(3));
      for (int n = 0; n < 30; n += 6) draft.put("", numbered(n), value_of(n));
      for (int n = 30; n < 50; n += 5) draft.erase("", numbered(n));
      if (!draft.failed) {
        const Tree left = draft.trees.at("left");
        if (call([&] { return draft.writer.rename_tree(left, "renamed"); }))
          (void)call([&] { return draft.writer.drop_tree(left); });
      }
      // Fails only before it has changed anything, so the outer one still knows the way back.
      (void)call([&] { return inner->release(); });
    }
    end(outer);
    draft.state = before.state;
    draft.trees = before.trees;
    draft.failed = draft.doomed = false;
    draft.expect_state();
    draft.put("", "after the savepoint", value_of(4));
  });
}

void OomRun::release_a_savepoint() {
  transact([this](Draft& draft) {
    draft.put("", "joined", value_of(5));
    auto savepoint = call([&] { return draft.writer.savepoint(); });
    if (!savepoint || draft.failed) return;
    const Draft before = draft;
    draft.put("", "joined", value_of(6));
    draft.put("", "joined too", value_of(7));
    const bool kept = call([&] { return savepoint->release(); }).has_value();
    if (!kept) {
      draft.state = before.state;
      draft.failed = draft.doomed = false;
    }
    end(savepoint);
    draft.expect_state();
  });
}

// Each of these is done or not, and the transaction goes on either way.
void OomRun::all_or_nothing() {
  transact([this](Draft& draft) {
    draft.tree("right");
    if (draft.failed) return;
    const std::string first = value_of(8);
    const std::string second(6'000, 's');
    const KeyValue records[] = {{"many 1", first}, {"many 2", second}, {"many 3", first}};
    if (call([&] { return draft.writer.put_many(records); })) {
      for (const auto& [key, value] : records) draft.state[""][std::string(key)] = value;
    }
    draft.expect_state();
    const Tree right = draft.trees.at("right");
    if (call([&] { return draft.writer.erase_range(numbered(3), numbered(40)); })) {
      Contents& all = draft.state[""];
      all.erase(all.lower_bound(numbered(3)), all.lower_bound(numbered(40)));
    }
    draft.expect_state();
    if (call([&] { return draft.writer.drop_tree(right); })) {
      draft.state.erase("right");
      draft.trees.erase("right");
    }
    draft.expect_state();
    const auto swapped =
        call([&] { return draft.writer.compare_and_set("many 2", second, std::nullopt); });
    draft.failed = draft.doomed = !swapped;
    if (!swapped) return;
    EXPECT_EQ(*swapped, draft.state[""].contains("many 2"));
    draft.state[""].erase("many 2");
    draft.tree("right");
    draft.put("right", "anew", value_of(9));
  });
}

void OomRun::write_a_batch() {
  WriteBatch batch;
  State state = history_.back();
  for (int n = 0; n < 5; ++n) {
    const std::string key = "batch " + numbered(n);
    const std::string value = value_of(n);
    if (n % 4 == 3) {
      const std::string gone = numbered(n);
      if (call([&] { return batch.erase(gone); })) state[""].erase(gone);
    } else if (call([&] { return batch.put(key, value); })) {
      state[""][key] = value;
    }
  }
  const auto outcome = call([&] { return db_->write(batch, Durability::kSync); });
  committed(outcome, std::move(state), true);
}

void OomRun::look_for_many(const ReadTransaction& reader, const Contents& contents) {
  std::vector<std::string_view> keys;
  for (const auto& [key, value] : contents) {
    if (key.back() % 5 == 0) keys.push_back(key);
  }
  keys.emplace_back("nowhere");
  const auto values = call([&] { return reader.get_many(keys); });
  for (std::size_t i = 0; values && i < keys.size(); ++i) {
    const auto want = contents.find(std::string(keys[i]));
    EXPECT_EQ((*values)[i].has_value(), want != contents.end()) << keys[i];
    if (want != contents.end() && (*values)[i]) {
      EXPECT_TRUE(*(*values)[i] == want->second) << keys[i];
    }
  }
  const auto all = call([&] { return reader.estimate(std::nullopt, std::nullopt); });
  if (all) {
    EXPECT_EQ(all->records, contents.size());
  }
}

}  // namespace holdfast::testing
