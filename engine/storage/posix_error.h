// An errno as one of our errors: promise S4 of storage.h in one place.
#pragma once

#include <string>

#include "holdfast/error.h"

namespace holdfast {

// `failed` says what could not be done, as the first half of a sentence: "could not sync the file".
// The system's reason is added.
Error os_error(int os_code, const std::string& failed, ErrorPlace place);

}  // namespace holdfast
