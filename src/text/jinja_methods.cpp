// Methods of str, dict, list and loop, and the global functions.
#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>

#include "core/check.h"
#include "text/jinja_interpreter.h"
#include "text/python_string.h"

namespace r1::jinja {
namespace {

using Call = std::function<Value(Interpreter&, Arguments&)>;

Value strings(std::vector<std::string> texts) {
    std::vector<Value> items;
    for (std::string& text : texts) items.push_back(Value::string(std::move(text)));
    return Value::sequence(std::move(items));
}

// A method that the sandbox of Jinja forbids: it is there, but calling it raises.
Value unsafe(const Value& object, std::string_view name) {
    return Value::undefined(
        cat("access to attribute '", name, "' of '", type_name(object), "' object is unsafe."));
}

bool any_affix(const std::string& name, const std::string& text, const Value& affixes) {
    auto matches = [&](const Value& affix) {
        std::string part = string_argument(name, affix);
        return name == "startswith" ? text.starts_with(part) : text.ends_with(part);
    };
    const Sequence* several = affixes.as_sequence();
    if (!several) return matches(affixes);
    return std::any_of(several->items.begin(), several->items.end(), matches);
}

Value partition(const std::string& text, const std::string& separator, bool last) {
    check(!separator.empty(), "empty separator");
    size_t at = last ? text.rfind(separator) : text.find(separator);
    std::vector<std::string> parts = {text, "", ""};
    if (at != std::string::npos)
        parts = {text.substr(0, at), separator, text.substr(at + separator.size())};
    else if (last)
        parts = {"", "", text};
    return Value::sequence(strings(parts).as_sequence()->items, Sequence::Kind::tuple);
}

std::optional<Value> case_method(const std::string& text, const std::string& name) {
    if (name == "upper") return Value::string(python::upper(text));
    if (name == "lower" || name == "casefold") return Value::string(python::lower(text));
    if (name == "title") return Value::string(python::title(text));
    if (name == "capitalize") return Value::string(python::capitalize(text));
    if (name == "swapcase") return Value::string(python::swapcase(text));
    if (auto answer = python::classify(text, name)) return Value::boolean(*answer);
    return std::nullopt;
}

Value string_method(Interpreter& interpreter, const std::string& text, const std::string& name,
                    Arguments& arguments) {
    interpreter.charge(1 + text.size() / 16);
    if (name == "format") return Value::string(brace_format(interpreter, text, arguments));
    auto given = [&](std::initializer_list<std::string_view> names) {
        return bind_arguments(name, arguments, names);
    };
    auto required = [&](const std::optional<Value>& value) {
        check(value.has_value(), name, "() lacks an argument");
        return string_argument(name, *value);
    };
    auto number = [&](const std::optional<Value>& value, int64_t otherwise) {
        return value ? integer_argument(name, *value) : otherwise;
    };
    if (name == "strip" || name == "lstrip" || name == "rstrip") {
        auto a = given({"chars"});
        auto side = name == "strip"    ? python::Side::both
                    : name == "lstrip" ? python::Side::left
                                       : python::Side::right;
        if (!a[0] || a[0]->is_none()) return Value::string(python::strip(text, side));
        return Value::string(python::strip(text, side, string_argument(name, *a[0])));
    }
    if (name == "split" || name == "rsplit") {
        auto a = given({"sep", "maxsplit"});
        std::optional<std::string> separator;
        if (a[0] && !a[0]->is_none()) separator = string_argument(name, *a[0]);
        return strings(python::split(text,
                                     separator ? std::optional<std::string_view>(*separator) : std::nullopt,
                                     number(a[1], -1), name == "rsplit"));
    }
    if (name == "splitlines") {
        auto a = given({"keepends"});
        return strings(python::split_lines(text, a[0] && truthy(*a[0])));
    }
    if (name == "startswith" || name == "endswith") {
        auto a = given({"affix", "start", "end"});
        check(a[0].has_value(), name, "() lacks an argument");
        if (!a[1] && !a[2]) return Value::boolean(any_affix(name, text, *a[0]));
        std::optional<int64_t> end;
        if (a[2]) end = integer_argument(name, *a[2]);
        return Value::boolean(any_affix(name, python::slice(text, number(a[1], 0), end, 1), *a[0]));
    }
    if (name == "replace") {
        auto a = given({"old", "new", "count"});
        std::string from = required(a[0]), to = required(a[1]);
        return Value::string(python::replace(text, from, to, number(a[2], -1)));
    }
    if (name == "find" || name == "rfind" || name == "index" || name == "rindex") {
        auto a = given({"sub"});
        int64_t at = python::find(text, required(a[0]), name[0] == 'r');
        check(at >= 0 || name.ends_with("find"), "substring not found");
        return Value::integer(at);
    }
    if (name == "count") return Value::integer(python::count(text, required(given({"sub"})[0])));
    if (name == "join") {
        auto a = given({"iterable"});
        check(a[0].has_value(), "join() lacks an argument");
        std::string out;
        bool first = true;
        for (const Value& item : interpreter.iterate(*a[0])) {
            check(item.is_string(), "sequence item: expected str instance, ", type_name(item), " found");
            if (!std::exchange(first, false)) out += text;
            out += item.text();
            check(out.size() <= max_text, "a string grows beyond ", max_text, " bytes");
        }
        return Value::string(std::move(out));
    }
    if (name == "partition" || name == "rpartition")
        return partition(text, required(given({"sep"})[0]), name == "rpartition");
    if (name == "removeprefix" || name == "removesuffix") {
        std::string part = required(given({"affix"})[0]);
        bool prefix = name == "removeprefix";
        if (part.empty() || !(prefix ? text.starts_with(part) : text.ends_with(part)))
            return Value::string(text);
        return Value::string(prefix ? text.substr(part.size()) : text.substr(0, text.size() - part.size()));
    }
    if (name == "zfill") {
        int64_t width = number(given({"width"})[0], 0);
        size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+');
        return Value::string(text.substr(0, sign) + python::pad(text.substr(sign),
                                                                width - static_cast<int64_t>(sign),
                                                                python::Side::right, "0"));
    }
    if (name == "ljust" || name == "rjust" || name == "center") {
        auto a = given({"width", "fillchar"});
        auto side = name == "ljust"   ? python::Side::left
                    : name == "rjust" ? python::Side::right
                                      : python::Side::both;
        return Value::string(
            python::pad(text, number(a[0], 0), side, a[1] ? string_argument(name, *a[1]) : " "));
    }
    given({});
    return *case_method(text, name);
}

constexpr std::array<std::string_view, 38> string_methods = {
    "capitalize",   "casefold",     "center",  "count",      "endswith",   "find",    "format",
    "index",        "isalnum",      "isalpha", "isdecimal",  "isdigit",    "islower", "isnumeric",
    "isspace",      "isupper",      "join",    "ljust",      "lower",      "lstrip",  "partition",
    "removeprefix", "removesuffix", "replace", "rfind",      "rindex",     "rjust",   "rpartition",
    "rsplit",       "rstrip",       "split",   "splitlines", "startswith", "strip",   "swapcase",
    "title",        "upper",        "zfill"};

template <size_t N>
bool among(const std::array<std::string_view, N>& names, std::string_view name) {
    return !name.empty() && std::find(names.begin(), names.end(), name) != names.end();
}

std::optional<Value> dict_method(const Value& object, const std::string& name) {
    static constexpr std::array<std::string_view, 5> forbidden = {"clear", "pop", "popitem", "setdefault",
                                                                  "update"};
    if (among(forbidden, name)) return unsafe(object, name);
    if (name == "get")
        return Value::callable(name, [object](Interpreter& interpreter, Arguments& arguments) {
            auto a = bind_arguments("get", arguments, {"key", "default"});
            check(a[0].has_value(), "get() lacks its key");
            interpreter.charge(1 + object.as_mapping()->entries.size() / 16);
            const Value* value = find(*object.as_mapping(), *a[0]);
            return value ? *value : a[1].value_or(Value());
        });
    if (name == "copy")
        return Value::callable(name, [object](Interpreter&, Arguments& arguments) {
            return bind_arguments("copy", arguments, {}), object;
        });
    if (name != "items" && name != "keys" && name != "values") return std::nullopt;
    return Value::callable(name, [object, name](Interpreter& interpreter, Arguments& arguments) {
        bind_arguments(name, arguments, {});
        std::vector<Value> items;
        interpreter.charge(object.as_mapping()->entries.size());
        for (const auto& [key, value] : object.as_mapping()->entries)
            items.push_back(name == "keys"     ? key
                            : name == "values" ? value
                                               : Value::sequence({key, value}, Sequence::Kind::tuple));
        return Value::sequence(std::move(items), Sequence::Kind::view, "dict_" + name);
    });
}

std::optional<Value> list_method(const Value& object, const std::string& name) {
    static constexpr std::array<std::string_view, 8> forbidden = {"append", "clear", "pop",    "reverse",
                                                                  "insert", "sort",  "extend", "remove"};
    Sequence::Kind kind = object.as_sequence()->kind;
    if (kind == Sequence::Kind::view || kind == Sequence::Kind::iterator) return std::nullopt;
    if (kind == Sequence::Kind::list && among(forbidden, name)) return unsafe(object, name);
    if (name == "copy" && kind == Sequence::Kind::list)
        return Value::callable(name, [object](Interpreter&, Arguments& arguments) {
            return bind_arguments("copy", arguments, {}), object;
        });
    if (name != "index" && name != "count") return std::nullopt;
    return Value::callable(name, [object, name](Interpreter& interpreter, Arguments& arguments) {
        auto a = bind_arguments(name, arguments, {"value"});
        check(a[0].has_value(), name, "() lacks an argument");
        int64_t count = 0, index = 0;
        for (const Value& item : interpreter.iterate(object)) {
            bool same = equal(item, *a[0]);
            if (same && name == "index") return Value::integer(index);
            count += same;
            ++index;
        }
        check(name == "count", repr(*a[0]), " is not in list");
        return Value::integer(count);
    });
}

std::optional<Value> loop_attribute(const std::shared_ptr<Loop>& loop, std::string_view name) {
    const std::vector<Value>& items = loop->items->items;
    auto index = static_cast<int64_t>(loop->index), size = static_cast<int64_t>(items.size());
    if (name == "index") return Value::integer(index + 1);
    if (name == "index0") return Value::integer(index);
    if (name == "revindex") return Value::integer(size - index);
    if (name == "revindex0") return Value::integer(size - index - 1);
    if (name == "first") return Value::boolean(index == 0);
    if (name == "last") return Value::boolean(index + 1 == size);
    if (name == "length") return Value::integer(size);
    if (name == "depth") return Value::integer(1);  // of recursion, which is not supported
    if (name == "depth0") return Value::integer(0);
    if (name == "previtem")
        return index > 0 ? items[loop->index - 1] : Value::undefined("there is no previous item");
    if (name == "nextitem")
        return index + 1 < size ? items[loop->index + 1] : Value::undefined("there is no next item");
    if (name == "cycle")
        return Value::callable("cycle", [loop](Interpreter&, Arguments& arguments) {
            check(!arguments.positional.empty(), "no items for cycling given");
            return arguments.positional[loop->index % arguments.positional.size()];
        });
    return std::nullopt;
}

Value range(Interpreter& interpreter, Arguments& arguments) {
    auto a = bind_arguments("range", arguments, {"start", "stop", "step"});
    check(a[0].has_value(), "range expected at least 1 argument, got 0");
    int64_t start = a[1] ? integer_argument("range", *a[0]) : 0;
    int64_t stop = integer_argument("range", a[1] ? *a[1] : *a[0]);
    int64_t step = a[2] ? integer_argument("range", *a[2]) : 1;
    check(step != 0, "range() arg 3 must not be zero");
    std::vector<Value> items;
    for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
        items.push_back(Value::integer(i));
        check(items.size() <= 100'000,
              "Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).");
        if (__builtin_add_overflow(i, step, &i)) break;
    }
    interpreter.charge(items.size());
    std::string label = cat("range(", start, ", ", stop, step == 1 ? "" : cat(", ", step), ")");
    return Value::sequence(std::move(items), Sequence::Kind::range, label);
}

// The pairs that dict(...) and namespace(...) are given.
std::vector<std::pair<Value, Value>> pairs(std::string_view function, Interpreter& interpreter,
                                           Arguments& arguments) {
    check(arguments.positional.size() <= 1, function, " expected at most 1 argument");
    std::vector<std::pair<Value, Value>> entries;
    auto put = [&](const Value& key, const Value& value) {
        interpreter.charge(1 + entries.size() / 16);
        auto known =
            std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return equal(e.first, key); });
        if (known != entries.end())
            known->second = value;
        else
            entries.emplace_back(key, value);
    };
    if (!arguments.positional.empty()) {
        const Value& given = arguments.positional[0];
        if (const Mapping* mapping = given.as_mapping()) {
            for (const auto& [key, value] : mapping->entries) put(key, value);
        } else {
            for (const Value& item : interpreter.iterate(given)) {
                std::vector<Value> pair = interpreter.iterate(item);
                check(pair.size() == 2, function, ": an element is not a pair");
                put(pair[0], pair[1]);
            }
        }
    }
    for (const auto& [name, value] : arguments.named) put(Value::string(name), value);
    return entries;
}

