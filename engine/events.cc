// A listener to nothing.
#include "holdfast/events.h"

namespace holdfast {

EventListener::~EventListener() = default;
void EventListener::on_recovery(const RecoveryReport& /*report*/) noexcept {}
void EventListener::on_checkpoint(const CheckpointEvent& /*event*/) noexcept {}
void EventListener::on_slow_sync(const SlowSyncEvent& /*event*/) noexcept {}
void EventListener::on_old_snapshot(const OldSnapshotEvent& /*event*/) noexcept {}
void EventListener::on_snapshot_given_up(const SnapshotGivenUpEvent& /*event*/) noexcept {}
void EventListener::on_damage(const Error& /*error*/) noexcept {}
void EventListener::on_poisoned(const Error& /*error*/) noexcept {}

}  // namespace holdfast
