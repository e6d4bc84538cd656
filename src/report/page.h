// The fixed parts of report.html.
#pragma once
#include <string_view>

namespace r1 {

extern const std::string_view page_style;   // CSS
extern const std::string_view page_script;  // JavaScript: reads the JSON of #run and fills #page

}  // namespace r1
