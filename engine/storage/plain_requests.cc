#include "engine/storage/plain_requests.h"

#include "engine/base/boundary.h"
#include "engine/storage/storage.h"

namespace holdfast {

void run_plainly(std::span<IoRequest> requests) {
  for (IoRequest& request : requests) {
    request.transferred = 0;
    request.error.reset();
    if (request.kind == IoRequest::Kind::kRead) {
      auto count = at_boundary([&] { return request.file->read(request.offset, request.buffer); });
      if (count) {
        request.transferred = *count;
      } else {
        request.error = std::move(count).error();
      }
      continue;
    }
    auto written = at_boundary([&] { return request.file->write(request.offset, request.buffer); });
    if (written) {
      request.transferred = request.buffer.size();
    } else {
      request.error = std::move(written).error();
    }
  }
}

}  // namespace holdfast
