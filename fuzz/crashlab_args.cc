#include "fuzz/crashlab_args.h"

#include <CLI/CLI.hpp>
#include <map>
#include <thread>

#include "fuzz/lab/bit_sweep.h"
#include "fuzz/lab/swap_sweep.h"
#include "fuzz/lab/workloads.h"

namespace holdfast::crashlab {
namespace {

constexpr const char* kExitCodes =
    "Exit codes: 0 nothing was found, 2 usage, 3 something could not be written, 5 something was\n"
    "found, 130 interrupted.";

std::string state_names() {
  std::string names;
  for (const BitState state : kBitStates) {
    names += std::string(names.empty() ? "" : ", ") + bit_state_name(state);
  }
  return names;
}

std::string disk_names() {
  std::string names;
  for (const DiskKind kind : kDiskKinds) {
    names += std::string(names.empty() ? "" : ", ") + disk_name(kind);
  }
  return names;
}

std::string row_names() {
  std::string names;
  for (const SwapRow row : kSwapRows) {
    names += std::string(names.empty() ? "" : ", ") + swap_row_name(row);
  }
  return names;
}

void declare_shares(CLI::App& run, Arguments& args) {
  run.add_option("--seconds", args.seconds, "Stop after this time")->check(CLI::PositiveNumber);
  run.add_option("--jobs", args.jobs, "Threads; default: one for each processor")
      ->check(CLI::Range(1u, 1024u));
  run.add_option("--from", args.from, "Go on with this part, which a run that time ended names");
  run.add_option("--parts", args.parts, "At most so many parts; of lives, seeds");
  run.add_flag("--json", args.json, "One object a line: each thing found, then a summary");
}

void declare_run(CLI::App& app, Arguments& args) {
  static const std::map<std::string, Kind> kKinds = {
      {"points", Kind::kPoints}, {"short", Kind::kShort}, {"faults", Kind::kFaults},
      {"bits", Kind::kBits},     {"swaps", Kind::kSwaps}, {"lives", Kind::kLives}};
  CLI::App* run = app.add_subcommand("run", "Looks for a breach of the promises");
  run->add_option_function<std::string>(
         "KIND", [&args](const std::string& kind) { args.kind = kKinds.at(kind); },
         "points: every crash point and image of the standard workloads\n"
         "short: every workload of up to four operations, crashed at every moment\n"
         "faults: every storage call of them failing\n"
         "bits: every bit of a small database flipped\n"
         "swaps: page writes lost or sent elsewhere, files swapped or missing\n"
         "lives: random runs from seeds, without an end")
      ->required()
      ->check(
          CLI::IsMember({"points", "short", "faults", "bits", "swaps", "lives"}).description(""));
  declare_shares(*run, args);
  run->add_option("--seed", args.seed, "lives: the first seed");
  run->add_option("--workload", args.workload,
                  "points, faults: only this one of " + workload_names() +
                      ", or a short one like new.p1d2c; bits: only this state of " + state_names());
  run->add_option_function<std::string>(
         "--disk", [&args](const std::string& name) { args.disk = *find_disk(name); },
         "points, short: what a loss of power may leave: " + disk_names() +
             "; default: weak. lives draw it; lying is for them too: syncs that keep nothing")
      ->check([](const std::string& name) {
        return find_disk(name) ? std::string() : "there are the disks " + disk_names();
      });
  run->footer("Example:\n  crashlab run points --seconds 600\n\n" + std::string(kExitCodes));
  run->callback([&args] { args.verb = Verb::kRun; });
}

void declare_bits(CLI::App& app, Arguments& args) {
  CLI::App* sub = app.add_subcommand("bits", "Flips every bit of a small database: run bits");
  declare_shares(*sub, args);
  sub->add_option("--workload", args.workload, "Only this state of " + state_names());
  sub->footer(kExitCodes);
  sub->callback([&args] {
    args.verb = Verb::kRun;
    args.kind = Kind::kBits;
  });
}

// What works on the source, by a script of its own, whose words follow.
void declare_script(CLI::App& app, Arguments& args, Verb verb, const char* name, const char* about,
                    const char* example) {
  CLI::App* sub = app.add_subcommand(name, about);
  sub->add_option("--source", args.source,
                  "The source tree; default: the one that the current directory lies in");
  sub->prefix_command();
  if (verb == Verb::kMutants) sub->set_help_flag();  // The script has its own.
  sub->footer(std::string("What else is said goes to the script that does it.\n"
                          "Example:\n  crashlab ") +
              example);
  sub->callback([&args, verb, sub] {
    args.verb = verb;
    args.words = sub->remaining();
  });
}

void declare_torture(CLI::App& app, Arguments& args) {
  CLI::App* sub = app.add_subcommand("torture", "Kills a writing process again and again");
  sub->add_option("DIR", args.directory,
                  "Where it writes: in a directory of its own, which is removed at the end")
      ->required();
  sub->add_option("--seconds", args.seconds, "For so long; default: 60")
      ->check(CLI::PositiveNumber);
  sub->add_flag("--json", args.json, "One object a line: each thing found, then a summary");
  sub->footer("Example:\n  crashlab torture /var/lib/app --seconds 60\n\n" +
              std::string(kExitCodes));
  sub->callback([&args] { args.verb = Verb::kTorture; });
}

void declare_line(CLI::App& app, Arguments& args, Verb verb, const char* name, const char* about) {
  CLI::App* sub = app.add_subcommand(name, about);
  sub->add_option("LINE", args.line, "What a failing run printed")->required();
  sub->footer("Example:\n  crashlab " + std::string(name) + " points:commits:31.517\n\n" +
              kExitCodes);
  sub->callback([&args, verb] { args.verb = verb; });
}

// A sentence when the workload or the disk isn't one that the kind has.
std::string wrong_choice(const Arguments& args) {
  const bool crashes = args.kind == Kind::kPoints || args.kind == Kind::kShort;
  const bool lies = args.kind == Kind::kLives && args.disk == DiskKind::kLying;
  if (args.verb == Verb::kRun && args.disk != DiskKind::kWeak && !crashes && !lies) {
    return "--disk is for points and short; of lives, it may be lying.";
  }
  if (args.verb != Verb::kRun || args.workload.empty()) return {};
  switch (args.kind) {
    case Kind::kPoints:
    case Kind::kFaults:
      if (find_workload(args.workload)) return {};
      return "There is no workload '" + args.workload + "'; there are " + workload_names() + ".";
    case Kind::kBits:
      if (find_bit_state(args.workload)) return {};
      return "There is no state '" + args.workload + "'; there are " + state_names() + ".";
    case Kind::kSwaps:
      if (find_swap_row(args.workload)) return {};
      return "There is no case '" + args.workload + "'; there are " + row_names() + ".";
    case Kind::kLives:
    case Kind::kShort:
      return "--workload is for points, faults, bits and swaps.";
  }
  return {};
}

}  // namespace

std::expected<Arguments, ParseStop> parse(int argc, const char* const* argv) {
  CLI::App app("crashlab: crashes, failing storage and flipped bits, on a simulated disk",
               "crashlab");
  app.require_subcommand(1);
  app.footer(kExitCodes);
  Arguments args;
  args.jobs = std::max(1u, std::thread::hardware_concurrency());
  declare_run(app, args);
  declare_torture(app, args);
  declare_bits(app, args);
  declare_script(app, args, Verb::kMutants, "mutants",
                 "Shows that seeded bugs are found: fuzz/mutants/mutants.py", "mutants --slice 3");
  declare_script(app, args, Verb::kCoverage, "coverage",
                 "Measures which branches are taken: tools/coverage", "coverage wal recovery");
  declare_line(app, args, Verb::kReplay, "replay", "Does it again, and tells its story");
  declare_line(app, args, Verb::kShrink, "shrink", "Makes a line of kind points smaller");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    return std::unexpected(ParseStop{tools::ExitCode::kDone,
                                     chosen.empty() ? app.help() : chosen.front()->help(), ""});
  } catch (const CLI::ParseError& error) {
    return std::unexpected(ParseStop{tools::ExitCode::kUsage, "",
                                     std::string(error.what()) + ". See crashlab --help."});
  }
  if (std::string wrong = wrong_choice(args); !wrong.empty()) {
    return std::unexpected(ParseStop{tools::ExitCode::kUsage, "", wrong});
  }
  return args;
}

}  // namespace holdfast::crashlab
