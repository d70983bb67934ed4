// The words and options of backup, restore and kept, for args.cc.
#pragma once

#include "tools/args.h"

namespace CLI {
class App;
}

namespace holdfast::tools {

void add_backup_words(CLI::App& verb, Arguments& args);
void add_restore_words(CLI::App& verb, Arguments& args);
void add_kept_words(CLI::App& verb, Arguments& args);

}  // namespace holdfast::tools
