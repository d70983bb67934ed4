#include "fuzz/lab/replay_line.h"

#include <memory>
#include <optional>
#include <vector>

#include "fuzz/lab/crash_run.h"
#include "fuzz/lab/words.h"

namespace holdfast {
namespace {

using Words = std::vector<std::string_view>;
using Read = std::expected<ReplayLine, std::string>;

std::unexpected<std::string> wrong(std::string_view word, const std::string& wanted) {
  return std::unexpected("'" + std::string(word) + "' should be " + wanted);
}

std::expected<Workload, std::string> workload_in(std::string_view word) {
  if (auto found = find_workload(word)) return *std::move(found);
  return wrong(word, "a workload: " + workload_names() + ", or a short one like new.p1d2c");
}

std::optional<PointPath::Step> step_in(std::string_view word) {
  const Words parts = split(word, '.');
  if (parts.size() != 2) return std::nullopt;
  const auto moment = number_in(parts[0]);
  const auto image = parts[1] == "kill" ? PointPath::kKill : number_in(parts[1]);
  if (!moment || !image) return std::nullopt;
  return PointPath::Step{*moment, *image};
}

Read read_points(const Words& words) {
  if (words.size() < 3) return std::unexpected("points:WORKLOAD:MOMENT.IMAGE is too short");
  const auto workload = workload_in(words[1]);
  if (!workload) return std::unexpected(workload.error());
  PointPath path;
  for (std::size_t i = 2; i < words.size(); ++i) {
    const auto step = step_in(words[i]);
    if (!step) return wrong(words[i], "a moment and an image, like 31.517 or 31.kill");
    path.steps.push_back(*step);
  }
  return PointsLine{*workload, path};
}

Read read_faults(const Words& words) {
  if (words.size() != 5) return std::unexpected("faults:WORKLOAD:WHEN:CALL:WAY has five parts");
  const auto workload = workload_in(words[1]);
  if (!workload) return std::unexpected(workload.error());
  FaultPath path;
  if (words[2] != "life") {
    const Words when = split(words[2], '.');
    const auto moment = number_in(when[0]);
    if (when.size() != 2 || !moment || (when[1] != "kill" && when[1] != "loss")) {
      return wrong(words[2], "'life', or a moment and how it ended, like 12.kill or 12.loss");
    }
    path.moment = *moment;
    path.killed = when[1] == "kill";
  }
  const auto call = number_in(words[3]);
  const auto way = number_in(words[4]);
  if (!call || *call == 0) return wrong(words[3], "the number of a call, from 1");
  if (!way || *way >= fault_ways().size()) {
    return wrong(words[4], "a way to fail, below " + std::to_string(fault_ways().size()));
  }
  path.call = *call;
  path.way = *way;
  return FaultsLine{*workload, path};
}

Read read_bits(const Words& words) {
  if (words.size() != 4) return std::unexpected("bits:STATE:FILE:BIT has four parts");
  const auto state = find_bit_state(words[1]);
  if (!state) return wrong(words[1], "a state: closed, log, mark, checkpoint");
  const auto bit = number_in(words[3]);
  if (!bit) return wrong(words[3], "the number of a bit");
  return BitsLine{*state, {std::string(words[2]), *bit}};
}

Read read_swaps(const Words& words) {
  if (words.size() != 3) return std::unexpected("swaps:ROW:NUMBER has three parts");
  const auto row = find_swap_row(words[1]);
  if (!row) return wrong(words[1], "a row of the table of swaps, like lost or older");
  const auto number = number_in(words[2]);
  if (!number) return wrong(words[2], "the number of a case");
  return SwapPlace{*row, *number};
}

Replay replay_points(const PointsLine& line) {
  SeenImages nested;
  CrashPoints::Shared shared{{}, &nested};
  const auto points = std::make_unique<CrashPoints>(line.workload, shared, PointLimits{});
  Replay done;
  done.failure = points->replay(line.path, &done.story);
  return done;
}

Replay replay_lives(const LivesLine& line) {
  const auto lab = std::make_unique<CrashRun>(line.lying);
  Replay done;
  done.failure = lab->run(line.seed);
  const std::string story = lab->story_of(line.seed);
  for (const std::string_view each : split(story, '\n')) {
    done.story.emplace_back(each);
  }
  return done;
}

}  // namespace

std::string line_of(const Workload& workload, const PointPath& path) {
  std::string line = "points:" + workload.name;
  for (const PointPath::Step& step : path.steps) {
    const bool kill = step.image == PointPath::kKill;
    line += ":" + std::to_string(step.moment) + "." + (kill ? "kill" : std::to_string(step.image));
  }
  return line;
}

std::string line_of(const Workload& workload, const FaultPath& path) {
  std::string line = "faults:" + workload.name + ":";
  if (path.moment == FaultPath::kLife) {
    line += "life";
  } else {
    line += std::to_string(path.moment) + (path.killed ? ".kill" : ".loss");
  }
  return line + ":" + std::to_string(path.call) + ":" + std::to_string(path.way);
}

std::string line_of(BitState state, const BitPlace& place) {
  return std::string("bits:") + bit_state_name(state) + ":" + place.file + ":" +
         std::to_string(place.bit);
}

std::string line_of(const SwapPlace& place) {
  return std::string("swaps:") + swap_row_name(place.row) + ":" + std::to_string(place.number);
}

std::string line_of(const ReplayLine& line) {
  if (const auto* points = std::get_if<PointsLine>(&line)) {
    return line_of(points->workload, points->path);
  }
  if (const auto* faults = std::get_if<FaultsLine>(&line)) {
    return line_of(faults->workload, faults->path);
  }
  if (const auto* bits = std::get_if<BitsLine>(&line)) return line_of(bits->state, bits->place);
  if (const auto* swap = std::get_if<SwapPlace>(&line)) return line_of(*swap);
  const auto& lives = std::get<LivesLine>(line);
  return "lives:" + std::to_string(lives.seed) + (lives.lying ? "@lying" : "");
}

std::expected<ReplayLine, std::string> read_line(std::string_view text) {
  const Words words = split(text, ':');
  if (words[0] == "points") return read_points(words);
  if (words[0] == "faults") return read_faults(words);
  if (words[0] == "bits") return read_bits(words);
  if (words[0] == "swaps") return read_swaps(words);
  if (words[0] == "lives") {
    const Words run = words.size() == 2 ? split(words[1], '@') : Words{};
    const auto seed = run.empty() ? std::nullopt : number_in(run[0]);
    if (!seed || run.size() > 2 || (run.size() == 2 && run[1] != "lying"))
      return std::unexpected("lives:SEED wants one number, or that and @lying");
    return LivesLine{*seed, run.size() == 2};
  }
  return wrong(words[0], "points, faults, bits, swaps or lives");
}

Replay replay(const ReplayLine& line) {
  if (const auto* points = std::get_if<PointsLine>(&line)) return replay_points(*points);
  Replay done;
  if (const auto* faults = std::get_if<FaultsLine>(&line)) {
    const auto sweep = std::make_unique<FaultSweep>(faults->workload);
    done.failure = sweep->replay(faults->path, &done.story);
    return done;
  }
  if (const auto* bits = std::get_if<BitsLine>(&line)) {
    const auto sweep = std::make_unique<BitSweep>(bits->state);
    done.failure = sweep->replay(bits->place, &done.story);
    return done;
  }
  if (const auto* swap = std::get_if<SwapPlace>(&line)) {
    done.failure = std::make_unique<SwapSweep>(swap->row)->replay(swap->number, &done.story);
    return done;
  }
  return replay_lives(std::get<LivesLine>(line));
}

}  // namespace holdfast
