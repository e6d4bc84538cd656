// The values of a chat template: Python's, as far as Jinja templates over JSON data can see them.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace r1::jinja {

class Value;
class Interpreter;

struct None {
    bool operator==(const None&) const = default;
};

// What a missing variable, attribute or item gives. Printing, looping and testing it works; all else raises
// `message`.
struct Undefined {
    std::shared_ptr<const std::string> message;
};

struct Sequence {
    enum class Kind { list, tuple, range, view, iterator };
    Kind kind = Kind::list;
    std::vector<Value> items;
    std::string label;              // of a view or a range, for repr: "dict_items"
    mutable bool consumed = false;  // an iterator gives its items once
    int height = 1;
};

struct Mapping {
    std::vector<std::pair<Value, Value>> entries;  // in order of insertion
    int height = 1;
};

// The only mutable value. The interpreter owns them all, so that cycles neither leak nor dangle.
struct Namespace {
    std::vector<std::pair<std::string, Value>> attributes;
};

// The variable `loop`.
struct Loop {
    std::shared_ptr<const Sequence> items;
    size_t index = 0;
};

struct Arguments {
    std::vector<Value> positional;
    std::vector<std::pair<std::string, Value>> named;
};

struct Callable {
    std::string name;
    std::function<Value(Interpreter&, Arguments&)> call;
};

using String = std::shared_ptr<const std::string>;
using SequencePtr = std::shared_ptr<const Sequence>;
using MappingPtr = std::shared_ptr<const Mapping>;

class Value {
  public:
    using Data = std::variant<Undefined, None, bool, int64_t, double, String, SequencePtr, MappingPtr,
                              Namespace*, std::shared_ptr<Loop>, std::shared_ptr<const Callable>>;

    Value() : data_(None()) {}
    Value(Data data) : data_(std::move(data)) {}
    static Value undefined(std::string message);
    static Value string(std::string text);
    static Value boolean(bool value) { return Data(value); }
    static Value integer(int64_t value) { return Data(value); }
    static Value real(double value) { return Data(value); }
    // Throw if values would be nested too deeply.
    static Value sequence(std::vector<Value> items, Sequence::Kind kind = Sequence::Kind::list,
                          std::string label = "");
    static Value mapping(std::vector<std::pair<Value, Value>> entries);
    static Value callable(std::string name, std::function<Value(Interpreter&, Arguments&)> call);
    static Value from_json(const nlohmann::ordered_json& json, int depth = 0);

    template <class T>
    const T* get() const {
        return std::get_if<T>(&data_);
    }
    template <class T>
    bool is() const {
        return std::holds_alternative<T>(data_);
    }

    bool is_undefined() const { return is<Undefined>(); }
    bool is_none() const { return is<None>(); }
    bool is_string() const { return is<String>(); }
    bool is_number() const { return is<bool>() || is<int64_t>() || is<double>(); }
    const std::string& text() const { return **get<String>(); }  // of a string
    const Sequence* as_sequence() const { return is<SequencePtr>() ? get<SequencePtr>()->get() : nullptr; }
    const Mapping* as_mapping() const { return is<MappingPtr>() ? get<MappingPtr>()->get() : nullptr; }
    std::optional<int64_t> as_integer() const;  // of an int or a bool
    double as_double() const;                   // of a number
    int height() const;                         // levels of nesting

  private:
    Data data_;
};

std::string type_name(const Value& value);    // "str", "dict", ... as Python names it
std::string object_name(const Value& value);  // "dict object", "None": as Jinja's messages name it
bool truthy(const Value& value);
bool equal(const Value& a, const Value& b);
int compare(const Value& a, const Value& b);  // <0, 0, >0; throws if Python cannot order them
std::string to_text(const Value& value);      // str()
std::string repr(const Value& value);
std::string repr(double value);
const Value* find(const Mapping& mapping, const Value& key);

struct JsonStyle {
    bool ensure_ascii = false, sort_keys = false;
    std::optional<std::string> indent;
    std::string item_separator = ", ", key_separator = ": ";
};
std::string to_json(const Value& value, const JsonStyle& style);  // json.dumps

// Throws what an operation on an undefined value raises.
[[noreturn]] void fail_undefined(const Value& value);

inline constexpr int max_height = 100;                // of nested lists and dicts
inline constexpr size_t max_text = size_t{64} << 20;  // of one string, in bytes

}  // namespace r1::jinja
