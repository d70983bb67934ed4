// Many keys looked up at once: searches go down the tree in step, each asking for its next page
// while the others search, so that waits for memory overlap, and those for storage too. (The
// technique is group prefetching, Chen, Gibbons and Mowry 2001.)
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/tree/page_source.h"
#include "engine/tree/tree.h"

namespace holdfast {

// values[i] becomes the value of keys[i], or nothing; as many of the one as of the other. Pages
// that are not in memory are read in sets, a level at a time. Errors as of tree_get(); then some
// are set.
Result<void> tree_get_many(PageSource& source, TreeRef tree, std::span<const std::string_view> keys,
                           std::span<std::optional<std::string>> values);

}  // namespace holdfast
