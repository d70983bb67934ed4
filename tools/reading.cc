// Begins the read transaction of a read verb.
#include "tools/reading.h"

#include <utility>

namespace holdfast::tools {

Step<TreeView> view_tree(Database& database, const Arguments& args, Console& console) {
  auto reader = console.check(database.begin_read());
  if (!reader) return std::unexpected(reader.error());
  auto tree = console.check(reader->open_tree(args.tree.value_or("")));
  if (!tree) return std::unexpected(tree.error());
  return TreeView{std::move(*reader), *tree};
}

}  // namespace holdfast::tools
