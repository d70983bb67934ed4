// The simulated disk keeps the contract of every storage.
#include <memory>

#include "fuzz/lab/sim_disk.h"
#include "tests/storage/storage_contract.h"

namespace holdfast {
namespace {

INSTANTIATE_TEST_SUITE_P(Simulated, StorageContract,
                         testing::Values(StorageUnderTest{
                             "SimDisk", [] { return std::make_unique<SimDisk>(); }, false}),
                         test_name);

}  // namespace
}  // namespace holdfast
