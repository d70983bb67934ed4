// Serving other processes: what the server may ask of the open database, and its beginning and end.
#include "engine/base/result.h"
#include "engine/database_impl.h"
#include "server/server_state.h"

namespace holdfast {

Result<std::shared_ptr<ServerState>> DatabaseImpl::serve(const ServerOptions& options) {
  TRY(must_be_open());
  if (read_only_) {
    return fail(ErrorCode::kReadOnly,
                "the database was opened read-only: others can open it read-only beside this, and "
                "need no server");
  }
  if (options_.environment != nullptr) {
    return fail(ErrorCode::kInvalidArgument,
                "Options::environment may keep the database where no socket can be");
  }
  MutexLock lock(serving_mutex_);
  if (serving_ != nullptr && !serving_->stopped())
    return fail(ErrorCode::kAlreadyExists, "the database is served already");
  if (serving_ != nullptr) serving_->stop();  // It may still be on its way out.
  serving_ = TRY(ServerState::start(*this, options, options_.background == Background::kThread));
  return serving_;
}

Result<ReadTransaction> DatabaseImpl::read_durable() {
  return begin_read_at(cache_->durable());
}

void DatabaseImpl::stop_serving() noexcept {
  MutexLock lock(serving_mutex_);
  if (serving_ != nullptr) serving_->stop();
}

}  // namespace holdfast
