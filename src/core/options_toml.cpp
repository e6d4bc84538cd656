// The only file that sees toml++.
namespace r1 {
struct BrokenToml {};
[[noreturn]] static void broken_toml() {
    throw BrokenToml{};
}
}  // namespace r1
// toml++ asserts what some malformed keys break ("[>]"); here those are errors like any other.
#define TOML_ASSERT(condition) (static_cast<bool>(condition) ? static_cast<void>(0) : r1::broken_toml())
#define TOML_MAX_NESTED_VALUES 16
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/options.h"

namespace r1 {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 20;
constexpr int kMaxDots = 64;

// toml++ recurses over tables, and bounds the nesting of values but not of dotted keys.
void check_hostile(std::string_view text, const std::string& source) {
    check(text.size() <= kMaxBytes, source, ": a configuration of ", text.size() >> 10, " KiB; at most ",
          kMaxBytes >> 10, " KiB are read");
    int dots = 0;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '.') {
            check(++dots <= kMaxDots, source, ": more than ", kMaxDots, " dots in a row of names");
        } else if (c == '\n' || c == '=' || c == '[' || c == '{' || c == ',' || byte >= 0x80) {
            dots = 0;
        }
    }
}

std::string where(const std::string& source, const toml::node& node) {
    return cat(source, ":", node.source().begin.line, ": ");
}

// The value as set_option takes it. The type is checked here: "3" is no number in TOML.
std::string scalar_text(const Option& option, const toml::node& node, const std::string& shown) {
    const OptionType type = type_of(option);
    if (const auto* value = node.as_string(); value && type == OptionType::string) return value->get();
    if (const auto* value = node.as_boolean(); value && type == OptionType::boolean)
        return value->get() ? "true" : "false";
    const bool numeric = type == OptionType::integer || type == OptionType::number;
    if (const auto* value = node.as_integer(); value && numeric) return std::to_string(value->get());
    if (const auto* value = node.as_floating_point(); value && type == OptionType::number) {
        char digits[32];  // the shortest text of the same number
        return {digits, std::to_chars(digits, digits + sizeof digits, value->get()).ptr};
    }
    fail(shown, " must be ",
         type == OptionType::string    ? "a string in quotes"
         : type == OptionType::boolean ? "true or false"
         : type == OptionType::integer ? "a whole number"
                                       : "a number");
}

nlohmann::ordered_json to_json(const toml::node& node, const std::string& shown) {
    if (const auto* table = node.as_table()) {
        auto object = nlohmann::ordered_json::object();
        for (const auto& [name, child] : *table) object[std::string(name.str())] = to_json(child, shown);
        return object;
    }
    if (const auto* array = node.as_array()) {
        auto list = nlohmann::ordered_json::array();
        for (const toml::node& child : *array) list.push_back(to_json(child, shown));
        return list;
    }
    if (const auto* value = node.as_string()) return value->get();
    if (const auto* value = node.as_integer()) return value->get();
    if (const auto* value = node.as_floating_point(); value && std::isfinite(value->get()))
        return value->get();
    if (const auto* value = node.as_boolean()) return value->get();
    fail(shown, " holds a value that is neither text, a finite number, true or false, a list nor a table");
}

void apply_node(const std::vector<Option>& options, std::vector<const Option*>& seen, const std::string& key,
                const toml::node& node, const std::string& source) {
    const Option* option = find_option(options, key);
    // [data] is the table of data.*, though "data" alone also stands for data.data.
    if (const auto* table = node.as_table(); table && (!option || option->name != key)) {
        for (const auto& [name, child] : *table) {
            apply_node(options, seen, key.empty() ? std::string(name.str()) : cat(key, ".", name.str()),
                       child, source);
        }
        return;
    }
    const std::string shown = where(source, node) + key;
    if (!option)
        fail(where(source, node), "unknown key '", key, "'", did_you_mean(key, known_names(options)));
    if (option->flag_only) fail(shown, " is a flag only (--", option->name, "); remove it from the file");
    if (std::find(seen.begin(), seen.end(), option) != seen.end()) {
        fail(shown, " is given twice: it is another name of ", option->name);
    }
    seen.push_back(option);

    std::vector<std::string> texts;
    const auto* array = node.as_array();
    if (option->tables) {
        check(array != nullptr && array->is_array_of_tables(), shown, " must be tables: [[", key, "]]");
        for (const toml::node& item : *array) texts.push_back(to_json(item, shown).dump());
    } else if (is_list(*option)) {
        check(array != nullptr, shown, " must be a list: [", node.is_string() ? "\"…\"" : "…", "]");
        for (const toml::node& item : *array) texts.push_back(scalar_text(*option, item, shown));
    } else {
        texts.push_back(scalar_text(*option, node, shown));
    }
    set_option(*option, texts, shown);
}

}  // namespace

void apply_toml(const std::vector<Option>& options, std::string_view text, const std::string& source) {
    check_hostile(text, source);
    std::vector<const Option*> seen;
    try {
        apply_node(options, seen, "", toml::parse(text, source), source);
    } catch (const toml::parse_error& error) {
        fail(source, ":", error.source().begin.line, ": not TOML: ", error.description());
    } catch (const BrokenToml&) {
        fail(source, ": not TOML: a key or the name of a table is malformed");
    }
}

}  // namespace r1
