// A batch is kept in memory until its commit, so that one that turns out too large for the cache
// (scattered keys touch a page each) can be committed in halves instead.
#include "tools/loader.h"

#include <fmt/format.h>

#include <utility>

#include "engine/base/limits.h"
#include "tools/interrupt.h"
#include "tools/wording.h"

namespace holdfast::tools {
namespace {

InputStop stop_for(const Error& error, std::uint64_t line) {
  // A limit that a record passes is a fault of the input, not of the command line.
  const bool of_record = error.code() == ErrorCode::kLimitExceeded && line != 0;
  const ExitCode code = of_record ? ExitCode::kFailed : exit_code_for(error.code());
  return {code,
          line == 0 ? error.to_string() : fmt::format("Line {}: {}", line, error.to_string())};
}

Result<Tree> tree_named(WriteTransaction& writer, const std::string& name) {
  if (name.empty()) return Tree{};
  return writer.open_or_create_tree(name);
}

}  // namespace

std::string source_of(const Arguments& args) {
  return args.input == "-" ? "" : args.input + ": ";
}

ExitCode Loader::run(RecordReader& reader) {
  const auto done = args_.atomic ? load_atomically(reader) : load_all(reader);
  progress_.wipe();
  if (done) return ExitCode::kDone;
  return console_.fail(done.error().code,
                       source_of(args_) + done.error().sentence + " " + outcome());
}

std::string Loader::outcome() const {
  if (args_.atomic) return "Nothing was changed.";
  return fmt::format("Committed before that: {}.", counted(committed_, "record"));
}

void Loader::show_progress() {
  if (progress_.due())
    progress_.show(fmt::format("{} records read, {} committed", read_, committed_));
}

Loader::Done Loader::begin_section(const std::string& database) {
  ++sections_;
  if (args_.tree && sections_ > 1) {
    return std::unexpected(InputStop{
        ExitCode::kUsage,
        fmt::format("The input has a second section, for \"{}\", but --tree names one tree for "
                    "all: leave out --tree, or load the sections one by one.",
                    database)});
  }
  tree_ = args_.tree.value_or(database);
  tree_made_ = false;
  return {};
}

Loader::Done Loader::load_all(RecordReader& reader) {
  std::string database;
  for (;;) {
    auto more = reader.next_section(database);
    if (!more) return std::unexpected(more.error());
    if (!*more) return {};
    if (auto begun = begin_section(database); !begun) return begun;
    if (auto loaded = load_section(reader); !loaded) return loaded;
  }
}

Loader::Done Loader::load_section(RecordReader& reader) {
  Record record;
  for (;;) {
    if (interrupted()) return std::unexpected(InputStop{ExitCode::kInterrupted, "Interrupted."});
    auto more = reader.next_record(record);
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    ++read_;
    batch_bytes_ += record.key.size() + record.value.size();
    batch_.push_back(std::move(record));
    if (batch_.size() >= args_.commit_every || batch_bytes_ >= args_.cache_bytes / 8) {
      if (auto done = commit_batch(); !done) return done;
    }
    show_progress();
  }
  const bool tree_missing = !tree_made_ && !tree_.empty();  // An empty tree is a tree too.
  if (batch_.empty() && !tree_missing) return {};
  return commit_batch();
}

Loader::Done Loader::commit_batch() {
  auto done = commit_records(0, batch_.size());
  batch_.clear();
  batch_bytes_ = 0;
  return done;
}

Loader::Done Loader::commit_records(std::size_t begin, std::size_t end) {
  auto writer = database_.begin_write();
  if (!writer) return std::unexpected(stop_for(writer.error(), 0));
  auto tree = tree_named(*writer, tree_);
  if (!tree) return std::unexpected(stop_for(tree.error(), 0));
  Error failure(ErrorCode::kInternal, "");
  std::size_t at = begin;
  for (; at < end; ++at) {
    auto put_in = writer->put(*tree, batch_[at].key, batch_[at].value);
    if (!put_in) {
      failure = put_in.error();
      break;
    }
  }
  if (at == end) {
    auto token = writer->commit();
    if (token) {
      tree_made_ = true;
      committed_ += end - begin;
      ++commits_;
      return {};
    }
    failure = token.error();
    at = begin;
  }
  if (failure.code() == ErrorCode::kLimitExceeded && end - begin > 1) {
    writer->abort();
    const std::size_t middle = begin + (end - begin) / 2;
    if (auto first = commit_records(begin, middle); !first) return first;
    return commit_records(middle, end);
  }
  const Record* record = at < end ? &batch_[at] : nullptr;
  InputStop stop = stop_for(failure, record == nullptr ? 0 : record->line);
  stop.sentence += remedy(failure, record);
  return std::unexpected(std::move(stop));
}

Loader::Done Loader::load_atomically(RecordReader& reader) {
  auto writer = database_.begin_write();
  if (!writer) return std::unexpected(stop_for(writer.error(), 0));
  std::string database;
  Record record;
  for (;;) {
    auto section = reader.next_section(database);
    if (!section) return std::unexpected(section.error());
    if (!*section) break;
    if (auto begun = begin_section(database); !begun) return begun;
    auto tree = tree_named(*writer, tree_);
    if (!tree) return std::unexpected(stop_for(tree.error(), 0));
    if (args_.sorted) {
      if (auto loaded = load_sorted(*writer, *tree, reader); !loaded) return loaded;
      continue;
    }
    for (;;) {
      if (interrupted()) return std::unexpected(InputStop{ExitCode::kInterrupted, "Interrupted."});
      auto more = reader.next_record(record);
      if (!more) return std::unexpected(more.error());
      if (!*more) break;
      ++read_;
      if (auto put_in = put(*writer, *tree, record); !put_in) return put_in;
      show_progress();
    }
  }
  auto token = writer->commit();
  if (!token) return std::unexpected(stop_for(token.error(), 0));
  committed_ = read_;
  commits_ = 1;
  return {};
}

// A section's records as one bulk load.
Loader::Done Loader::load_sorted(WriteTransaction& writer, Tree tree, RecordReader& reader) {
  Record record;
  InputStop stop;
  bool stopped = false;
  const auto stop_at = [&](InputStop why) {
    stop = std::move(why);
    stopped = true;
    return std::unexpected(Error(ErrorCode::kCancelled, "the input has stopped"));
  };
  const auto loaded = writer.bulk_load(tree, [&]() -> Result<std::optional<KeyValue>> {
    if (interrupted()) return stop_at({ExitCode::kInterrupted, "Interrupted."});
    auto more = reader.next_record(record);
    if (!more) return stop_at(more.error());
    if (!*more) return std::optional<KeyValue>();
    ++read_;
    show_progress();
    return std::optional<KeyValue>(KeyValue{record.key, record.value});
  });
  if (loaded) return {};
  if (stopped) return std::unexpected(std::move(stop));
  InputStop refused = stop_for(loaded.error(), record.line);
  // What is out of order is a fault of the input, as a limit is.
  if (loaded.error().code() == ErrorCode::kInvalidArgument) {
    refused.code = ExitCode::kFailed;
    refused.sentence += " Sort it by the keys' bytes, or leave out --sorted.";
  }
  refused.sentence += remedy(loaded.error(), &record);
  return std::unexpected(std::move(refused));
}

Loader::Done Loader::put(WriteTransaction& writer, Tree tree, const Record& record) const {
  auto put_in = writer.put(tree, record.key, record.value);
  if (put_in) return {};
  InputStop stop = stop_for(put_in.error(), record.line);
  stop.sentence += remedy(put_in.error(), &record);
  return std::unexpected(std::move(stop));
}

// What to do when it is the cache that is too small, and not a key too long.
std::string Loader::remedy(const Error& error, const Record* record) const {
  if (error.code() != ErrorCode::kLimitExceeded) return "";
  const std::size_t key_bytes_max = max_key_bytes(database_.stats().page_size);
  if (record != nullptr && record->key.size() > key_bytes_max) return "";
  return args_.atomic ? " Give more with --cache, or leave out --atomic and --sorted."
                      : " Give more with --cache.";
}

}  // namespace holdfast::tools
