// JSON from files that may be broken or hostile.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace r1 {

// Parses one JSON value. Throws, naming `what` ("config.json"), on a syntax error, on invalid UTF-8, or on
// nesting deeper than `max_depth`.
nlohmann::json parse_json(std::string_view text, const std::string& what, int max_depth = 64);

}  // namespace r1