Value make_namespace(Interpreter& interpreter, Arguments& arguments) {
    std::vector<std::pair<std::string, Value>> attributes;
    for (const auto& [key, value] : pairs("namespace", interpreter, arguments)) {
        check(key.is_string() && !key.text().starts_with('_'),
              "chat templates cannot store underscore-prefixed attributes on a namespace");
        attributes.emplace_back(key.text(), value);
    }
    return interpreter.new_namespace(std::move(attributes));
}

Value strftime_now(Interpreter& interpreter, Arguments& arguments) {
    auto a = bind_arguments("strftime_now", arguments, {"format"});
    check(a[0].has_value(), "strftime_now() lacks its format");
    std::string format = string_argument("strftime_now", *a[0]);
    check(format.size() <= 256, "strftime_now: the format is too long");
    interpreter.charge(format.size());
    auto now = std::chrono::system_clock::now();
    auto micros =
        std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count() % 1'000'000;
    std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    std::tm local{};
    localtime_r(&seconds, &local);
    std::string digits = std::to_string(1'000'000 + micros).substr(1);
    format = python::replace(format, "%f", digits, -1) + " ";  // never empty, so that 0 means "too long"
    char buffer[4096];
    size_t size = std::strftime(buffer, sizeof buffer, format.c_str(), &local);
    check(size > 0, "strftime_now: the result is too long");
    return Value::string(std::string(buffer, size - 1));
}

