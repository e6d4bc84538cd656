// The Python programs that run inside of boxes. They are one source: the manager starts with it and makes,
// for each job, a fresh box around a copy of itself.
#pragma once
#include <string_view>

namespace r1::sandbox {

extern const std::string_view manager_script;  // boxes; comes first, has the imports
extern const std::string_view calls_script;    // calls between a tester and a candidate
extern const std::string_view tester_script;   // the tester's side

}  // namespace r1::sandbox
