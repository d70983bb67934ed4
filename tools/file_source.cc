#include "tools/file_source.h"

#include <span>
#include <utility>

#include "engine/base/result.h"
#include "server/reports.h"
#include "tools/interrupt.h"

namespace holdfast::tools {
namespace {

Result<void> cancelled() {
  return fail(ErrorCode::kCancelled, "interrupted");
}

// False: no more is wanted.
Result<bool> read_value(const ValueReader& value, std::string& buffer, const PieceSink& piece) {
  buffer.resize(kValueAtOnce);
  for (std::uint64_t at = 0; at < value.size();) {
    if (interrupted()) TRY(cancelled());
    const std::size_t got = TRY(value.read(at, std::as_writable_bytes(std::span(buffer))));
    if (!piece(std::string_view(buffer).substr(0, got))) return false;
    at += got;
  }
  return true;
}

class FileSource final : public Source {
 public:
  FileSource(Database database, ReadTransaction reader)
      : database_(std::move(database)), reader_(std::move(reader)) {}

  Result<void> find_tree(std::string_view tree) override {
    TRY(reader_.open_tree(tree));
    return {};
  }
  Result<bool> contains(std::string_view tree, std::string_view key) override {
    return reader_.contains(TRY(reader_.open_tree(tree)), key);
  }
  Result<bool> get(std::string_view tree, std::string_view key, const PieceSink& piece) override {
    const Tree found = TRY(reader_.open_tree(tree));
    const auto value = TRY(reader_.open_value(found, key));
    if (!value) return false;
    TRY(read_value(*value, buffer_, piece));
    return true;
  }
  Result<void> scan(std::string_view tree, const Range& range, RecordSink& sink) override;
  Result<std::vector<TreeInfo>> trees() override { return reader_.trees(); }
  Result<Summary> summary() override {
    Summary summary;
    summary.database =
        wire::database_item(database_.path(), database_.stats(), database_.recovery(), false);
    summary.trees = TRY(reader_.trees());
    return summary;
  }

 private:
  static Result<bool> go_to_start(Cursor& cursor, const Range& range);
  Result<bool> tell(Cursor& cursor, const Range& range, RecordSink& sink);

  Database database_;
  ReadTransaction reader_;
  std::string buffer_;
};

Result<bool> FileSource::go_to_start(Cursor& cursor, const Range& range) {
  if (!range.reverse) return cursor.seek(range.from);
  if (!range.to) return cursor.last();
  const bool on = TRY(cursor.seek_at_or_before(*range.to));
  return on && cursor.key() == *range.to ? cursor.prev() : on;
}

// A long value isn't read as a whole; of a record with another nothing is told if it can't be read.
Result<bool> FileSource::tell(Cursor& cursor, const Range& range, RecordSink& sink) {
  const std::uint64_t bytes = range.keys_only ? 0 : TRY(cursor.value_size());
  if (bytes <= kValueAtOnce) {
    const std::string_view value = bytes == 0 ? "" : TRY(cursor.value());
    return sink.begin(cursor.key(), bytes) && sink.value(value) && sink.end();
  }
  const ValueReader value = TRY(cursor.open_value());
  const auto piece = [&sink](std::string_view bytes_read) { return sink.value(bytes_read); };
  return sink.begin(cursor.key(), bytes) && TRY(read_value(value, buffer_, piece)) && sink.end();
}

Result<void> FileSource::scan(std::string_view tree, const Range& range, RecordSink& sink) {
  const Tree found = TRY(reader_.open_tree(tree));
  Cursor cursor = TRY(reader_.cursor(found));
  std::uint64_t told = 0;
  bool on = TRY(go_to_start(cursor, range));
  while (on && cursor.key() >= range.from && (!range.to || cursor.key() < *range.to) &&
         (!range.limit || told < *range.limit)) {
    if (interrupted()) return cancelled();
    if (!TRY(tell(cursor, range, sink))) return {};
    ++told;
    on = TRY(range.reverse ? cursor.prev() : cursor.next());
  }
  return {};
}

}  // namespace

std::unique_ptr<Source> source_of(Database database, ReadTransaction reader) {
  return std::make_unique<FileSource>(std::move(database), std::move(reader));
}

}  // namespace holdfast::tools
