// Creating: the first state is built under a temporary name and gets its real one when it is
// complete and durable, so no crash leaves half a database. Nothing is created where a log shows
// that a database should be.
#include "engine/base/boundary.h"
#include "engine/base/result.h"
#include "engine/database_impl.h"
#include "engine/new_file.h"
#include "engine/txn/catalog.h"

namespace holdfast {

namespace {

constexpr int kCreationAttempts = 16;

}  // namespace

Result<void> DatabaseImpl::create_file() {
  TRY(refuse_beside_a_log(*environment_.storage, path_));
  remove_stale(*environment_.storage, path_);
  for (int attempt = 0; attempt < kCreationAttempts; ++attempt) {
    if (TRY(try_to_create())) return {};
  }
  return fail(ErrorCode::kBusy, "others are creating this database at the same time; try again",
              {.file = path_, .offset = {}, .page = {}, .tree = {}, .txn = {}});
}

// False when another creation took our file, which wasn't locked yet, for one left behind.
Result<bool> DatabaseImpl::try_to_create() {
  Storage& storage = *environment_.storage;
  const std::string temporary = temporary_name(path_, *environment_.random);
  file_ = TRY(storage.open(temporary, FileMode::kCreateNew));
  auto written = at_boundary([&]() -> Result<void> {
    TRY(file_->lock(LockMode::kExclusive));
    return write_first_state();
  });
  cache_.reset();
  map_.reset();
  slots_.reset();
  meta_.reset();
  ids_.reset();
  auto renamed = at_boundary(
      [&] { return written ? storage.rename(temporary, path_, false) : std::move(written); });
  file_.reset();
  if (renamed) {
    TRY(storage.sync_directory(directory_of(path_)));
    return true;
  }
  auto removed = at_boundary([&] { return storage.remove(temporary); });
  if (!removed && removed.error().code() != ErrorCode::kNotFound)
    report_.notes.push_back(removed.error().to_string());
  const ErrorCode code = renamed.error().code();
  // Somebody else was faster: theirs is opened.
  if (code == ErrorCode::kAlreadyExists && options_.mode == OpenMode::kCreate) return true;
  if (code == ErrorCode::kBusy || code == ErrorCode::kNotFound) return false;
  return std::unexpected(renamed.error());
}

Result<void> DatabaseImpl::write_first_state() {
  Meta meta;
  meta.page_size = options_.page_size;
  meta.uuid = environment_.random->bytes16();
  meta.creator = std::string("holdfast ") + version();
  meta_ = MetaStore::blank(*file_);
  TRY(attach(meta, TxnNumber{0}, 1, 0));
  {
    SlotClaim slot(cache_->readers(), TRY(cache_->readers().claim()));
    WriteView view(*cache_, std::move(slot), ids_, TxnNumber{1},
                   [](std::uint32_t) { return Result<void>(); });
    TRY(catalog_create(view));
    std::vector<WrittenPage> pages;
    for (const WriteView::PrivatePage& page : view.pages())
      pages.push_back({page.page, page.frame, page.fresh, page.base, kNoSlot, 0});
    const std::uint32_t needed = cache_->slots_for(pages, view.freed());
    TRY(slots_->reserve(needed, SlotSpace::Use::kEmergency));
    const std::uint32_t used = TRY(cache_->publish(pages, view.freed(), TxnNumber{1}, [] {}));
    slots_->unreserve(needed - used);
    view.hand_over();
  }
  cache_->became_durable(TxnNumber{1});
  opened_place_ = {{Lsn{0}, 0, TxnNumber{1}}, {}};
  SlotClaim slot(cache_->readers(), TRY(cache_->readers().claim()));
  Checkpoint checkpoint({environment_.storage, file_.get(), slots_.get(), map_.get(), cache_.get()},
                        std::move(slot));
  TRY(checkpoint.begin([this] { return opened_place_; }));
  while (TRY(checkpoint.step())) {
  }
  slots_->release_unused(std::vector<bool>(1));
  meta.txn = TxnNumber{1};
  auto write_metas = [&](const Checkpoint& done) -> Result<void> {
    meta.map_root = done.map_root();
    meta.map_height = done.map_height();
    meta.id_high_water = ids_.high_water();
    meta.slot_high_water = slots_->high_water();
    meta.pages = static_cast<std::uint64_t>(done.pages_gained());
    TRY(meta_->write(meta));
    return meta_->write(meta);
  };
  TRY(checkpoint.publish(write_metas));
  TRY(slots_->close_up());
  return file_->sync();
}

}  // namespace holdfast
