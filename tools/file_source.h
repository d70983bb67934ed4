// A source that opens the database's file, read-only.
#pragma once

#include "holdfast/database.h"
#include "tools/source.h"

namespace holdfast::tools {

std::unique_ptr<Source> source_of(Database database, ReadTransaction reader);

}  // namespace holdfast::tools
