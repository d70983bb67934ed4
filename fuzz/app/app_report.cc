// A report in words.
#include <cstdio>

#include "holdfast/crashlab/report.h"

namespace holdfast::crashlab {
namespace {

std::string number(std::uint64_t n) {
  return std::to_string(n);
}

std::string share(std::uint64_t done, std::uint64_t all) {
  return number(done) + " of " + number(all);
}

}  // namespace

std::string Report::to_string(bool story) const {
  std::string text;
  if (moments != 0) {
    text += "  crash points   " + share(moments_done, moments) + ", " + number(images) +
            " outcomes, " + number(images_distinct) + " distinct; " + number(crashes_in_later) +
            " crashes in the life after\n";
  }
  if (calls != 0) {
    text += "  failing calls  " + number(faults) + " lives; " + share(sites_failed, sites) +
            " places that call storage failed, over the " + number(calls) + " calls of a life\n";
  }
  if (runs != 0) {
    text += "  random runs    " + number(runs) + ", " + number(lives) + " lives, " +
            number(crashes) + " crashes\n";
  }
  char seconds_text[32];
  std::snprintf(seconds_text, sizeof seconds_text, "%.1f s", seconds);
  text = name + ": " + (sound() ? "nothing found" : "FOUND: " + found->what) + "\n" + text;
  text += "  in all         " + number(recoveries) + " recoveries, " + number(checks) +
          " checks, " + seconds_text + "\n";
  if (cut_short) text += "  Time was over before all of it was done.\n";
  if (!found) return text;
  if (story) {
    for (const std::string& line : found->story) text += line + "\n";
  }
  return text + "Again: replay(subject, \"" + found->line + "\")\n";
}

}  // namespace holdfast::crashlab
