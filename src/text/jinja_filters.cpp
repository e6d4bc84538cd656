// Jinja2's filters.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <unordered_map>

#include "core/check.h"
#include "text/jinja_interpreter.h"
#include "text/python_string.h"
#include "text/unicode.h"

namespace r1::jinja {
namespace {

using Filter = Value (*)(Interpreter&, const Value&, Arguments&);
using Bound = std::vector<std::optional<Value>>;

bool flag(const std::optional<Value>& value, bool otherwise = false) {
    return value ? truthy(*value) : otherwise;
}
std::string text_or(const std::optional<Value>& value, std::string_view otherwise) {
    return value ? to_text(*value) : std::string(otherwise);
}
bool given(const std::optional<Value>& value) {
    return value && !value->is_none();
}

Value iterator(std::vector<Value> items) {
    return Value::sequence(std::move(items), Sequence::Kind::iterator, "generator");
}

// "a.b.0" of an item, as map(attribute=...) and its like take it.
Value dotted(Interpreter& interpreter, Value value, const Value& path) {
    if (!path.is_string()) return interpreter.item(value, path);
    for (const std::string& part : python::split(path.text(), ".", -1, false)) {
        bool number = !part.empty() && part.size() < 10 &&
                      std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
        value =
            interpreter.item(value, number ? Value::integer(std::atoll(part.c_str())) : Value::string(part));
    }
    return value;
}

Value fold_case(const Value& value, bool case_sensitive) {
    return value.is_string() && !case_sensitive ? Value::string(python::lower(value.text())) : value;
}

// What sort, min, max and unique compare an item by; "a,b" sorts by several attributes.
Value sort_key(Interpreter& interpreter, const Value& item, const std::optional<Value>& attribute,
               bool case_sensitive, bool several) {
    if (!given(attribute)) return fold_case(item, case_sensitive);
    if (!several || !attribute->is_string() || attribute->text().find(',') == std::string::npos)
        return fold_case(dotted(interpreter, item, *attribute), case_sensitive);
    std::vector<Value> keys;
    for (const std::string& part : python::split(attribute->text(), ",", -1, false))
        keys.push_back(fold_case(dotted(interpreter, item, Value::string(part)), case_sensitive));
    return Value::sequence(std::move(keys));
}

// Stable; throws, before sorting, if two neighbours cannot be compared.
std::vector<Value> sorted(Interpreter& interpreter, std::vector<std::pair<Value, Value>> keyed,
                          bool reverse) {
    for (size_t i = 1; i < keyed.size(); ++i) compare(keyed[i - 1].first, keyed[i].first);
    interpreter.charge(keyed.size() * 20);
    std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
        return reverse ? compare(b.first, a.first) < 0 : compare(a.first, b.first) < 0;
    });
    std::vector<Value> out;
    for (auto& [key, value] : keyed) out.push_back(std::move(value));
    return out;
}

Value length(Interpreter&, const Value& value, Arguments& arguments) {
    bind_arguments("length", arguments, {});
    if (value.is_undefined()) return Value::integer(0);
    if (value.is_string()) return Value::integer(static_cast<int64_t>(count_code_points(value.text())));
    if (const Mapping* mapping = value.as_mapping())
        return Value::integer(static_cast<int64_t>(mapping->entries.size()));
    const Sequence* sequence = value.as_sequence();
    check(sequence && sequence->kind != Sequence::Kind::iterator, "object of type '", type_name(value),
          "' has no len()");
    return Value::integer(static_cast<int64_t>(sequence->items.size()));
}

Value default_value(Interpreter&, const Value& value, Arguments& arguments) {
    Bound a = bind_arguments("default", arguments, {"default_value", "boolean"});
    bool missing = value.is_undefined() || (flag(a[1]) && !truthy(value));
    return missing ? a[0].value_or(Value::string("")) : value;
}

