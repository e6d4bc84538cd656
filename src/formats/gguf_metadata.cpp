#include "formats/gguf_metadata.h"

#include <concepts>
#include <limits>
#include <optional>

#include "core/check.h"

namespace r1 {
namespace {

template <class T>
constexpr bool is_integer = std::integral<T> && !std::same_as<T, bool>;

std::optional<int64_t> to_integer(const GgufValue& value) {
    return std::visit(
        [](const auto& item) -> std::optional<int64_t> {
            using T = std::decay_t<decltype(item)>;
            if constexpr (std::same_as<T, uint64_t>) {
                if (item > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return {};
            }
            if constexpr (is_integer<T>) return static_cast<int64_t>(item);
            return {};
        },
        value);
}

std::optional<double> to_number(const GgufValue& value) {
    return std::visit(
        [](const auto& item) -> std::optional<double> {
            using T = std::decay_t<decltype(item)>;
            if constexpr (is_integer<T> || std::floating_point<T>) return static_cast<double>(item);
            return {};
        },
        value);
}

const GgufValue& need(const GgufValue* value, const std::string& key) {
    check(value, "the GGUF metadata has no ", key);
    return *value;
}

}  // namespace

const GgufValue* GgufMetadata::find(const std::string& key) const {
    const auto it = values_.find(key);
    return it == values_.end() ? nullptr : &it->second;
}

int64_t GgufMetadata::integer(const std::string& key) const {
    const auto result = to_integer(need(find(key), key));
    check(result.has_value(), "the GGUF metadata's ", key, " must be an integer below 2^63");
    return *result;
}

int64_t GgufMetadata::integer(const std::string& key, int64_t fallback) const {
    return find(key) ? integer(key) : fallback;
}

double GgufMetadata::number(const std::string& key) const {
    const auto result = to_number(need(find(key), key));
    check(result.has_value(), "the GGUF metadata's ", key, " must be a number");
    return *result;
}

double GgufMetadata::number(const std::string& key, double fallback) const {
    return find(key) ? number(key) : fallback;
}

bool GgufMetadata::boolean(const std::string& key, bool fallback) const {
    const GgufValue* value = find(key);
    if (!value) return fallback;
    const bool* result = std::get_if<bool>(value);
    check(result, "the GGUF metadata's ", key, " must be true or false");
    return *result;
}

std::string GgufMetadata::text(const std::string& key) const {
    const auto* result = std::get_if<std::string>(&need(find(key), key));
    check(result, "the GGUF metadata's ", key, " must be a string");
    return *result;
}

std::string GgufMetadata::text(const std::string& key, const std::string& fallback) const {
    return find(key) ? text(key) : fallback;
}

const std::vector<std::string>& GgufMetadata::strings(const std::string& key) const {
    const auto* array = std::get_if<GgufArray>(&need(find(key), key));
    const auto* result = array ? std::get_if<std::vector<std::string>>(&array->items) : nullptr;
    check(result, "the GGUF metadata's ", key, " must be a list of strings");
    return *result;
}

std::vector<int64_t> GgufMetadata::integers(const std::string& key) const {
    const auto* array = std::get_if<GgufArray>(&need(find(key), key));
    std::optional<std::vector<int64_t>> result;
    if (array)
        std::visit(
            [&](const auto& items) {
                using T = typename std::decay_t<decltype(items)>::value_type;
                if constexpr (is_integer<T>) result.emplace(items.begin(), items.end());
            },
            array->items);
    check(result.has_value(), "the GGUF metadata's ", key, " must be a list of integers");
    return std::move(*result);
}

}  // namespace r1
