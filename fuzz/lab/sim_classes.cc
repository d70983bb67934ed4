#include "fuzz/lab/sim_classes.h"

namespace holdfast {
namespace {

struct Words {
  const char* number;
  const char* words;
};

constexpr std::array<Words, FaultClasses::kCount> kWords = {{
    {"F1", "an unsynced write lost"},
    {"F2", "writes kept out of their order"},
    {"F3", "a write torn at 512 bytes"},
    {"F4", "a write torn at 4096 bytes, or its torn part spoiled"},
    {"F5", "a file grown, and what lies there not its own"},
    {"F6", "data there, the size not"},
    {"F7", "old bytes where new ones should be"},
    {"F8", "a create, rename or remove lost or half done"},
    {"F9", "a file's growing or cutting undone"},
    {"F10", "a sync failed"},
    {"F11", "a disk full"},
    {"F12", "a call failed, or a place can't be read"},
    {"F13", "a write ended half-way"},
    {"F14", "a bit rotted in the tree file"},
    {"F15", "a bit rotted in the log"},
    {"F16", "a write went elsewhere, or elsewhere too"},
    {"F17", "a write was acknowledged and lost"},
    {"F18", "a read came from elsewhere"},
    {"F19", "a file missing, empty, older or another database's"},
    {"F20", "a crash during a recovery"},
    {"F21", "a failure in a recovery, a checkpoint or a close"},
    {"F22", "the clock jumped"},
    {"F23", "opened once more while open"},
    {"F24", "the process killed"},
    {"F25", "hostile bytes"},
    {"F26", "a bit flipped in memory: not simulated"},
    {"U5", "power lost on a disk whose syncs lie"},
}};

}  // namespace

const char* fault_class_number(FaultClass which) {
  return kWords[static_cast<std::size_t>(which) - 1].number;
}

const char* fault_class_words(FaultClass which) {
  return kWords[static_cast<std::size_t>(which) - 1].words;
}

bool lives_can_meet(FaultClass which, bool lying) {
  return which != FaultClass::kMemoryFlips && (lying || which != FaultClass::kSyncsLie);
}

}  // namespace holdfast
