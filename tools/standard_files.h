// Standard input and outputs that the caller closed.
#pragma once

namespace holdfast::tools {

// Call before anything is opened. A closed one of the three would be the number that the database
// file gets next, and a message would be written into it. They are opened so that using them fails.
void hold_standard_files();

}  // namespace holdfast::tools
