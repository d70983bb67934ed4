// Runs as words, and back.
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/app/app_run.h"
#include "fuzz/lab/words.h"

namespace holdfast::crashlab {
namespace {

std::optional<AppPath> read_points(const std::vector<std::string_view>& words) {
  PointPath path;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "whole" && words.size() == 2) break;
    const auto parts = split(words[i], '.');
    if (parts.size() != 2) return std::nullopt;
    const auto moment = number_in(parts[0]);
    const auto image = parts[1] == "kill" ? PointPath::kKill : number_in(parts[1]);
    if (!moment || !image) return std::nullopt;
    path.steps.push_back({*moment, *image});
  }
  return path;
}

std::optional<AppPath> read_faults(const std::vector<std::string_view>& words) {
  if (words.size() != 4) return std::nullopt;
  FaultPath path;
  if (words[1] != "life") {
    const auto when = split(words[1], '.');
    const auto moment = number_in(when[0]);
    if (!moment || when.size() != 2 || (when[1] != "kill" && when[1] != "loss")) {
      return std::nullopt;
    }
    path.moment = *moment;
    path.killed = when[1] == "kill";
  }
  const auto call = number_in(words[2]);
  const auto way = number_in(words[3]);
  if (!call || !way) return std::nullopt;
  path.call = *call;
  path.way = *way;
  return path;
}

std::string line_of(const PointPath& path) {
  if (path.steps.empty()) return "points:whole";
  std::string line = "points";
  for (const PointPath::Step& step : path.steps) {
    const bool kill = step.image == PointPath::kKill;
    line += ":" + std::to_string(step.moment) + "." + (kill ? "kill" : std::to_string(step.image));
  }
  return line;
}

std::string line_of(const FaultPath& path) {
  const std::string when = path.moment == FaultPath::kLife
                               ? "life"
                               : std::to_string(path.moment) + (path.killed ? ".kill" : ".loss");
  return "faults:" + when + ":" + std::to_string(path.call) + ":" + std::to_string(path.way);
}

std::string line_of(const AppLivesPath& path) {
  return "lives:" + std::to_string(path.seed) + ":" + std::to_string(path.lives);
}

}  // namespace

std::string app_line(const AppPath& path) {
  return std::visit([](const auto& each) { return line_of(each); }, path);
}

std::optional<AppPath> read_app_line(std::string_view line) {
  const auto words = split(line, ':');
  if (words[0] == "points" && words.size() > 1) return read_points(words);
  if (words[0] == "faults") return read_faults(words);
  if (words[0] != "lives" || words.size() != 3) return std::nullopt;
  const auto seed = number_in(words[1]);
  const auto lives = number_in(words[2]);
  if (!seed || !lives) return std::nullopt;
  return AppLivesPath{*seed, *lives};
}

}  // namespace holdfast::crashlab
