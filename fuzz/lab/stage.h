// A database on its simulated disk, played up to a moment of a workload.
//
// Moment m: the first m storage calls that change something have done their work, and none after
// them. Reads change nothing, so a crash before or after one is a crash at the moment around it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fuzz/lab/lab_database.h"
#include "fuzz/lab/sim_disk.h"
#include "fuzz/lab/workloads.h"

namespace holdfast {

struct Stage {
  SimDisk disk;
  LabDatabase database{disk};
};

// What the caller was told when the machine stopped at a moment.
enum class Told : std::uint8_t {
  kYes,  // Stopped just before the next change: the last one was answered.
  kNo,   // Stopped just after the last change, whose answer nobody got.
};

// Opens, does the ops and closes, until the machine stops or something is wrong; nothing is open
// afterwards.
void live(Stage& stage, std::span<const Op> ops);

// An empty disk, and the workload's database on it, not open yet.
void begin(Stage& stage, const Workload& workload, bool trace = false);

// The workload from an empty disk up to the moment. `story` and the disk's trace may be absent.
void play(Stage& stage, const Workload& workload, std::uint64_t moment, Told told,
          std::vector<std::string>* story = nullptr);

// How many changes the whole life of a workload makes: its last moment.
std::uint64_t changes_of(Stage& stage, const Workload& workload);

// `branch` becomes `from` as the machine stopped; the crash is still to come. Other seeds give
// other salts.
void branch_off(Stage& branch, const Stage& from, std::uint64_t seed);

}  // namespace holdfast
