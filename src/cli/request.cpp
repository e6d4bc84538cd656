#include "cli/request.h"

#include <nlohmann/json.hpp>

#include "core/check.h"
#include "formats/json.h"

namespace r1::cli {
namespace {

const nlohmann::json* find(const nlohmann::json& request, const char* key) {
    const auto found = request.find(key);
    return found == request.end() || found->is_null() ? nullptr : &*found;
}

const nlohmann::json& need(const nlohmann::json& request, const char* key) {
    const nlohmann::json* value = find(request, key);
    check(value != nullptr, "the line needs \"", key, "\"");
    return *value;
}

int64_t integer(const nlohmann::json& value, const char* key, int64_t min, int64_t max) {
    check(value.is_number_integer(), "\"", key, "\" must be a whole number, not ",
          value.is_number() ? value.dump() : value.type_name());
    const bool huge = value.is_number_unsigned() &&
                      value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    check(!huge && value.get<int64_t>() >= min && value.get<int64_t>() <= max, "\"", key, "\" is ",
          value.dump(), ", but must be at least ", min, " and at most ", max);
    return value.get<int64_t>();
}

}  // namespace

nlohmann::json parse_line(const std::string& line) {
    nlohmann::json value = parse_json(line, "the line");
    check(value.is_object(), "the line must be a JSON object, not ", value.type_name());
    return value;
}

bool has_field(const nlohmann::json& request, const char* key) {
    return find(request, key) != nullptr;
}

std::string string_field(const nlohmann::json& request, const char* key) {
    const nlohmann::json& value = need(request, key);
    check(value.is_string(), "\"", key, "\" must be a string, not ", value.type_name());
    return value.get<std::string>();
}

bool bool_field(const nlohmann::json& request, const char* key, bool otherwise) {
    const nlohmann::json* value = find(request, key);
    if (!value) return otherwise;
    check(value->is_boolean(), "\"", key, "\" must be true or false, not ", value->type_name());
    return value->get<bool>();
}

int64_t integer_field(const nlohmann::json& request, const char* key, int64_t otherwise, int64_t min,
                      int64_t max) {
    const nlohmann::json* value = find(request, key);
    return value ? integer(*value, key, min, max) : otherwise;
}

double number_field(const nlohmann::json& request, const char* key, double otherwise, double min,
                    double max) {
    const nlohmann::json* value = find(request, key);
    if (!value) return otherwise;
    check(value->is_number(), "\"", key, "\" must be a number, not ", value->type_name());
    const auto number = value->get<double>();
    check(number >= min && number <= max, "\"", key, "\" is ", value->dump(), ", but must be at least ", min,
          " and at most ", max);
    return number;
}

std::vector<std::string> strings_field(const nlohmann::json& request, const char* key) {
    const nlohmann::json* value = find(request, key);
    if (!value) return {};
    if (value->is_string()) return {value->get<std::string>()};
    check(value->is_array(), "\"", key, "\" must be a string or a list of strings, not ", value->type_name());
    std::vector<std::string> strings;
    for (const auto& item : *value) {
        check(item.is_string(), "\"", key, "\" must hold strings, not ", item.type_name());
        strings.push_back(item.get<std::string>());
    }
    return strings;
}

std::vector<int32_t> ids_field(const nlohmann::json& request, const char* key, int32_t vocab_size) {
    const nlohmann::json& value = need(request, key);
    check(value.is_array(), "\"", key, "\" must be a list of token ids, not ", value.type_name());
    std::vector<int32_t> ids;
    ids.reserve(value.size());
    for (const auto& item : value) {
        ids.push_back(static_cast<int32_t>(integer(item, key, 0, vocab_size - 1)));
    }
    return ids;
}

}  // namespace r1::cli
