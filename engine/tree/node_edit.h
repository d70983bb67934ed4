// Changes of one entry in place: a handful of small edits each, so that their redo is little more
// than the record. Those that answer bool change nothing when they answer false (no room in the
// gap).
//
// Indices and `record` must fit the view, which must be of the editor's page and is stale
// afterwards. Suffixes are what follows the node's prefix.
#pragma once

#include <cstdint>

#include "engine/page/edit.h"
#include "engine/tree/node_view.h"

namespace holdfast {

// The editor's page as a node of this tree.
Result<NodeView> view_of(TreeId tree, const Editor& editor);

bool insert_entry(Editor& editor, const NodeView& node, std::uint32_t index, const Record& record);

// `was` is the entry's present record. Its suffix may change too, if order allows.
bool replace_entry(Editor& editor, const NodeView& node, std::uint32_t index, const Record& was,
                   const Record& record);

void erase_entry(Editor& editor, const NodeView& node, std::uint32_t index, const Record& was);

// Drops the entries from `keep` on and moves the records together, so that there is no garbage.
// Moves cost a few bytes of redo each where a page laid out anew costs all of it. False, and
// nothing is changed, when the records don't lie as a sound node's do.
bool pack_entries(Editor& editor, const NodeView& node, std::uint32_t keep);

// Of an inner node.
void set_child(Editor& editor, const Record& was, PageId child);

}  // namespace holdfast
