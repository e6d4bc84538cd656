// Reads fields of a JSON object with errors that name them. A field that is null counts as absent.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/check.h"

namespace r1 {

inline const nlohmann::json* find_field(const nlohmann::json& object, const char* key) {
    if (!object.is_object()) return nullptr;
    auto it = object.find(key);
    return it == object.end() || it->is_null() ? nullptr : &*it;
}

inline std::string string_field(const nlohmann::json& object, const char* key) {
    const nlohmann::json* field = find_field(object, key);
    check(field && field->is_string(), "the tokenizer's field '", key, "' must be a string");
    return field->get<std::string>();
}

inline bool bool_field(const nlohmann::json& object, const char* key, bool otherwise) {
    const nlohmann::json* field = find_field(object, key);
    if (!field) return otherwise;
    check(field->is_boolean(), "the tokenizer's field '", key, "' must be true or false");
    return field->get<bool>();
}

inline const nlohmann::json& array_field(const nlohmann::json& object, const char* key) {
    const nlohmann::json* field = find_field(object, key);
    check(field && field->is_array(), "the tokenizer's field '", key, "' must be an array");
    return *field;
}

// An integer in [low, high].
inline int64_t integer_value(const nlohmann::json& value, const char* what, int64_t low, int64_t high) {
    check(value.is_number_integer() && (!value.is_number_unsigned() || value.get<uint64_t>() <= INT64_MAX),
          "the tokenizer's ", what, " must be an integer");
    auto number = value.get<int64_t>();
    check(number >= low && number <= high, "the tokenizer's ", what, " is ", number, ", not in [", low, ", ",
          high, "]");
    return number;
}

}  // namespace r1
