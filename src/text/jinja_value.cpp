#include "text/jinja_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "text/python_string.h"
#include "text/unicode.h"

namespace r1::jinja {
namespace {

void append_json_string(std::string_view text, bool ensure_ascii, std::string& out) {
    auto escape = [&](uint32_t unit) {
        char buffer[16];
        std::snprintf(buffer, sizeof buffer, "\\u%04x", unit);
        out += buffer;
    };
    out += '"';
    for (size_t position = 0; position < text.size();) {
        size_t begin = position;
        char32_t c = next_code_point(text, position);
        switch (c) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            case '\f':
                out += "\\f";
                break;
            case '\b':
                out += "\\b";
                break;
            default:
                if (c < 0x20 || (ensure_ascii && c >= 0x7F && c < 0x10000 && c != 0x7F)) {
                    escape(c);
                } else if (ensure_ascii && c >= 0x10000) {
                    escape(0xD800 + ((c - 0x10000) >> 10));
                    escape(0xDC00 + ((c - 0x10000) & 0x3FF));
                } else {
                    out += text.substr(begin, position - begin);
                }
        }
    }
    out += '"';
}

std::string json_number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
    return repr(value);
}

// A dict's key becomes a string.
std::string json_key(const Value& key) {
    if (key.is_string()) return key.text();
    if (const bool* b = key.get<bool>()) return *b ? "true" : "false";
    if (key.is_none()) return "null";
    if (const double* d = key.get<double>()) return json_number(*d);
    if (key.is<int64_t>()) return to_text(key);
    fail("keys must be str, int, float, bool or None, not ", type_name(key));
}

class JsonWriter {
  public:
    explicit JsonWriter(const JsonStyle& style) : style_(style) {}

    void write(const Value& value, int depth) {
        check(depth <= 2 * max_height, "a value for tojson is nested too deeply");
        if (value.is_string()) {
            append_json_string(value.text(), style_.ensure_ascii, out);
        } else if (const Sequence* list = value.as_sequence();
                   list && (list->kind == Sequence::Kind::list || list->kind == Sequence::Kind::tuple)) {
            group('[', ']', list->items.size(), depth, [&](size_t i) { write(list->items[i], depth + 1); });
        } else if (const Mapping* dict = value.as_mapping()) {
            std::vector<std::pair<Value, Value>> sorted;
            if (style_.sort_keys) {
                sorted = dict->entries;
                std::stable_sort(sorted.begin(), sorted.end(),
                                 [](auto& a, auto& b) { return compare(a.first, b.first) < 0; });
            }
            const auto& entries = style_.sort_keys ? sorted : dict->entries;
            group('{', '}', entries.size(), depth, [&](size_t i) {
                append_json_string(json_key(entries[i].first), style_.ensure_ascii, out);
                out += style_.key_separator;
                write(entries[i].second, depth + 1);
            });
        } else if (value.is_none()) {
            out += "null";
        } else if (const bool* b = value.get<bool>()) {
            out += *b ? "true" : "false";
        } else if (const double* d = value.get<double>()) {
            out += json_number(*d);
        } else if (value.is<int64_t>()) {
            out += to_text(value);
        } else {
            fail("Object of type ", type_name(value), " is not JSON serializable");
        }
        check(out.size() <= max_text, "tojson makes too long a text");
    }

    std::string out;

  private:
    template <class WriteItem>
    void group(char open, char close, size_t count, int depth, WriteItem item) {
        out += open;
        for (size_t i = 0; i < count; ++i) {
            if (i > 0) out += style_.item_separator;
            new_line(depth + 1);
            item(i);
        }
        if (count > 0) new_line(depth);
        out += close;
    }

    void new_line(int depth) {
        if (!style_.indent) return;
        out += '\n';
        for (int i = 0; i < depth; ++i) out += *style_.indent;
        check(out.size() <= max_text, "tojson makes too long a text");
    }

    const JsonStyle& style_;
};

int height_of(const std::vector<Value>& items) {
    int height = 0;
    for (const Value& item : items) height = std::max(height, item.height());
    return height + 1;
}

template <class Items, class Write>
std::string join(const Items& items, Write write) {
    std::string out;
    for (size_t i = 0; i < items.size(); ++i) {
        if (i > 0) out += ", ";
        out += write(items[i]);
        check(out.size() <= max_text, "a value makes too long a text");
    }
    return out;
}

std::string repr_at(const Value& value, int depth);

std::string repr_sequence(const Sequence& sequence, int depth) {
    std::string inside = join(sequence.items, [&](const Value& v) { return repr_at(v, depth + 1); });
    switch (sequence.kind) {
        case Sequence::Kind::list:
            return "[" + inside + "]";
        case Sequence::Kind::tuple:
            return "(" + inside + (sequence.items.size() == 1 ? ",)" : ")");
        case Sequence::Kind::range:
            return sequence.label;
        case Sequence::Kind::view:
            return sequence.label + "([" + inside + "])";
        case Sequence::Kind::iterator:
            break;
    }
    return "<generator object>";
}