Value to_json_filter(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    Bound a = bind_arguments("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
    JsonStyle style;
    style.ensure_ascii = flag(a[0]);
    style.sort_keys = flag(a[3]);
    if (given(a[1])) {
        if (a[1]->is_string()) {
            style.indent = a[1]->text();
        } else {
            int64_t width = std::max<int64_t>(integer_argument("tojson", *a[1]), 0);
            check(width <= 1000, "tojson: the indent is too large");
            style.indent = std::string(static_cast<size_t>(width), ' ');
        }
        style.item_separator = ",";
    }
    if (given(a[2])) {
        std::vector<Value> separators = interpreter.iterate(*a[2]);
        check(separators.size() == 2, "tojson: separators must be a pair");
        style.item_separator = string_argument("tojson", separators[0]);
        style.key_separator = string_argument("tojson", separators[1]);
    }
    std::string text = to_json(value, style);
    interpreter.charge(text.size() / 16);
    return Value::string(std::move(text));
}

Value indent(Interpreter&, const Value& value, Arguments& arguments) {
    Bound a = bind_arguments("indent", arguments, {"width", "first", "blank"});
    std::string indention = "    ";
    if (a[0] && a[0]->is_string()) {
        indention = a[0]->text();
    } else if (a[0]) {
        int64_t width = std::max<int64_t>(integer_argument("indent", *a[0]), 0);
        check(width <= 10'000, "indent: the width is too large");
        indention = std::string(static_cast<size_t>(width), ' ');
    }
    std::vector<std::string> lines = python::split_lines(to_text(value) + "\n");
    std::string out = flag(a[1]) ? indention : "";
    for (size_t i = 0; i < lines.size(); ++i) {
        if (i > 0) out += '\n';
        if (i > 0 && (flag(a[2]) || !lines[i].empty())) out += indention;
        out += lines[i];
        check(out.size() <= max_text, "indent makes too long a text");
    }
    return Value::string(std::move(out));
}

Value join(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    Bound a = bind_arguments("join", arguments, {"d", "attribute"});
    std::string between = text_or(a[0], ""), out;
    bool first = true;
    for (const Value& item : interpreter.iterate(value)) {
        if (!std::exchange(first, false)) out += between;
        out += to_text(given(a[1]) ? dotted(interpreter, item, *a[1]) : item);
        check(out.size() <= max_text, "join makes too long a text");
    }
    interpreter.charge(out.size() / 64);
    return Value::string(std::move(out));
}

std::optional<int64_t> parse_integer(std::string text, int base) {
    text = python::strip(text, python::Side::both);
    size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+');
    if (base == 16 && (text.substr(sign, 2) == "0x" || text.substr(sign, 2) == "0X")) text.erase(sign, 2);
    for (size_t i = 1; i + 1 < text.size(); ++i)
        if (text[i] == '_' && text[i - 1] != '_' && text[i + 1] != '_') text.erase(i, 1);
    if (sign && text[0] == '+') text.erase(0, 1);
    int64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    check(error != std::errc::result_out_of_range, "the number ", text, " is too large");
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<double> parse_real(const std::string& given_text) {
    std::string text = python::lower(python::strip(given_text, python::Side::both));
    if (text.starts_with('+')) text.erase(0, 1);
    if (text.starts_with('+') || text.starts_with("-+")) return std::nullopt;
    double value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (end != text.data() + text.size() || text.find('(') != std::string::npos || text.empty())
        return std::nullopt;
    if (error == std::errc::result_out_of_range) return std::strtod(text.c_str(), nullptr);
    return error == std::errc() ? std::optional(value) : std::nullopt;
}

Value truncated(double value, const Value& otherwise) {
    if (std::isnan(value) || std::isinf(value)) return otherwise;
    check(std::abs(value) < 9e18, "a number is too large");
    return Value::integer(static_cast<int64_t>(value));
}

Value integer(Interpreter&, const Value& value, Arguments& arguments) {
    Bound a = bind_arguments("int", arguments, {"default", "base"});
    Value otherwise = a[0].value_or(Value::integer(0));
    if (value.is_undefined()) fail_undefined(value);
    if (auto exact = value.as_integer()) return Value::integer(*exact);
    if (value.is<double>()) return truncated(value.as_double(), otherwise);
    if (!value.is_string()) return otherwise;
    int64_t base = a[1] ? integer_argument("int", *a[1]) : 10;
    check(base >= 2 && base <= 36, "int: the base must be from 2 to 36");
    if (auto parsed = parse_integer(value.text(), static_cast<int>(base))) return Value::integer(*parsed);
    auto real = parse_real(value.text());
    return real ? truncated(*real, otherwise) : otherwise;
}

Value real(Interpreter&, const Value& value, Arguments& arguments) {
    Bound a = bind_arguments("float", arguments, {"default"});
    if (value.is_undefined()) fail_undefined(value);
    if (value.is_number()) return Value::real(value.as_double());
    if (value.is_string())
        if (auto parsed = parse_real(value.text())) return Value::real(*parsed);
    return a[0].value_or(Value::real(0));
}

Value absolute(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    bind_arguments("abs", arguments, {});
    if (value.is_undefined()) fail_undefined(value);
    check(value.is_number(), "bad operand type for abs(): '", type_name(value), "'");
    if (value.is<double>()) return Value::real(std::abs(value.as_double()));
    return *value.as_integer() < 0 ? binary(interpreter, "-", Value::integer(0), value)
                                   : Value::integer(*value.as_integer());
}

Value round(Interpreter&, const Value& value, Arguments& arguments) {
    Bound a = bind_arguments("round", arguments, {"precision", "method"});
    int64_t precision = a[0] ? integer_argument("round", *a[0]) : 0;
    std::string method = text_or(a[1], "common");
    check(method == "common" || method == "ceil" || method == "floor",
          "method must be common, ceil or floor");
    check(precision >= -300 && precision <= 300, "round: the precision is out of range");
    if (value.is_undefined()) fail_undefined(value);
    check(value.is_number(), "round needs a number, not ", type_name(value));
    if (method != "common") {
        double scale = std::pow(10.0, static_cast<double>(precision)), scaled = value.as_double() * scale;
        return Value::real((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale);
    }
    if (value.as_integer() && precision >= 0) return Value::integer(*value.as_integer());
    double number = value.as_double();
    if (precision < 0) {
        double scale = std::pow(10.0, static_cast<double>(-precision));
        number = std::nearbyint(number / scale) * scale;
        return value.as_integer() ? truncated(number, value) : Value::real(number);
    }
    if (!std::isfinite(number)) return Value::real(number);
    std::string digits(400 + static_cast<size_t>(precision), '\0');
    int size = std::snprintf(digits.data(), digits.size(), "%.*f", static_cast<int>(precision), number);
    digits.resize(static_cast<size_t>(size));
    return Value::real(std::strtod(digits.c_str(), nullptr));
}

Value first(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    bind_arguments("first", arguments, {});
    std::vector<Value> items = interpreter.iterate(value);
    return items.empty() ? Value::undefined("No first item, sequence was empty.") : items.front();
}

Value last(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    bind_arguments("last", arguments, {});
    const Sequence* sequence = value.as_sequence();
    check(!sequence || sequence->kind != Sequence::Kind::iterator, "'generator' object is not reversible");
    std::vector<Value> items = interpreter.iterate(value);
    return items.empty() ? Value::undefined("No last item, sequence was empty.") : items.back();
}

Value reverse(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    bind_arguments("reverse", arguments, {});
    if (value.is_string()) return Value::string(python::slice(value.text(), std::nullopt, std::nullopt, -1));
    std::vector<Value> items = interpreter.iterate(value);
    std::reverse(items.begin(), items.end());
    return iterator(std::move(items));
}

Value items_of(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    bind_arguments("items", arguments, {});
    std::vector<Value> items;
    if (!value.is_undefined()) {
        check(value.as_mapping() != nullptr, "Can only get item pairs from a mapping.");
        interpreter.charge(value.as_mapping()->entries.size());
        for (const auto& [key, entry] : value.as_mapping()->entries)
            items.push_back(Value::sequence({key, entry}, Sequence::Kind::tuple));
    }
    return iterator(std::move(items));
}

Value dict_sort(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    Bound a = bind_arguments("dictsort", arguments, {"case_sensitive", "by", "reverse"});
    std::string by = text_or(a[1], "key");
    check(by == "key" || by == "value", "You can only sort by either \"key\" or \"value\"");
    check(value.as_mapping() != nullptr, "dictsort needs a dict, not ", type_name(value));
    std::vector<std::pair<Value, Value>> keyed;
    for (const auto& [key, entry] : value.as_mapping()->entries)
        keyed.emplace_back(fold_case(by == "key" ? key : entry, flag(a[0])),
                           Value::sequence({key, entry}, Sequence::Kind::tuple));
    return Value::sequence(sorted(interpreter, std::move(keyed), flag(a[2])));
}

Value sort(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    Bound a = bind_arguments("sort", arguments, {"reverse", "case_sensitive", "attribute"});
    std::vector<std::pair<Value, Value>> keyed;
    for (const Value& item : interpreter.iterate(value))
        keyed.emplace_back(sort_key(interpreter, item, a[2], flag(a[1]), true), item);
    return Value::sequence(sorted(interpreter, std::move(keyed), flag(a[0])));
}

Value unique(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    Bound a = bind_arguments("unique", arguments, {"case_sensitive", "attribute"});
    std::vector<Value> seen, out;
    for (const Value& item : interpreter.iterate(value)) {
        Value key = sort_key(interpreter, item, a[1], flag(a[0]), false);
        interpreter.charge(1 + seen.size() / 4);
        if (std::any_of(seen.begin(), seen.end(), [&](const Value& other) { return equal(key, other); }))
            continue;
        seen.push_back(key);
        out.push_back(item);
    }
    return iterator(std::move(out));
}

Value extreme(Interpreter& interpreter, const Value& value, Arguments& arguments, bool largest) {
    Bound a = bind_arguments(largest ? "max" : "min", arguments, {"case_sensitive", "attribute"});
    std::optional<std::pair<Value, Value>> best;
    for (const Value& item : interpreter.iterate(value)) {
        Value key = sort_key(interpreter, item, a[1], flag(a[0]), false);
        if (!best || (largest ? compare(key, best->first) > 0 : compare(key, best->first) < 0))
            best = {key, item};
    }
    return best ? best->second : Value::undefined("No aggregated item, sequence was empty.");
}

Value sum(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    Bound a = bind_arguments("sum", arguments, {"attribute", "start"});
    Value total = a[1].value_or(Value::integer(0));
    for (const Value& item : interpreter.iterate(value))
        total = binary(interpreter, "+", total, given(a[0]) ? dotted(interpreter, item, *a[0]) : item);
    return total;
}

Value map(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    std::vector<Value> out;
    auto named = [&](std::string_view name) -> const Value* {
        for (const auto& [known, argument] : arguments.named)
            if (known == name) return &argument;
        return nullptr;
    };
    if (arguments.positional.empty()) {
        const Value *attribute = named("attribute"), *otherwise = named("default");
        check(attribute && arguments.named.size() == (otherwise ? 2u : 1u), "map requires a filter argument");
        for (const Value& item : interpreter.iterate(value)) {
            Value found = dotted(interpreter, item, *attribute);
            out.push_back(found.is_undefined() && otherwise ? *otherwise : found);
        }
        return iterator(std::move(out));
    }
    std::string name = string_argument("map", arguments.positional[0]);
    for (const Value& item : interpreter.iterate(value)) {
        Arguments rest{{arguments.positional.begin() + 1, arguments.positional.end()}, arguments.named};
        out.push_back(interpreter.filter(name, item, rest));
    }
    return iterator(std::move(out));
}

// select, reject, selectattr and rejectattr.
Value choose(Interpreter& interpreter, const Value& value, Arguments& arguments, bool by_attribute,
             bool wanted) {
    size_t used = by_attribute;
    check(arguments.positional.size() >= used, "Missing parameter for attribute name");
    std::vector<Value> out;
    for (const Value& item : interpreter.iterate(value)) {
        Value subject = by_attribute ? dotted(interpreter, item, arguments.positional[0]) : item;
        bool holds = truthy(subject);
        if (arguments.positional.size() > used) {
            std::string name = string_argument("select", arguments.positional[used]);
            Arguments rest{{arguments.positional.begin() + static_cast<std::ptrdiff_t>(used) + 1,
                            arguments.positional.end()},
                           arguments.named};
            holds = interpreter.test(name, subject, rest);
        }
        if (holds == wanted) out.push_back(item);
    }
    return iterator(std::move(out));
}

Value replace(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    Bound a = bind_arguments("replace", arguments, {"old", "new", "count"});
    check(a[0] && a[1], "replace needs what to replace and what by");
    std::string text = to_text(value);
    interpreter.charge(text.size() / 16);
    int64_t count = given(a[2]) ? integer_argument("replace", *a[2]) : -1;
    return Value::string(python::replace(text, to_text(*a[0]), to_text(*a[1]), count));
}

Value escape(Interpreter&, const Value& value, Arguments& arguments) {
    bind_arguments("escape", arguments, {});
    std::string out;
    for (char c : to_text(value)) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '\'':
                out += "&#39;";
                break;
            case '"':
                out += "&#34;";
                break;
            default:
                out += c;
        }
    }
    return Value::string(std::move(out));
}

// Upper case for the first character of each word, where words begin behind white space and opening brackets.
Value title(Interpreter&, const Value& value, Arguments& arguments) {
    bind_arguments("title", arguments, {});
    std::string out, word;
    auto flush = [&] {
        size_t first = 0;
        if (!word.empty()) next_code_point(word, first);
        out += python::upper(std::string_view(word).substr(0, first)) +
               python::lower(std::string_view(word).substr(first));
        word.clear();
    };
    std::string text = to_text(value);
    for (size_t position = 0; position < text.size();) {
        size_t begin = position;
        char32_t c = next_code_point(text, position);
        bool separator = python::is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
        if (separator) flush();
        (separator ? out : word) += text.substr(begin, position - begin);
    }
    flush();
    return Value::string(std::move(out));
}

Value trim(Interpreter&, const Value& value, Arguments& arguments) {
    Bound a = bind_arguments("trim", arguments, {"chars"});
    if (!given(a[0])) return Value::string(python::strip(to_text(value), python::Side::both));
    return Value::string(python::strip(to_text(value), python::Side::both, to_text(*a[0])));
}

Value format(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    check(arguments.named.empty() || arguments.positional.empty(),
          "can't handle positional and keyword arguments at the same time");
    std::vector<std::pair<Value, Value>> entries;
    for (const auto& [name, argument] : arguments.named) entries.emplace_back(Value::string(name), argument);
    Value values = arguments.named.empty() ? Value::sequence(arguments.positional, Sequence::Kind::tuple)
                                           : Value::mapping(std::move(entries));
    return Value::string(percent_format(interpreter, to_text(value), values));
}

template <std::string (*convert)(std::string_view)>
Value cased(Interpreter& interpreter, const Value& value, Arguments& arguments) {
    bind_arguments("filter", arguments, {});
    std::string text = to_text(value);
    interpreter.charge(text.size() / 16);
    return Value::string(convert(text));
}

const std::unordered_map<std::string_view, Filter>& filters() {
    static const std::unordered_map<std::string_view, Filter> table = {
        {"abs", absolute},
        {"attr",
         [](Interpreter& i, const Value& v, Arguments& a) {
             return i.attribute(
                 v, string_argument("attr", bind_arguments("attr", a, {"name"})[0].value_or(Value())));
         }},
        {"capitalize", cased<python::capitalize>},
        {"center",
         [](Interpreter&, const Value& v, Arguments& a) {
             Bound b = bind_arguments("center", a, {"width"});
             return Value::string(python::pad(to_text(v), b[0] ? integer_argument("center", *b[0]) : 80,
                                              python::Side::both, " "));
         }},
        {"count", length},
        {"d", default_value},
        {"default", default_value},
        {"dictsort", dict_sort},
        {"e", escape},
        {"escape", escape},
        {"first", first},
        {"float", real},
        {"format", format},
        {"indent", indent},
        {"int", integer},
        {"items", items_of},
        {"join", join},
        {"last", last},
        {"length", length},
        {"list", [](Interpreter& i, const Value& v,
                    Arguments& a) { return bind_arguments("list", a, {}), Value::sequence(i.iterate(v)); }},
        {"lower", cased<python::lower>},
        {"map", map},
        {"max", [](Interpreter& i, const Value& v, Arguments& a) { return extreme(i, v, a, true); }},
        {"min", [](Interpreter& i, const Value& v, Arguments& a) { return extreme(i, v, a, false); }},
        {"reject",
         [](Interpreter& i, const Value& v, Arguments& a) { return choose(i, v, a, false, false); }},
        {"rejectattr",
         [](Interpreter& i, const Value& v, Arguments& a) { return choose(i, v, a, true, false); }},
        {"replace", replace},
        {"reverse", reverse},
        {"round", round},
        {"safe", [](Interpreter&, const Value& v,
                    Arguments& a) { return bind_arguments("safe", a, {}), Value::string(to_text(v)); }},
        {"select", [](Interpreter& i, const Value& v, Arguments& a) { return choose(i, v, a, false, true); }},
        {"selectattr",
         [](Interpreter& i, const Value& v, Arguments& a) { return choose(i, v, a, true, true); }},
        {"sort", sort},
        {"string", [](Interpreter&, const Value& v,
                      Arguments& a) { return bind_arguments("string", a, {}), Value::string(to_text(v)); }},
        {"sum", sum},
        {"title", title},
        {"tojson", to_json_filter},
        {"trim", trim},
        {"unique", unique},
        {"upper", cased<python::upper>},
        {"wordcount",
         [](Interpreter&, const Value& v, Arguments& a) {
             bind_arguments("wordcount", a, {});
             return Value::integer(
                 static_cast<int64_t>(python::split(to_text(v), std::nullopt, -1, false).size()));
         }},
    };
    return table;
}

}  // namespace

Value Interpreter::filter(std::string_view name, const Value& value, Arguments& arguments) {
    auto known = filters().find(name);
    check(known != filters().end(), "the filter '", name, "' is not known");
    Depth depth(*this);
    charge(1);
    return known->second(*this, value, arguments);
}

}  // namespace r1::jinja
