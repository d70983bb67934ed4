// holdfast log: what lies in the log files beside a database, batch by batch. Reads the files
// themselves, so it shows what recovery would find and changes nothing.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <string>

#include "engine/base/environment.h"
#include "engine/file/meta_store.h"
#include "recovery/log_dump.h"
#include "tools/interrupt.h"
#include "tools/json_output.h"
#include "tools/opening.h"
#include "tools/text_bytes.h"
#include "tools/verbs.h"
#include "tools/wording.h"

namespace holdfast::tools {
namespace {

const char* state_name(FoundSegment::State state) {
  switch (state) {
    case FoundSegment::State::kSound:
      return "sound";
    case FoundSegment::State::kForeign:
      return "of another database";
    case FoundSegment::State::kBadHeader:
      return "bad header";
    case FoundSegment::State::kEmpty:
      return "empty";
  }
  return "unknown";
}

std::string time_text(std::uint64_t wall_us) {
  const std::chrono::sys_time<std::chrono::microseconds> time{std::chrono::microseconds(wall_us)};
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", std::chrono::floor<std::chrono::seconds>(time));
}

std::string text_of(const DumpedSegment& segment) {
  std::string text = fmt::format("{}: {}, {}", segment.path, state_name(segment.state),
                                 counted(segment.bytes, "byte"));
  if (segment.state == FoundSegment::State::kSound) {
    const SegmentHeader& header = segment.header;
    text +=
        fmt::format(", epoch {}, from LSN {}, after transaction {}, made {}", raw(header.ref.epoch),
                    raw(header.ref.start), raw(header.txn), time_text(header.wall_us));
    if (segment.bad_copies != 0) text += ", one copy of its header is bad";
  }
  return text + "\n";
}

std::string json_of(const DumpedSegment& segment) {
  JsonObject line;
  line.text("type", "segment").text("file", segment.path).text("state", state_name(segment.state));
  line.number("bytes", segment.bytes).number("bad_header_copies", segment.bad_copies);
  if (segment.state == FoundSegment::State::kSound) {
    const SegmentHeader& header = segment.header;
    line.number("epoch", raw(header.ref.epoch)).number("start_lsn", raw(header.ref.start));
    line.number("after_transaction", raw(header.txn)).text("time", time_text(header.wall_us));
    line.number("durable_transaction", raw(header.durable_txn));
  }
  return line.line();
}

std::string flags_text(std::uint32_t flags) {
  std::string text;
  if ((flags & kCommit) != 0) text += " commit";
  if ((flags & kContinues) != 0) text += " continues";
  if ((flags & kMark) != 0) text += " mark";
  return text;
}

bool has_header(const DumpedBatch& batch) {
  return batch.ahead != Ahead::kNothing && batch.ahead != Ahead::kJunk;
}

std::string text_of(const DumpedBatch& batch) {
  if (!has_header(batch)) {
    return fmt::format("  offset {}: {}\n", batch.offset,
                       batch.finding.empty() ? "end" : batch.finding);
  }
  const BatchHeader& header = batch.header;
  std::string text = fmt::format("  offset {}: transaction {},{} {}", batch.offset, raw(header.txn),
                                 flags_text(header.flags), counted(header.payload_bytes, "byte"));
  text += fmt::format(", {}, {}, {}, {}", counted(batch.edits, "edit list"),
                      counted(batch.images, "image"), counted(batch.places, "place"),
                      counted(batch.frees, "free"));
  if (!batch.finding.empty()) text += ": " + batch.finding;
  return text + "\n";
}

std::string json_of(const DumpedBatch& batch) {
  JsonObject line;
  line.text("type", "batch").text("file", batch.path).number("offset", batch.offset);
  line.text("found", ahead_name(batch.ahead));
  if (has_header(batch)) {
    const BatchHeader& header = batch.header;
    line.number("lsn", raw(header.lsn)).number("transaction", raw(header.txn));
    line.number("payload_bytes", header.payload_bytes);
    line.flag("commit", (header.flags & kCommit) != 0);
    line.flag("continues", (header.flags & kContinues) != 0);
    line.flag("mark", (header.flags & kMark) != 0);
    line.number("durable_transaction", raw(header.durable_txn));
    line.text("time", time_text(header.wall_us));
    line.number("edits", batch.edits).number("images", batch.images);
    line.number("places", batch.places).number("frees", batch.frees);
  }
  if (!batch.finding.empty()) line.text("finding", batch.finding);
  return line.line();
}

// Says which database this is, and which log file must lie beside it, if one must.
Result<Meta> read_meta(StorageFile& file) {
  // The lock keeps a writer away while we read; nobody else's reading is disturbed.
  if (auto locked = file.lock(LockMode::kShared); !locked) return std::unexpected(locked.error());
  auto metas = MetaStore::open(file);
  if (!metas) return std::unexpected(metas.error());
  return metas->meta();
}

bool is_named_by(const Meta& meta, const DumpedSegment& segment) {
  const SegmentRef& ref = segment.header.ref;
  return segment.state == FoundSegment::State::kSound && ref.epoch == meta.segment_epoch &&
         ref.salt == meta.segment_salt && ref.start == meta.segment_start;
}

// What the list ends with when it has told too little.
ExitCode last_word(const Meta& meta, bool named_seen, bool any_seen, const Arguments& args,
                   Console& console) {
  if (meta.log_beside && !named_seen) {
    const Error missing(
        ErrorCode::kDamaged,
        fmt::format("the database was not closed, and the log file of epoch {} that starts at LSN "
                    "{} is not beside it, or its header is bad; bring all files back that lay "
                    "beside the database",
                    raw(meta.segment_epoch), raw(meta.segment_start)),
        {.file = args.database, .offset = {}, .page = {}, .tree = {}, .txn = {}});
    return console.fail(missing);
  }
  if (!any_seen && !args.json) {
    console.out().write("There is no log: the database was closed, and all is in its file.\n");
  }
  return ExitCode::kDone;
}

}  // namespace

ExitCode run_log(const Arguments& args, Console& console) {
  Storage& storage = *system_environment().storage;
  auto file = storage.open(args.database, FileMode::kReadOnly);
  if (!file) return explain_open_failure(file.error(), console);
  const auto meta = console.check(read_meta(**file));
  if (!meta) return meta.error();

  bool named_seen = false;
  bool any_seen = false;
  LogDumpTarget target;
  target.segment = [&](const DumpedSegment& segment) {
    any_seen = true;
    named_seen = named_seen || is_named_by(*meta, segment);
    console.out().write(args.json ? json_of(segment) : text_of(segment));
  };
  target.batch = [&](const DumpedBatch& batch) {
    if (!interrupted()) console.out().write(args.json ? json_of(batch) : text_of(batch));
  };
  auto dumped = dump_log(storage, args.database, meta->uuid, target);
  if (interrupted()) return ExitCode::kInterrupted;
  if (!dumped) return console.fail(dumped.error());
  return last_word(*meta, named_seen, any_seen, args, console);
}

}  // namespace holdfast::tools
