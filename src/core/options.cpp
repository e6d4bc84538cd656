#include "core/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <type_traits>

namespace r1 {
namespace {

template <class T>
struct Unwrap {
    using type = T;
    static constexpr bool list = false, optional = false;
};
template <class T>
struct Unwrap<std::optional<T>> {
    using type = T;
    static constexpr bool list = false, optional = true;
};
template <class T>
struct Unwrap<std::vector<T>> {
    using type = T;
    static constexpr bool list = true, optional = false;
};
template <class Pointer>
using Target = std::remove_pointer_t<Pointer>;

std::string number_text(double value) {
    char digits[32];
    return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

std::string limits_text(const Range& range) {
    const bool low = std::isfinite(range.min), high = std::isfinite(range.max);
    const std::string least = (range.open ? "more than " : "at least ") + number_text(range.min);
    const std::string most = "at most " + number_text(range.max);
    return low && high ? least + " and " + most : low ? least : most;
}

void check_range(double value, const Range& range, const std::string& shown, const std::string& text) {
    const bool inside = value <= range.max && (range.open ? value > range.min : value >= range.min);
    check(inside, shown, " is ", text, ", but must be ", limits_text(range));
}

template <class T>
T parse_number(const Option& option, const std::string& text, const std::string& shown) {
    constexpr bool integer = std::is_integral_v<T>;
    T value{};
    const char* begin = text.data();
    const char* end = begin + text.size();
    if (end - begin > 1 && *begin == '+' && begin[1] != '-') ++begin;
    const auto [stop, error] = std::from_chars(begin, end, value);
    const bool negative = !text.empty() && text[0] == '-';
    if (integer && error == std::errc::result_out_of_range && stop == end) {
        fail(shown, " is ", text, ", but must be at least ", std::numeric_limits<T>::min(), " and at most ",
             std::numeric_limits<T>::max());
    }
    if (std::is_unsigned_v<T> && negative && text.find_first_not_of("0123456789", 1) == std::string::npos) {
        fail(shown, " is ", text, ", but must be at least 0");
    }
    check(error == std::errc() && stop == end, shown, " is '", text, "', but must be ",
          integer ? "a whole number" : "a number");
    const auto number = static_cast<double>(value);
    check(std::isfinite(number), shown, " is ", text, ", but must be a finite number");
    check_range(number, option.range, shown, text);
    return value;
}

template <class T>
T parse_value(const Option& option, const std::string& text, const std::string& shown) {
    if constexpr (std::is_same_v<T, bool>) {
        check(text == "true" || text == "false", shown, " is '", text, "', but must be true or false");
        return text == "true";
    } else if constexpr (std::is_same_v<T, std::string>) {
        const auto& choices = option.choices;
        if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) {
            std::string list;
            for (const auto& choice : choices) list += (list.empty() ? "" : ", ") + choice;
            fail(shown, " is '", text, "', but must be one of ", list, did_you_mean(text, choices));
        }
        return text;
    } else {
        return parse_number<T>(option, text, shown);
    }
}

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (byte < 0x20 || byte == 0x7f) {
            constexpr char hex[] = "0123456789abcdef";
            out += "\\u00";
            out += hex[byte >> 4];
            out += hex[byte & 15];
        } else {
            out += c;
        }
    }
    return out + '"';
}

