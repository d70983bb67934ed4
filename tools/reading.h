// A read verb's view of one tree: the transaction and the tree, opened together.
#pragma once

#include "holdfast/database.h"
#include "tools/args.h"
#include "tools/console.h"

namespace holdfast::tools {

struct TreeView {
  ReadTransaction reader;
  Tree tree;
};

// The newest state and the tree that `args` name; an unknown tree is ExitCode::kNotFound.
Step<TreeView> view_tree(Database& database, const Arguments& args, Console& console);

}  // namespace holdfast::tools