Value raise_exception(Interpreter&, Arguments& arguments) {
    auto a = bind_arguments("raise_exception", arguments, {"message"});
    fail(a[0] ? to_text(*a[0]) : std::string("the template raised an exception"));
}

}  // namespace

std::optional<Value> method(const Value& object, std::string_view name) {
    std::string key(name);
    if (object.is_string()) {
        if (!among(string_methods, name)) return std::nullopt;
        return Value::callable(key, [object, key](Interpreter& interpreter, Arguments& arguments) {
            return string_method(interpreter, object.text(), key, arguments);
        });
    }
    if (object.as_mapping()) return dict_method(object, key);
    if (object.as_sequence()) return list_method(object, key);
    if (auto loop = object.get<std::shared_ptr<Loop>>()) return loop_attribute(*loop, name);
    return std::nullopt;
}

std::optional<Value> global(std::string_view name) {
    if (name == "range") return Value::callable("range", range);
    if (name == "namespace") return Value::callable("namespace", make_namespace);
    if (name == "dict")
        return Value::callable("dict", [](Interpreter& interpreter, Arguments& arguments) {
            return Value::mapping(pairs("dict", interpreter, arguments));
        });
    if (name == "raise_exception") return Value::callable("raise_exception", raise_exception);
    if (name == "strftime_now") return Value::callable("strftime_now", strftime_now);
    return std::nullopt;
}

std::vector<std::optional<Value>> bind_arguments(std::string_view function, Arguments& arguments,
                                                 std::initializer_list<std::string_view> names) {
    check(arguments.positional.size() <= names.size(), function, "() takes at most ", names.size(),
          " arguments, ", arguments.positional.size(), " are given");
    std::vector<std::optional<Value>> out(names.size());
    for (size_t i = 0; i < arguments.positional.size(); ++i) out[i] = arguments.positional[i];
    for (const auto& [name, value] : arguments.named) {
        auto at = static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
        check(at < names.size(), function, "() got an unexpected keyword argument '", name, "'");
        check(!out[at], function, "() got multiple values for argument '", name, "'");
        out[at] = value;
    }
    return out;
}

int64_t integer_argument(std::string_view function, const Value& value) {
    if (value.is_undefined()) fail_undefined(value);
    auto integer = value.as_integer();
    check(integer.has_value(), function, ": '", type_name(value),
          "' object cannot be interpreted as an integer");
    return *integer;
}

std::string string_argument(std::string_view function, const Value& value) {
    check(value.is_string(), function, "() needs a string, not ", type_name(value));
    return value.text();
}

}  // namespace r1::jinja
