// What libFuzzer targets on file images share: the input as bytes, and mutations after which the
// checks of the image are mended, so that they get past them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "fuzz/lab/file_image.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace holdfast {

inline FileImage image_of(const std::uint8_t* data, std::size_t size) {
  return FileImage::expand({reinterpret_cast<const std::byte*>(data), size});
}

// For LLVMFuzzerCustomMutator(): seven times of eight `mend(image)` has the last word.
template <class Mend>
std::size_t mutate_image(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed,
                         Mend&& mend) {
  size = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 8 == 0) return size;
  FileImage image = image_of(data, size);
  mend(image);
  const std::vector<std::byte> mended = image.shrink();
  if (mended.size() > max_size) return size;
  std::memcpy(data, mended.data(), mended.size());
  return mended.size();
}

}  // namespace holdfast
