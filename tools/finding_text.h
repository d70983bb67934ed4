// A finding as a line, for people and for programs.
#pragma once

#include <string>

#include "holdfast/verify.h"

namespace holdfast::tools {

std::string text_of(const Finding& finding);
std::string json_of(const Finding& finding);

}  // namespace holdfast::tools
