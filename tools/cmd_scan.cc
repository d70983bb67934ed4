// holdfast scan: records of a range, forward or backward.
#include <string>

#include "holdfast/cursor.h"
#include "tools/interrupt.h"
#include "tools/json_output.h"
#include "tools/source.h"
#include "tools/text_bytes.h"
#include "tools/verbs.h"

namespace holdfast::tools {
namespace {

// What --from, --to and --prefix have in common.
Range wanted_range(const Arguments& args) {
  Range range{args.from.value_or(""), args.to, args.reverse, args.keys_only, args.limit};
  if (args.prefix) {
    if (*args.prefix > range.from) range.from = *args.prefix;
    const auto end = prefix_end(*args.prefix);
    if (end && (!range.to || *end < *range.to)) range.to = end;
  }
  return range;
}

// key TAB value, as the bytes come.
class TextLines final : public RecordSink {
 public:
  TextLines(Output& out, bool keys_only) : out_(out), keys_only_(keys_only) {}
  bool begin(std::string_view key, std::uint64_t) override {
    text_.clear();
    append_escaped(text_, key);
    if (!keys_only_) text_ += '\t';
    return out_.write(text_);
  }
  bool value(std::string_view piece) override {
    text_.clear();
    append_escaped(text_, piece);
    return out_.write(text_);
  }
  bool end() override { return out_.write("\n"); }

 private:
  Output& out_;
  bool keys_only_;
  std::string text_;
};

class JsonLines final : public RecordSink {
 public:
  JsonLines(Output& out, bool keys_only) : out_(out), keys_only_(keys_only) {}
  bool begin(std::string_view key, std::uint64_t) override {
    key_ = key;
    value_.clear();
    return true;
  }
  bool value(std::string_view piece) override {
    value_ += piece;
    return true;
  }
  bool end() override {
    JsonObject record;
    record.bytes("key", key_);
    if (!keys_only_) record.bytes("value", value_);
    return out_.write(record.line());
  }

 private:
  Output& out_;
  bool keys_only_;
  std::string key_;
  std::string value_;
};

}  // namespace

ExitCode run_scan(const Arguments& args, Console& console) {
  auto source = open_source(args, console);
  if (!source) return source.error();
  TextLines text(console.out(), args.keys_only);
  JsonLines json(console.out(), args.keys_only);
  RecordSink& lines = args.json ? static_cast<RecordSink&>(json) : text;
  auto scanned = console.check((*source)->scan(args.tree.value_or(""), wanted_range(args), lines));
  return scanned ? ExitCode::kDone : scanned.error();
}

}  // namespace holdfast::tools
