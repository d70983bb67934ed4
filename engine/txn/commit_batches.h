// A transaction's redo as the batches that the log takes.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/txn/write_view.h"

namespace holdfast {

using Batches = std::vector<std::vector<std::byte>>;

// Drops copies that were never changed from `view` and encodes the rest. kInternal when an edit was
// impossible. With HOLDFAST_CHECK_REDO every edit list is replayed on its base and compared.
Result<Batches> encode_batches(WriteView& view, PageCache& cache);

}  // namespace holdfast