std::string repr_at(const Value& value, int depth) {
    check(depth <= 2 * max_height, "a value is nested too deeply to be printed");
    if (value.is_undefined()) return "Undefined";
    if (value.is_none()) return "None";
    if (const bool* b = value.get<bool>()) return *b ? "True" : "False";
    if (const int64_t* i = value.get<int64_t>()) return std::to_string(*i);
    if (const double* d = value.get<double>()) return repr(*d);
    if (value.is_string()) return python::repr(value.text());
    if (const Sequence* sequence = value.as_sequence()) return repr_sequence(*sequence, depth);
    auto entry = [&](const auto& e) {
        return repr_at(e.first, depth + 1) + ": " + repr_at(e.second, depth + 1);
    };
    if (const Mapping* mapping = value.as_mapping()) return "{" + join(mapping->entries, entry) + "}";
    if (auto space = value.get<Namespace*>()) {
        auto attribute = [&](const auto& e) {
            return python::repr(e.first) + ": " + repr_at(e.second, depth + 1);
        };
        return "<Namespace {" + join((*space)->attributes, attribute) + "}>";
    }
    if (auto loop = value.get<std::shared_ptr<Loop>>())
        return cat("<LoopContext ", (*loop)->index + 1, "/", (*loop)->items->items.size(), ">");
    return "<Macro " + python::repr((*value.get<std::shared_ptr<const Callable>>())->name) + ">";
}

}  // namespace

Value Value::undefined(std::string message) {
    return Data(Undefined{std::make_shared<const std::string>(std::move(message))});
}

Value Value::string(std::string text) {
    check(text.size() <= max_text, "a string grows beyond ", max_text, " bytes");
    return Data(std::make_shared<const std::string>(std::move(text)));
}

Value Value::sequence(std::vector<Value> items, Sequence::Kind kind, std::string label) {
    int height = height_of(items);
    check(height <= max_height, "lists are nested too deeply");
    return Data(
        std::make_shared<const Sequence>(Sequence{kind, std::move(items), std::move(label), false, height}));
}

Value Value::mapping(std::vector<std::pair<Value, Value>> entries) {
    int height = 0;
    for (const auto& [key, value] : entries) height = std::max({height, key.height(), value.height()});
    check(height < max_height, "dicts are nested too deeply");
    return Data(std::make_shared<const Mapping>(Mapping{std::move(entries), height + 1}));
}

Value Value::callable(std::string name, std::function<Value(Interpreter&, Arguments&)> call) {
    return Data(std::make_shared<const Callable>(Callable{std::move(name), std::move(call)}));
}

Value Value::from_json(const nlohmann::ordered_json& json, int depth) {
    check(depth < max_height, "a chat template's data is nested too deeply");
    if (json.is_null()) return {};
    if (json.is_boolean()) return boolean(json.get<bool>());
    if (json.is_number_unsigned())
        check(json.get<uint64_t>() <= static_cast<uint64_t>(INT64_MAX), "the number ", json.get<uint64_t>(),
              " is too large for a chat template");
    if (json.is_number_integer()) return integer(json.get<int64_t>());
    if (json.is_number_float()) return real(json.get<double>());
    if (json.is_string()) return string(to_valid_utf8(json.get_ref<const std::string&>()));
    if (json.is_array()) {
        std::vector<Value> items;
        for (const auto& item : json) items.push_back(from_json(item, depth + 1));
        return sequence(std::move(items));
    }
    check(json.is_object(), "a chat template's data must be plain JSON");
    std::vector<std::pair<Value, Value>> entries;
    for (const auto& [key, item] : json.items())
        entries.emplace_back(string(to_valid_utf8(key)), from_json(item, depth + 1));
    return mapping(std::move(entries));
}

std::optional<int64_t> Value::as_integer() const {
    if (const bool* b = get<bool>()) return *b;
    if (const int64_t* i = get<int64_t>()) return *i;
    return std::nullopt;
}

double Value::as_double() const {
    if (const double* d = get<double>()) return *d;
    return static_cast<double>(*as_integer());
}

int Value::height() const {
    if (const Sequence* sequence = as_sequence()) return sequence->height;
    if (const Mapping* mapping = as_mapping()) return mapping->height;
    if (auto loop = get<std::shared_ptr<Loop>>()) return (*loop)->items->height;
    return 0;
}

std::string type_name(const Value& value) {
    if (value.is_undefined()) return "Undefined";
    if (value.is_none()) return "NoneType";
    if (value.is<bool>()) return "bool";
    if (value.is<int64_t>()) return "int";
    if (value.is<double>()) return "float";
    if (value.is_string()) return "str";
    if (value.as_mapping()) return "dict";
    if (value.is<Namespace*>()) return "Namespace";
    if (value.is<std::shared_ptr<Loop>>()) return "LoopContext";
    if (const Sequence* sequence = value.as_sequence()) {
        switch (sequence->kind) {
            case Sequence::Kind::list:
                return "list";
            case Sequence::Kind::tuple:
                return "tuple";
            case Sequence::Kind::range:
                return "range";
            case Sequence::Kind::view:
                return sequence->label;
            case Sequence::Kind::iterator:
                return "generator";
        }
    }
    return "function";
}

