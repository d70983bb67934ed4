// The Environment that databases run in outside of tests.
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <span>

#include "engine/base/checksum.h"
#include "engine/base/environment.h"
#include "engine/base/sync.h"
#include "engine/storage/posix_storage.h"

namespace holdfast {
namespace {

class SystemClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point now() override { return std::chrono::steady_clock::now(); }
  std::uint64_t wall_us() override {
    const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count());
  }
};

bool fill_from_kernel(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::getrandom(bytes.data(), bytes.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

// For kernels and sandboxes that refuse getrandom().
bool fill_from_device(std::span<std::byte> bytes) {
  const int descriptor = ::open("/dev/urandom", O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  while (!bytes.empty()) {
    const ssize_t count = ::read(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  ::close(descriptor);
  return bytes.empty();
}

// The last resort. A salt must differ from all others, not be secret: time, process and a count do.
void fill_from_circumstances(std::span<std::byte, 16> bytes, Clock& clock) {
  static Atomic<std::uint64_t> count{0};
  const std::uint64_t facts[] = {clock.wall_us(),
                                 static_cast<std::uint64_t>(clock.now().time_since_epoch().count()),
                                 static_cast<std::uint64_t>(::getpid()), count.fetch_add(1)};
  const auto raw_facts = std::as_bytes(std::span(facts));
  for (std::uint64_t half = 0; half < 2; ++half) {
    const std::uint64_t hash = hash64(raw_facts, half + 1);
    std::memcpy(bytes.data() + half * sizeof hash, &hash, sizeof hash);
  }
}

class SystemRandom final : public Random {
 public:
  explicit SystemRandom(Clock& clock) : clock_(clock) {}
  std::array<std::byte, 16> bytes16() override {
    std::array<std::byte, 16> bytes{};
    if (!fill_from_kernel(bytes) && !fill_from_device(bytes)) {
      fill_from_circumstances(bytes, clock_);
    }
    return bytes;
  }

 private:
  Clock& clock_;
};

struct SystemParts {
  PosixStorage storage;
  SystemClock clock;
  SystemRandom random{clock};
  Environment environment{&storage, &clock, &random};
};

}  // namespace

Environment& system_environment() {
  // Never destroyed: a database closed by a static object's destructor still needs it.
  static SystemParts* const parts = new SystemParts;
  return parts->environment;
}

}  // namespace holdfast
