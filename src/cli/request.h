// A JSON request and its fields, with errors that name the field. A field that is null counts as absent.
#pragma once
#include <cstdint>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace r1::cli {

// The object that a line holds. Throws Error if it is not JSON, not UTF-8 or not an object.
nlohmann::json parse_line(const std::string& line);

bool has_field(const nlohmann::json& request, const char* key);
// Each throws Error if the field has another type or is out of [min, max]; the second form's `otherwise`
// stands for a field that is absent, the first form's field must be there.
std::string string_field(const nlohmann::json& request, const char* key);
bool bool_field(const nlohmann::json& request, const char* key, bool otherwise);
int64_t integer_field(const nlohmann::json& request, const char* key, int64_t otherwise,
                      int64_t min = std::numeric_limits<int64_t>::min(),
                      int64_t max = std::numeric_limits<int64_t>::max());
double number_field(const nlohmann::json& request, const char* key, double otherwise, double min, double max);
// A string or a list of strings; empty if absent.
std::vector<std::string> strings_field(const nlohmann::json& request, const char* key);
// Token ids, each in [0, vocab_size).
std::vector<int32_t> ids_field(const nlohmann::json& request, const char* key, int32_t vocab_size);

}  // namespace r1::cli
