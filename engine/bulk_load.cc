// A bulk load within a write transaction: asks for records, and makes room between leaves.
#include "engine/tree/bulk_load.h"

#include <string>

#include "engine/base/result.h"
#include "engine/transaction_state.h"

namespace holdfast {

Result<std::uint64_t> WriteState::bulk_load(Tree tree, const RecordSource& next,
                                            unsigned fill_percent) {
  if (fill_percent < 50 || fill_percent > 100) {
    return fail(ErrorCode::kInvalidArgument,
                "pages can be filled to 50 to 100 percent, not to " + std::to_string(fill_percent));
  }
  view_.note_growth();
  const TreeRef ref = TRY(resolve(tree));
  TRY(view_.make_room_for_change());
  BulkLoader loader(view_, ref, fill_percent);
  for (;;) {
    const std::uint64_t pages = loader.pages();
    const std::uint64_t changes = view_.change_count();
    const auto record = TRY(next());
    if (view_.change_count() != changes) {
      return fail(ErrorCode::kInvalidArgument,
                  "the source of a bulk load has changed the transaction that it loads into");
    }
    if (!record) break;
    TRY(loader.add(record->key, record->value));
    if (loader.pages() != pages) TRY(view_.make_room_for_change());
  }
  TRY(loader.finish());
  note_records(ref.id, static_cast<std::int64_t>(loader.records()));
  return loader.records();
}

}  // namespace holdfast
