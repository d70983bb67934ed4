// libFuzzer: bytes are the choices of a run of the crash lab; see fuzz/lab/crash_run.h.
//
// A finding aborts, with the run's story on standard error; the target, given the file that
// libFuzzer wrote, runs it again.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "fuzz/lab/crash_run.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto* lab = new holdfast::CrashRun();
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  if (const auto failure = lab->run(bytes)) {
    std::fputs(lab->story_of(bytes).c_str(), stderr);
    std::fprintf(stderr, "FOUND: %s\n", failure->c_str());
    std::abort();
  }
  return 0;
}
