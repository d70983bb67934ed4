#include "fuzz/lab/short_sweep.h"

#include <span>

namespace holdfast {

PointLimits ShortSweep::limits() {
  return {.images = 256,
          .inside = true,
          .nested = 1,
          .nested_every = 16,
          .nested_images = 8,
          .deeper_every = 16};
}

ShortSweep::ShortSweep(SeenImages& nested, DiskKind disk, const PointLimits& limits)
    : disk_(disk), shared_{{}, &nested}, points_(workload_, shared_, limits) {}

// 0 where there was none, so that every moment of the beginning is tried too.
std::uint64_t ShortSweep::changes_before_the_last_op(std::string_view name) {
  if (workload_.ops.size() == ops_before(name)) return 0;
  begin(stage_, workload_);
  stage_.database.open();
  for (const Op& op : std::span(workload_.ops).first(workload_.ops.size() - 1)) {
    stage_.database.apply(op);
  }
  const std::uint64_t changes = stage_.disk.changes();
  stage_.database.stop();
  return changes + 1;
}

std::optional<PointFailure> ShortSweep::run(std::string_view name) {
  workload_ = *short_workload(name);
  put_on(workload_, disk_);
  shared_.recovered.clear();
  const std::uint64_t last = changes_of(stage_, workload_);
  for (std::uint64_t moment = changes_before_the_last_op(name); moment <= last; ++moment) {
    if (auto failure = points_.run(moment)) return failure;
  }
  return std::nullopt;
}

}  // namespace holdfast
