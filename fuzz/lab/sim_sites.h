// Which places in the engine call storage, how often, and how often a fault struck there. A place
// is the kind of call and the address that it returns to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "fuzz/lab/sim_faults.h"

namespace holdfast {

class SimSites {
 public:
  struct Count {
    std::uint64_t called = 0;
    std::uint64_t struck = 0;
  };
  using Site = std::pair<SimCall, const void*>;

  void called(SimCall call, const void* from) {
    ++sites_[{call, from}].called;
    if (keeps_order_) order_.push_back(call);
  }
  void struck(SimCall call, const void* from) { ++sites_[{call, from}].struck; }
  void add(const SimSites& other) {
    for (const auto& [site, count] : other.sites_) {
      sites_[site].called += count.called;
      sites_[site].struck += count.struck;
    }
  }

  // From now on also one after the other.
  void keep_order() { keeps_order_ = true; }
  [[nodiscard]] const std::vector<SimCall>& order() const { return order_; }

  [[nodiscard]] const std::map<Site, Count>& all() const { return sites_; }
  [[nodiscard]] std::size_t covered() const {
    std::size_t covered = 0;
    for (const auto& [site, count] : sites_) covered += count.struck > 0 ? 1 : 0;
    return covered;
  }

 private:
  std::map<Site, Count> sites_;
  bool keeps_order_ = false;
  std::vector<SimCall> order_;
};

}  // namespace holdfast
