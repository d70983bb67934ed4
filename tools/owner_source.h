// A source that asks the process that has the database open.
#pragma once

#include "holdfast/verify.h"
#include "tools/owner.h"
#include "tools/source.h"

namespace holdfast::tools {

// The owner of a database that could not be opened for `busy`. Where it can't be asked either: that
// has been said, and the exit code is that of a database in use.
Step<Owner> reach_owner(const Arguments& args, const Error& busy, Console& console);

std::unique_ptr<Source> source_of(Owner owner);

// As Database::verify(), done by the owner.
Result<VerifyReport> verify(Owner& owner, const VerifyOptions& options);

}  // namespace holdfast::tools
