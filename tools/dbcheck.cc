// The program `dbcheck`: what `holdfast check` does, for those who want nothing else installed.
#include <exception>

#include "tools/args.h"
#include "tools/console.h"
#include "tools/interrupt.h"
#include "tools/standard_files.h"
#include "tools/verbs.h"

int main(int argc, char** argv) {
  using namespace holdfast::tools;
  hold_standard_files();
  watch_signals();
  Console console("dbcheck");
  ExitCode code = ExitCode::kFailed;
  try {
    auto args = parse_dbcheck(argc, argv);
    if (args) {
      if (args->json) console.speak_json();
      code = run_check(*args, console);
    } else {
      console.out().write(args.error().output);
      if (!args.error().message.empty()) console.say(args.error().message);
      code = args.error().code;
    }
  } catch (const std::exception& error) {
    console.say(error.what());
  }
  return static_cast<int>(console.finish(code));
}