template <class T>
std::string toml_text(const T& value) {
    if constexpr (std::is_same_v<T, bool>) {
        return value ? "true" : "false";
    } else if constexpr (std::is_same_v<T, std::string>) {
        return quoted(value);
    } else if constexpr (std::is_integral_v<T>) {
        return std::to_string(value);
    } else {
        char digits[32];
        std::string text(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
        if (text.find_first_of(".e") == std::string::npos) text += ".0";  // TOML would read an integer
        return text;
    }
}

std::string_view last_part(std::string_view name) {
    return name.substr(name.rfind('.') + 1);
}

std::vector<std::string> split_commas(const std::string& text) {
    std::vector<std::string> parts;
    if (text.empty()) return parts;
    for (size_t begin = 0; begin <= text.size();) {
        const size_t end = std::min(text.find(',', begin), text.size());
        parts.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

// Of a value inside a table; TOML has no null.
std::string toml_text(const nlohmann::ordered_json& value) {
    if (value.is_string()) return quoted(value.get<std::string>());
    if (value.is_number_float()) return toml_text(value.get<double>());
    if (!value.is_structured()) return value.dump();
    std::string out;
    for (const auto& [key, item] : value.items()) {
        out += out.empty() ? "" : ", ";
        out += value.is_object() ? cat(quoted(key), " = ", toml_text(item)) : toml_text(item);
    }
    return value.is_object() ? "{" + out + "}" : "[" + out + "]";
}

constexpr int kMostNested = 16;

void check_value(const nlohmann::ordered_json& value, const std::string& shown, int depth) {
    check(!value.is_null(), shown, ": null is no value of a table; leave its key out");
    check(depth <= kMostNested, shown, " is nested more than ", kMostNested, " deep");
    if (!value.is_structured()) return;
    for (const auto& item : value) check_value(item, shown, depth + 1);
}

void check_table(const std::string& text, const std::string& shown) {
    const auto table = nlohmann::ordered_json::parse(text, nullptr, false);
    check(table.is_object(), shown, " is '", text.substr(0, 60),
          "', but must be a JSON object such as {\"kind\": \"format\"}");
    check_value(table, shown, 0);
}

// Damerau-Levenshtein distance (adjacent swaps count once).
size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
    std::iota(above.begin(), above.end(), size_t{0});
    for (size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before.swap(above);
        above.swap(row);
    }
    return above[b.size()];
}

}  // namespace

const Option* find_option(const std::vector<Option>& options, std::string_view key) {
    for (const Option& option : options) {
        if (option.name == key) return &option;
        for (const auto& alias : option.aliases) {
            if (alias == key) return &option;
        }
    }
    const Option* found = nullptr;
    for (const Option& option : options) {
        if (last_part(option.name) != key) continue;
        if (found) return nullptr;
        found = &option;
    }
    return found;
}

void set_option(const Option& option, const std::vector<std::string>& texts, const std::string& shown) {
    std::visit(
        [&](auto* target) {
            using Traits = Unwrap<Target<decltype(target)>>;
            using T = typename Traits::type;
            if constexpr (Traits::list) {
                std::remove_pointer_t<decltype(target)> list;
                for (const auto& text : texts) {
                    if (option.tables) check_table(text, shown);
                    list.push_back(parse_value<T>(option, text, shown));
                }
                *target = std::move(list);
            } else {
                check(texts.size() == 1, shown, " takes one value, not ", texts.size());
                if constexpr (Traits::optional) {
                    if (texts[0] == "none") return target->reset();
                }
                *target = parse_value<T>(option, texts[0], shown);
            }
        },
        option.target);
}

std::vector<Argument> parse_arguments(const std::vector<Option>& options,
                                      const std::vector<std::string>& arguments) {
    std::vector<const Option*> positional;
    for (const Option& option : options) {
        if (option.positional) positional.push_back(&option);
    }
    std::vector<Argument> parsed;
    size_t bare = 0;
    bool only_bare = false;
    for (size_t i = 0; i < arguments.size(); ++i) {
        const std::string& argument = arguments[i];
        if (only_bare || argument.size() < 2 || argument[0] != '-') {
            if (bare == positional.size()) throw UsageError(cat("unexpected argument '", argument, "'"));
            const Option* option = positional[bare];
            if (!is_list(*option)) ++bare;  // a list takes all the rest
            parsed.push_back({option, {argument}, option->name});
            continue;
        }
        if (argument == "--") {
            only_bare = true;
            continue;
        }
        if (argument[1] != '-')
            throw UsageError(cat("unknown flag '", argument, "'; flags begin with two dashes"));

        const size_t equals = argument.find('=');
        const bool has_value = equals != std::string::npos;
        std::string key = argument.substr(2, has_value ? equals - 2 : equals);
        std::replace(key.begin(), key.end(), '-', '_');
        const Option* option = find_option(options, key);
        if (!option && key.starts_with("no_") && !has_value) {
            option = find_option(options, key.substr(3));
            if (option && is_flag(*option)) {
                parsed.push_back({option, {"false"}, argument});
                continue;
            }
            option = nullptr;
        }
        if (!option) {
            const std::string near = nearest(key, known_names(options));
            throw UsageError(cat("unknown flag '--", argument.substr(2, has_value ? equals - 2 : equals), "'",
                                 near.empty() ? "" : "; did you mean '--" + near + "'?"));
        }
        const std::string shown = "--" + key;
        std::string text = has_value ? argument.substr(equals + 1) : "";
        if (!has_value && is_flag(*option)) {
            const bool next =
                i + 1 < arguments.size() && (arguments[i + 1] == "true" || arguments[i + 1] == "false");
            text = next ? arguments[++i] : "true";
        } else if (!has_value) {
            if (i + 1 == arguments.size())
                throw UsageError(cat(shown, " needs a value: ", shown, " ", value_name(*option)));
            text = arguments[++i];
        }
        parsed.push_back(
            {option, is_list(*option) && !option->tables ? split_commas(text) : std::vector{text}, shown});
    }
    return parsed;
}

void apply_arguments(const std::vector<Option>& options, const std::vector<Argument>& arguments) {
    try {
        for (size_t i = 0; i < arguments.size(); ++i) {
            const Option& option = *arguments[i].option;
            std::vector<std::string> texts = arguments[i].texts;
            if (is_list(option)) {
                texts.clear();
                for (size_t j = 0; j <= i; ++j) {
                    if (arguments[j].option != &option) continue;
                    texts.insert(texts.end(), arguments[j].texts.begin(), arguments[j].texts.end());
                }
            }
            set_option(option, texts, arguments[i].shown);
        }
    } catch (const Error& error) {
        throw UsageError(error.what());
    }
    for (const Option& option : options) {
        const bool given = std::any_of(arguments.begin(), arguments.end(),
                                       [&](const Argument& argument) { return argument.option == &option; });
        if (!option.required || given) continue;
        const std::string name = value_name(option);
        throw UsageError(option.positional ? cat("missing ", name)
                                           : cat("missing --", option.name, " ", name));
    }
}

std::string to_toml(const std::vector<Option>& options) {
    std::vector<std::string> tables{""};
    const auto table_of = [](const Option& option) {
        const size_t dot = option.name.rfind('.');
        return dot == std::string::npos ? std::string() : option.name.substr(0, dot);
    };
    for (const Option& option : options) {
        const std::string table = table_of(option);
        if (std::find(tables.begin(), tables.end(), table) == tables.end()) tables.push_back(table);
    }
    std::string out;
    for (const auto& table : tables) {
        if (!table.empty()) out += (out.empty() ? "[" : "\n[") + table + "]\n";
        for (const Option& option : options) {
            if (option.flag_only || option.tables || table_of(option) != table) continue;
            const std::string value = value_text(option);
            const std::string key(last_part(option.name));
            out += value.empty() ? "# " + key + " is not set\n" : key + " = " + value + "\n";
        }
    }
    for (const Option& option : options) {
        if (!option.tables) continue;
        for (const std::string& row : *std::get<std::vector<std::string>*>(option.target)) {
            const auto table = nlohmann::ordered_json::parse(row);
            out += "\n[[" + option.name + "]]\n";
            for (const auto& [key, value] : table.items())
                out += quoted(key) + " = " + toml_text(value) + "\n";
        }
    }
    return out;
}

std::string value_text(const Option& option) {
    return std::visit(
        [](auto* target) -> std::string {
            using Traits = Unwrap<Target<decltype(target)>>;
            if constexpr (Traits::list) {
                std::string out = "[";
                for (const auto& item : *target) out += (out.size() > 1 ? ", " : "") + toml_text(item);
                return out + "]";
            } else if constexpr (Traits::optional) {
                return *target ? toml_text(**target) : "";
            } else {
                return toml_text(*target);
            }
        },
        option.target);
}

std::string value_name(const Option& option) {
    if (!option.value.empty()) return option.value;
    switch (type_of(option)) {
        case OptionType::boolean:
            return "";
        case OptionType::integer:
            return "N";
        case OptionType::number:
            return "X";
        case OptionType::string:
            return option.choices.empty() ? "TEXT" : "NAME";
    }
    return "";
}

bool is_flag(const Option& option) {
    return std::holds_alternative<bool*>(option.target);
}

bool is_list(const Option& option) {
    return std::visit([](auto* target) { return Unwrap<Target<decltype(target)>>::list; }, option.target);
}

OptionType type_of(const Option& option) {
    return std::visit(
        [](auto* target) {
            using T = typename Unwrap<Target<decltype(target)>>::type;
            return std::is_same_v<T, bool>       ? OptionType::boolean
                   : std::is_integral_v<T>       ? OptionType::integer
                   : std::is_floating_point_v<T> ? OptionType::number
                                                 : OptionType::string;
        },
        option.target);
}

std::string nearest(std::string_view word, const std::vector<std::string>& words) {
    if (word.size() > 100) return "";
    std::string best;
    size_t least = std::max<size_t>(2, word.size() / 3) + 1;
    for (const auto& candidate : words) {
        const size_t distance = edit_distance(word, candidate);
        if (distance < least && distance < candidate.size()) {
            least = distance;
            best = candidate;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& words) {
    const std::string near = nearest(word, words);
    return near.empty() ? "" : "; did you mean '" + near + "'?";
}

std::vector<std::string> known_names(const std::vector<Option>& options) {
    std::vector<std::string> names;
    for (const Option& option : options) {
        names.push_back(option.name);
        if (last_part(option.name) != option.name &&
            find_option(options, last_part(option.name)) == &option) {
            names.emplace_back(last_part(option.name));
        }
        names.insert(names.end(), option.aliases.begin(), option.aliases.end());
    }
    return names;
}

}  // namespace r1
