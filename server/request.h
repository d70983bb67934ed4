// Requests of clients, understood: the payloads of wire.h as what is wanted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "holdfast/backup.h"
#include "holdfast/error.h"
#include "server/answer.h"

namespace holdfast {

struct GetWish {
  std::string_view tree;  // Both lie in the payload.
  std::string_view key;
  bool only_whether = false;
};

// kInvalidArgument: the payload is no such request.
Result<GetWish> read_get(std::string_view payload);
Result<ScanWish> read_scan(std::string_view payload);
Result<std::uint64_t> read_check(std::string_view payload);  // How many findings at most.
Result<BackupOptions> read_backup(std::string_view payload);

// A hello: its version; kInvalidArgument where it is none.
Result<std::uint32_t> read_hello(std::string_view payload);

}  // namespace holdfast
