// A file descriptor of the operating system, closed where nobody takes it over.
#pragma once

#include <unistd.h>

namespace holdfast {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int number() const { return number_; }
  void release() { number_ = -1; }

 private:
  int number_;
};

}  // namespace holdfast
