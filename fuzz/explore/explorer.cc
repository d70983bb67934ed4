#include "fuzz/explore/explorer.h"

#include <chrono>
#include <unordered_map>

namespace holdfast::explore {
namespace {

// One choice of the schedule that is being run.
struct Node {
  Choice choice;
  std::uint32_t taken = 0;
  bool conflicts = false;  // Preempting here makes a difference, as far as is known.
};

using Path = std::vector<Node>;

std::string to_schedule(const Path& path) {
  std::string text;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i].taken == 0) continue;
    text += (text.empty() ? "" : ",") + std::to_string(i) + ":" + std::to_string(path[i].taken);
  }
  return text.empty() ? "0:0" : text;
}

std::unordered_map<std::size_t, std::uint32_t> from_schedule(const std::string& schedule) {
  std::unordered_map<std::size_t, std::uint32_t> answers;
  const char* at = schedule.c_str();
  while (*at != 0) {
    char* end = nullptr;
    const std::size_t index = std::strtoull(at, &end, 10);
    if (*end != ':') break;
    answers[index] = static_cast<std::uint32_t>(std::strtoul(end + 1, &end, 10));
    at = *end == ',' ? end + 1 : end;
  }
  return answers;
}

// Follows `path` as far as it goes, and extends it by what is asked beyond.
std::string run_once(const MakeScenario& make, Path& path, Run& run) {
  auto scenario = make();
  std::size_t asked = 0;
  run = run_threads(scenario->threads(), [&](const Choice& choice) {
    if (asked == path.size()) path.push_back({choice, 0, false});
    Node& node = path[asked++];
    node.choice = choice;
    return node.taken < choice.options ? node.taken : 0U;
  });
  if (!run.fault.empty()) {
    (void)scenario.release();  // Its threads still stand in it.
    return run.fault;
  }
  return scenario->judge();
}

// Marks the preemptible choices whose access conflicts with a later one of another thread.
void mark_conflicts(Path& path, const Run& run) {
  struct Later {
    std::uint64_t readers = 0;  // A bit per thread.
    std::uint64_t writers = 0;
  };
  std::unordered_map<const void*, Later> objects;
  std::size_t step = run.steps.size();
  for (std::size_t i = path.size(); i-- > 0;) {
    Node& node = path[i];
    if (!node.choice.preempts || node.choice.step >= run.steps.size()) continue;
    for (; step > node.choice.step + 1; --step) {
      const Step& later = run.steps[step - 1];
      Later& seen = objects[later.object];
      (later.access == Access::kWrite ? seen.writers : seen.readers) |= 1ULL << later.thread;
    }
    // Where it was preempted, another thread's access stands at this place: already decided.
    if (node.taken != 0) continue;
    const Step& here = run.steps[node.choice.step];
    const auto found = objects.find(here.object);
    if (found == objects.end()) continue;
    const std::uint64_t others = ~(1ULL << here.thread);
    const std::uint64_t against =
        found->second.writers | (here.access == Access::kWrite ? found->second.readers : 0);
    if ((against & others) != 0) node.conflicts = true;
  }
}

// To the next schedule within the bound; false when there is none.
bool advance(Path& path, std::uint32_t preemptions_max) {
  std::uint32_t preemptions = 0;
  for (const Node& node : path) preemptions += node.choice.preempts && node.taken != 0 ? 1 : 0;
  for (; !path.empty(); path.pop_back()) {
    Node& node = path.back();
    if (node.choice.preempts && node.taken != 0) --preemptions;
    if (node.taken + 1 >= node.choice.options) continue;
    if (node.choice.preempts && (!node.conflicts || preemptions >= preemptions_max)) continue;
    ++node.taken;
    return true;
  }
  return false;
}

}  // namespace

Exploration explore(const MakeScenario& make, const Bounds& bounds,
                    const std::function<bool(const Exploration&)>& progress) {
  using Clock = std::chrono::steady_clock;
  const auto begun = Clock::now();
  Exploration done;
  Path path;
  Run run;
  do {
    const std::string fault = run_once(make, path, run);
    ++done.runs;
    done.steps_max = std::max<std::uint64_t>(done.steps_max, run.steps.size());
    if (!fault.empty()) {
      done.fault = fault;
      done.schedule = to_schedule(path);
      return done;
    }
    mark_conflicts(path, run);
    if (done.runs % 256 == 0) {
      const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
      if (!progress(done) || (bounds.seconds > 0 && seconds > bounds.seconds)) return done;
    }
  } while (advance(path, bounds.preemptions));
  done.complete = true;
  return done;
}

std::string replay(const MakeScenario& make, const std::string& schedule) {
  Path path;
  for (const auto& [index, taken] : from_schedule(schedule)) {
    if (index >= path.size()) path.resize(index + 1);
    path[index].taken = taken;
  }
  Run run;
  return run_once(make, path, run);
}

}  // namespace holdfast::explore
