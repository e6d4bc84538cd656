#include "formats/json.h"

#include <nlohmann/json.hpp>

#include "core/check.h"

namespace r1 {
namespace {

void check_depth(std::string_view text, const std::string& what, int max_depth) {
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') ++i;
            if (c == '"') in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            check(++depth <= max_depth, what, ": JSON nested deeper than ", max_depth, " levels");
        } else if (c == '}' || c == ']') {
            --depth;
        }
    }
}

}  // namespace

nlohmann::json parse_json(std::string_view text, const std::string& what, int max_depth) {
    check_depth(text, what, max_depth);
    try {
        return nlohmann::json::parse(text);
    } catch (const nlohmann::json::parse_error& error) {
        fail(what, " is not valid JSON (at byte ", error.byte, "); is the file complete?");
    } catch (const nlohmann::json::exception&) {
        fail(what, " is not valid JSON: a number is out of range");
    }
}

}  // namespace r1
