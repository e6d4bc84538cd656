// Jinja2's tests: what may follow "is".
#include <array>

#include "core/check.h"
#include "text/jinja_interpreter.h"
#include "text/python_string.h"

namespace r1::jinja {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 18> comparisons = {{
    {"==", "=="},
    {"eq", "=="},
    {"equalto", "=="},
    {"!=", "!="},
    {"ne", "!="},
    {"<", "<"},
    {"lt", "<"},
    {"lessthan", "<"},
    {"<=", "<="},
    {"le", "<="},
    {">", ">"},
    {"gt", ">"},
    {"greaterthan", ">"},
    {">=", ">="},
    {"ge", ">="},
    {"in", "in"},
    {"sameas", "is"},
    {"divisibleby", "%"},
}};

bool same_object(const Value& a, const Value& b) {
    return type_name(a) == type_name(b) && equal(a, b);
}

bool compares(Interpreter& interpreter, std::string_view op, const Value& value, const Value& other) {
    if (op == "==") return equal(value, other);
    if (op == "!=") return !equal(value, other);
    if (op == "in") return contains(interpreter, other, value);
    if (op == "is") return same_object(value, other);
    if (op == "%") return equal(binary(interpreter, "%", value, other), Value::integer(0));
    int order = compare(value, other);
    if (op == "<") return order < 0;
    if (op == ">") return order == 1;
    return op == "<=" ? order <= 0 : order == 0 || order == 1;
}

bool is_iterable(const Value& value) {
    return value.is_undefined() || value.is_string() || value.as_sequence() || value.as_mapping() ||
           value.is<std::shared_ptr<Loop>>();
}

bool is_sequence(const Value& value) {
    if (const Sequence* sequence = value.as_sequence())
        return sequence->kind != Sequence::Kind::view && sequence->kind != Sequence::Kind::iterator;
    return value.is_undefined() || value.is_string() || value.as_mapping();
}

}  // namespace

bool Interpreter::test(std::string_view name, const Value& value, Arguments& arguments) {
    charge(1);
    for (const auto& [known, op] : comparisons) {
        if (known != name) continue;
        auto a = bind_arguments(name, arguments, {"other"});
        check(a[0].has_value(), "the test '", name, "' lacks its argument");
        return compares(*this, op, value, *a[0]);
    }
    bind_arguments(name, arguments, {});
    if (name == "defined") return !value.is_undefined();
    if (name == "undefined") return value.is_undefined();
    if (name == "none") return value.is_none();
    if (name == "true") return value.is<bool>() && truthy(value);
    if (name == "false") return value.is<bool>() && !truthy(value);
    if (name == "boolean") return value.is<bool>();
    if (name == "integer") return value.is<int64_t>();
    if (name == "float") return value.is<double>();
    if (name == "number") return value.is_number();
    if (name == "string") return value.is_string();
    if (name == "mapping") return value.as_mapping() != nullptr;
    if (name == "iterable") return is_iterable(value);
    if (name == "sequence") return is_sequence(value);
    if (name == "callable") return value.is<std::shared_ptr<const Callable>>() || value.is_undefined();
    if (name == "odd") return !equal(binary(*this, "%", value, Value::integer(2)), Value::integer(0));
    if (name == "even") return equal(binary(*this, "%", value, Value::integer(2)), Value::integer(0));
    if (name == "lower") return *python::classify(to_text(value), "islower");
    if (name == "upper") return *python::classify(to_text(value), "isupper");
    if (name == "escaped") return false;
    fail("the test '", name, "' is not known");
}

}  // namespace r1::jinja
