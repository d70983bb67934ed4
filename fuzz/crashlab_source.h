// crashlab's verbs that work on the source of Holdfast: they hand on to a script that lies there.
#pragma once

#include "fuzz/crashlab_args.h"

namespace holdfast::crashlab {

// Becomes the script, whose exit code is then the program's. Returns only where there is none, with
// a sentence about it.
std::string hand_on(const Arguments& args);

}  // namespace holdfast::crashlab
