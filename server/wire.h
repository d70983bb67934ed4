// What a client and the owner of a database say to each other over its socket, byte for byte.
//
//   client   hello           request                              request
//   owner           hello             data* progress* … done|error         data* …
//
// The client begins. It asks one thing at a time, and may ask the next when it has the answer's
// `done`. Every state of trees and records that it is shown on one connection is the same snapshot.
// After an `error` the owner takes no more requests. Whoever has enough closes the connection: that
// ends whatever the owner is doing for it.
//
// Everything is in frames; numbers are little-endian:
//
//   0                4      5      8
//   +----------------+------+------+----------------------+
//   | payload bytes  | kind | 0  0 | payload              |      a client's: at most 32 KiB
//   +----------------+------+------+----------------------+      the owner's:  at most 64 KiB
//
// hello      Hello, then the library's name and version as text. Its layout is for ever: whatever
//            versions meet, each learns the other's. When they differ nothing else follows.
// get        GetRequest, tree, key
// scan       ScanRequest, tree, from, to
// trees      nothing
// stat       nothing
// check      CheckRequest
// backup     BackupRequest
// kept       nothing
// progress   ProgressHead, stage, unit; at least once a second while an answer takes its time
// error      one item, as below
// done       nothing
//
// The payloads of an answer's data frames, put together, are one stream, cut anywhere:
//
//   get      nothing where there is no such key; else ValueHead, and the value unless kOnlyWhether
//   scan     for each record RecordHead, the key, and the value unless kKeysOnly
//   backup   the backup's stream in chunks, each ChunkHead and as many bytes; one of none; items
//   others   items
//
// An item is a list of fields, each a name with a number or a text. A reader passes over names that
// it doesn't know, and over kinds of items too; so counters may come without a new version.
//
//   ItemHead | FieldHead, name, text | FieldHead, name, text | …
//
// Names of an item of kind kError: code, message, file, offset, page, tree, transaction. Those of
// the others are the names of --json, in docs/CLI.md.
#pragma once

#include <cstddef>
#include <cstdint>

namespace holdfast::wire {

inline constexpr std::uint32_t kVersion = 1;
inline constexpr char kMagic[8] = {'h', 'o', 'l', 'd', 'f', 'a', 's', 't'};

inline constexpr std::uint32_t kRequestMost = 32 << 10;  // Of a client's payload.
inline constexpr std::uint32_t kAnswerMost = 64 << 10;   // Of the owner's.
inline constexpr std::uint32_t kItemMost = 1 << 20;      // Fields of one item.
inline constexpr std::uint32_t kTextMost = 16 << 10;     // Of a field; more is cut off.
inline constexpr std::uint32_t kHelloTextMost = 256;

enum class Kind : std::uint8_t {
  kHello = 1,  // Both.
  kGet = 2,
  kScan = 3,
  kTrees = 4,
  kStat = 5,
  kCheck = 6,
  kBackup = 7,
  kKept = 8,
  kData = 64,  // The owner's, from here on.
  kProgress = 65,
  kDone = 66,
  kError = 67,
};

struct FrameHead {
  std::uint32_t bytes;  // Of the payload.
  Kind kind;
  std::uint8_t zero[3];
};
static_assert(sizeof(FrameHead) == 8 && offsetof(FrameHead, kind) == 4);

struct Hello {
  char magic[8];
  std::uint32_t version;
  std::uint32_t text_bytes;
  std::uint64_t device;  // The owner's: of the database file, as stat() says. A client's: 0.
  std::uint64_t inode;
};
static_assert(sizeof(Hello) == 32 && offsetof(Hello, version) == 8 &&
              offsetof(Hello, device) == 16);

struct GetRequest {
  std::uint32_t tree_bytes;  // 0: the default tree.
  std::uint32_t key_bytes;
  std::uint32_t flags;
  std::uint32_t zero;
};
inline constexpr std::uint32_t kOnlyWhether = 1;
static_assert(sizeof(GetRequest) == 16 && offsetof(GetRequest, flags) == 8);

struct ScanRequest {
  std::uint32_t tree_bytes;
  std::uint32_t from_bytes;
  std::uint32_t to_bytes;  // The first key that isn't wanted, if there is kHasTo.
  std::uint32_t flags;
  std::uint64_t limit;  // Records at most.
};
inline constexpr std::uint32_t kHasTo = 1, kReverse = 2, kKeysOnly = 4;
static_assert(sizeof(ScanRequest) == 24 && offsetof(ScanRequest, limit) == 16);

struct CheckRequest {
  std::uint64_t findings_max;
};
static_assert(sizeof(CheckRequest) == 8);

struct BackupRequest {
  std::uint64_t checkpoint;  // As of BackupOptions, all three.
  std::uint64_t since;
  std::uint64_t findings_max;
};
static_assert(sizeof(BackupRequest) == 24);

struct ChunkHead {
  std::uint32_t bytes;
  std::uint32_t zero;
};
static_assert(sizeof(ChunkHead) == 8);

struct ProgressHead {
  std::uint64_t done;
  std::uint64_t total;  // 0: unknown.
  std::uint32_t stage_bytes;
  std::uint32_t unit_bytes;
};
static_assert(sizeof(ProgressHead) == 24 && offsetof(ProgressHead, stage_bytes) == 16);

struct ValueHead {
  std::uint64_t value_bytes;
};
static_assert(sizeof(ValueHead) == 8);

struct RecordHead {
  std::uint32_t key_bytes;
  std::uint32_t value_bytes;  // 0 with kKeysOnly.
};
static_assert(sizeof(RecordHead) == 8);

enum class ItemKind : std::uint32_t {
  kError = 1,
  kDatabase = 2,  // Of stat: everything about the database as a whole.
  kTree = 3,      // Of trees, stat and check.
  kFinding = 4,   // Of check and backup.
  kSummary = 5,   // Of check and backup, the last.
  kKept = 6,      // Of kept: a kept checkpoint.
};

struct ItemHead {
  std::uint32_t bytes;  // Of the fields.
  ItemKind kind;
};
static_assert(sizeof(ItemHead) == 8 && offsetof(ItemHead, kind) == 4);

struct FieldHead {
  std::uint16_t name_bytes;  // At least 1.
  std::uint16_t is_text;     // 1: text_bytes follow the name, and number is 0. 0: no text.
  std::uint32_t text_bytes;
  std::uint64_t number;
};
static_assert(sizeof(FieldHead) == 16 && offsetof(FieldHead, number) == 8);

}  // namespace holdfast::wire