std::string object_name(const Value& value) {
    return value.is_none() ? "None" : "'" + type_name(value) + " object'";
}

void fail_undefined(const Value& value) {
    fail(*value.get<Undefined>()->message);
}

bool truthy(const Value& value) {
    if (value.is_undefined() || value.is_none()) return false;
    if (value.is_number()) return value.as_double() != 0.0;
    if (value.is_string()) return !value.text().empty();
    if (const Sequence* sequence = value.as_sequence())
        return sequence->kind == Sequence::Kind::iterator || !sequence->items.empty();
    if (const Mapping* mapping = value.as_mapping()) return !mapping->entries.empty();
    return true;
}

bool equal(const Value& a, const Value& b) {
    if (a.is_number() && b.is_number()) {
        auto x = a.as_integer(), y = b.as_integer();
        return x && y ? *x == *y : a.as_double() == b.as_double();
    }
    if (a.is_string() && b.is_string()) return a.text() == b.text();
    if (a.is_undefined() || a.is_none())
        return (a.is_undefined() && b.is_undefined()) || (a.is_none() && b.is_none());
    if (const Sequence* x = a.as_sequence(), *y = b.as_sequence(); x && y) {
        if (x == y) return true;
        bool lists =
            x->kind == y->kind && x->kind != Sequence::Kind::view && x->kind != Sequence::Kind::iterator;
        return lists && x->items.size() == y->items.size() &&
               std::equal(x->items.begin(), x->items.end(), y->items.begin(), equal);
    }
    if (const Mapping* x = a.as_mapping(), *y = b.as_mapping(); x && y) {
        if (x->entries.size() != y->entries.size()) return false;
        return std::all_of(x->entries.begin(), x->entries.end(), [&](const auto& entry) {
            const Value* other = find(*y, entry.first);
            return other && equal(entry.second, *other);
        });
    }
    if (auto x = a.get<Namespace*>(), y = b.get<Namespace*>(); x && y) return *x == *y;
    if (auto x = a.get<std::shared_ptr<const Callable>>(), y = b.get<std::shared_ptr<const Callable>>();
        x && y)
        return *x == *y;
    return false;
}

int compare(const Value& a, const Value& b) {
    for (const Value* value : {&a, &b})
        if (value->is_undefined()) fail_undefined(*value);
    if (a.is_number() && b.is_number()) {
        auto x = a.as_integer(), y = b.as_integer();
        if (x && y) return *x < *y ? -1 : *x > *y;
        double u = a.as_double(), v = b.as_double();
        return u < v ? -1 : u > v ? 1 : u == v ? 0 : 2;  // 2: not a number; no order holds
    }
    if (a.is_string() && b.is_string()) {
        int order = a.text().compare(b.text());  // UTF-8 keeps the order of code points
        return order < 0 ? -1 : order > 0;
    }
    if (const Sequence* x = a.as_sequence(), *y = b.as_sequence();
        x && y && x->kind == y->kind &&
        (x->kind == Sequence::Kind::list || x->kind == Sequence::Kind::tuple)) {
        for (size_t i = 0; i < std::min(x->items.size(), y->items.size()); ++i)
            if (!equal(x->items[i], y->items[i])) return compare(x->items[i], y->items[i]);
        return x->items.size() < y->items.size() ? -1 : x->items.size() > y->items.size();
    }
    fail("'", type_name(a), "' and '", type_name(b), "' cannot be ordered");
}

std::string to_text(const Value& value) {
    if (value.is_string()) return value.text();
    if (value.is_undefined()) return "";
    return repr_at(value, 0);
}

std::string repr(const Value& value) {
    return repr_at(value, 0);
}

// The shortest digits that give the number back; scientific outside of 1e-4 ... 1e16.
std::string repr(double value) {
    if (std::isnan(value)) return "nan";
    if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
    if (value == 0) return std::signbit(value) ? "-0.0" : "0.0";
    int exponent = 0;
    char buffer[64];
    auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
    std::string scientific(buffer, end);
    size_t e = scientific.find('e');
    exponent = std::atoi(scientific.c_str() + e + 1);
    if (exponent < -4 || exponent >= 16) return scientific;
    end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed).ptr;
    std::string fixed(buffer, end);
    return fixed.find('.') == std::string::npos ? fixed + ".0" : fixed;
}

const Value* find(const Mapping& mapping, const Value& key) {
    for (const auto& [candidate, value] : mapping.entries)
        if (equal(candidate, key)) return &value;
    return nullptr;
}

std::string to_json(const Value& value, const JsonStyle& style) {
    JsonWriter writer(style);
    writer.write(value, 0);
    return std::move(writer.out);
}

}  // namespace r1::jinja
