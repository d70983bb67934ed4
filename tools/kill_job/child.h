// The process that is killed: it writes as fast as it can and tells the parent what it was
// promised.
#pragma once

#include <cstdint>
#include <string>

#include "tools/kill_job/history.h"

namespace holdfast::kill_job {

// What goes through the pipe; small enough that a write is never torn.
struct Message {
  enum class Kind : std::uint64_t {
    kBegun,         // commit() is about to be called.
    kAcknowledged,  // commit() has returned, and what it promised holds from here on.
  };
  Kind kind;
  std::uint64_t transaction;  // The job's own number, from 1.
  std::uint64_t token;        // kAcknowledged: Holdfast's number of it, as its reports use it.
};

// Never returns: writes until it is killed, or ends with code 3 and a sentence on standard error.
[[noreturn]] void run_child(const std::string& database, const History& history, int pipe);

}  // namespace holdfast::kill_job
