// verify(): every check there is, as findings.
//
//   trees from the catalog down and what is dying of them, as of a snapshot -> pages that no tree
//   reaches -> each page and map page on disk against what vouches for it -> slots used twice ->
//   record counts -> the log
//
// Readers and the writer go on meanwhile. A page that changes under the check is looked at again
// and only reported if what vouches for it stayed the same.
#include "engine/base/result.h"
#include "engine/database_impl.h"
#include "engine/verification.h"
#include "recovery/log_check.h"

namespace holdfast {

Result<VerifyReport> DatabaseImpl::verify(const VerifyOptions& options) {
  VerifyReport report;
  const auto begun = environment_.clock->now();
  TRY(must_be_open());
  if (auto error = poisoned()) return std::unexpected(*error);
  const Verification::Parts parts{file_.get(),  environment_.storage, map_.get(),
                                  slots_.get(), cache_.get(),         &ids_};
  SlotClaim slot(cache_->readers(), TRY(cache_->readers().claim()));
  Verification verification(parts, std::move(slot), TxnNumber{last_returned_.load()}, options,
                            report);
  TRY(verification.check_trees());
  TRY(verification.check_reach());
  TRY(verification.check_pages_on_disk());
  for (const KeptCheckpoint& kept : kept_checkpoints()) {
    const auto reading = KeptReading::begin(*this, kept.id);
    if (!reading) continue;  // Released by now.
    TRY(verification.check_kept(reading->meta()));
  }
  {
    MutexLock lock(checkpoint_mutex_);
    if (checkpoint_ != nullptr) TRY(run_checkpoint());
    verification.check_map_pages();
    TRY(verification.check_slots());
    MetaStore metas = TRY(MetaStore::open(*file_));
    if (metas.bad_copies() != 0) {
      verification.findings().add(
          {"meta_copy",
           std::to_string(metas.bad_copies()) +
               " copy of the newest meta block is bad; the next write mends it",
           {},
           {},
           {},
           {},
           {}});
    }
    if (metas.meta().log_beside) {
      const LogWriter* log = log_.load();
      const LogPosition durable = log == nullptr ? opened_place_.end : log->durable_position().end;
      const Meta& meta = metas.meta();
      const LogStart start{{meta.segment_epoch, meta.segment_salt, meta.segment_start},
                           {meta.log_lsn, meta.log_chain, meta.txn},
                           meta.epoch,
                           {meta.epoch, meta.epoch_salt, meta.epoch_start}};
      auto checked = check_log(*environment_.storage, path_, meta.uuid, start, durable);
      if (!checked) {
        verification.findings().add("log", checked.error());
      } else {
        report.log_bytes_checked = checked->bytes_checked;
        for (const LogDamage& damage : checked->damage) {
          verification.findings().add(
              {"log_damage",
               damage.reason + (damage.evidence.empty() ? "" : "; " + damage.evidence),
               damage.place.file,
               damage.place.offset,
               {},
               {},
               damage.place.txn});
        }
      }
    }
  }
  report.seconds = std::chrono::duration<double>(environment_.clock->now() - begun).count();
  return report;
}

}  // namespace holdfast
