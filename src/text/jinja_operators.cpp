// Python's operators and string formatting.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "core/check.h"
#include "text/jinja_interpreter.h"
#include "text/python_string.h"
#include "text/unicode.h"

namespace r1::jinja {
namespace {

[[noreturn]] void unsupported(std::string_view op, const Value& left, const Value& right) {
    fail("unsupported operand type(s) for ", op, ": '", type_name(left), "' and '", type_name(right), "'");
}

int64_t integer_power(int64_t base, int64_t exponent) {
    int64_t result = 1;
    while (exponent > 0) {
        bool overflow = (exponent & 1) && __builtin_mul_overflow(result, base, &result);
        exponent >>= 1;
        overflow |= exponent > 0 && __builtin_mul_overflow(base, base, &base);
        check(!overflow, "a number grows too large");
    }
    return result;
}

int64_t floor_divide(int64_t a, int64_t b) {
    check(b != 0, "integer division or modulo by zero");
    check(!(a == INT64_MIN && b == -1), "a number grows too large");
    return a / b - ((a % b != 0) && ((a < 0) != (b < 0)));
}

double modulo(double a, double b) {
    check(b != 0, "float modulo");
    double rest = std::fmod(a, b);
    if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
    return rest;
}

Value integer_arithmetic(std::string_view op, int64_t a, int64_t b) {
    int64_t result = 0;
    bool overflow = false;
    if (op == "+")
        overflow = __builtin_add_overflow(a, b, &result);
    else if (op == "-")
        overflow = __builtin_sub_overflow(a, b, &result);
    else if (op == "*")
        overflow = __builtin_mul_overflow(a, b, &result);
    else if (op == "//")
        result = floor_divide(a, b);
    else if (op == "%")
        result = b == -1 ? 0 : a - floor_divide(a, b) * b;
    else if (op == "**" && b >= 0)
        result = integer_power(a, b);
    else if (op == "**")
        return check(a != 0, "0.0 cannot be raised to a negative power"),
               Value::real(std::pow(static_cast<double>(a), static_cast<double>(b)));
    else
        return check(b != 0, "division by zero"),
               Value::real(static_cast<double>(a) / static_cast<double>(b));
    check(!overflow, "a number grows too large");
    return Value::integer(result);
}

Value real_arithmetic(std::string_view op, double a, double b) {
    if (op == "+") return Value::real(a + b);
    if (op == "-") return Value::real(a - b);
    if (op == "*") return Value::real(a * b);
    if (op == "%") return Value::real(modulo(a, b));
    if (op == "**") return Value::real(std::pow(a, b));
    check(b != 0, "float division by zero");
    return Value::real(op == "//" ? (a - modulo(a, b)) / b : a / b);
}

Value repeat(Interpreter& interpreter, const Value& what, int64_t times) {
    auto count = static_cast<size_t>(std::max<int64_t>(times, 0));
    if (what.is_string()) {
        size_t size = what.text().size();
        check(size == 0 || count <= max_text / size, "a string grows beyond ", max_text, " bytes");
        interpreter.charge(1 + size * count / 16);
        std::string out;
        for (size_t i = 0; size > 0 && i < count; ++i) out += what.text();
        return Value::string(std::move(out));
    }
    const Sequence& sequence = *what.as_sequence();
    size_t size = sequence.items.size();
    check(size == 0 || count <= 1'000'000 / size, "a list grows too long");
    interpreter.charge(1 + size * count);
    std::vector<Value> items;
    for (size_t i = 0; size > 0 && i < count; ++i)
        items.insert(items.end(), sequence.items.begin(), sequence.items.end());
    return Value::sequence(std::move(items), sequence.kind);
}

bool is_list(const Value& value) {
    const Sequence* sequence = value.as_sequence();
    return sequence && (sequence->kind == Sequence::Kind::list || sequence->kind == Sequence::Kind::tuple);
}

// One conversion of a format: flags, width, precision, type.
struct Conversion {
    bool left = false, sign = false, space = false, zero = false, alternate = false;
    int width = 0, precision = -1;
    char type = 's';
};

std::string digits_of(const Conversion& how, const Value& value) {
    check(value.is_number(), "%", how.type, " format: a real number is required, not ", type_name(value));
    std::string out;
    if (std::string_view("diuxXo").find(how.type) != std::string_view::npos) {
        auto integer = value.as_integer();
        if (!integer) {
            double truncated = std::trunc(value.as_double());
            check(std::abs(truncated) < 9e18, "a number is too large to be formatted");
            integer = static_cast<int64_t>(truncated);
        }
        bool negative = *integer < 0;
        uint64_t magnitude = negative ? 0 - static_cast<uint64_t>(*integer) : static_cast<uint64_t>(*integer);
        char buffer[72];
        int base = how.type == 'x' || how.type == 'X' ? 16 : how.type == 'o' ? 8 : 10;
        out.assign(buffer, std::to_chars(buffer, buffer + sizeof buffer, magnitude, base).ptr);
        if (how.type == 'X') out = python::upper(out);
        while (static_cast<int>(out.size()) < how.precision) out.insert(0, "0");
        if (how.alternate && base != 10)
            out.insert(0, how.type == 'o' ? "0o" : how.type == 'x' ? "0x" : "0X");
        if (negative) out.insert(0, "-");
    } else {
        std::string format = cat("%", how.alternate ? "#" : "", ".*", how.type);
        char buffer[512];
        int size = std::snprintf(buffer, sizeof buffer, format.c_str(), how.precision < 0 ? 6 : how.precision,
                                 value.as_double());
        check(size >= 0 && size < static_cast<int>(sizeof buffer), "a number is too long to be formatted");
        out = buffer;
    }
    if (out[0] != '-' && (how.sign || how.space)) out.insert(0, how.sign ? "+" : " ");
    return out;
}

std::string convert(const Conversion& how, const Value& value) {
    std::string text;
    bool number = false;
    switch (how.type) {
        case 's':
        case 'r':
        case 'a':
            text = how.type == 's' ? to_text(value) : repr(value);
            if (how.precision >= 0) text = python::slice(text, 0, how.precision, 1);
            break;
        case 'c':
            if (value.is_string()) {
                check(count_code_points(value.text()) == 1, "%c requires an int or a single character");
                text = value.text();
            } else {
                int64_t code = integer_argument("%c", value);
                check(code >= 0 && code < 0x110000 && (code < 0xD800 || code > 0xDFFF), "%c is out of range");
                append_utf8(text, static_cast<char32_t>(code));
            }
            break;
        default:
            check(std::string_view("diuxXofFeEgG").find(how.type) != std::string_view::npos,
                  "unsupported format character '", how.type, "'");
            text = digits_of(how, value);
            number = true;
    }
    if (number && how.zero && !how.left) {
        size_t sign = text[0] == '-' || text[0] == '+' || text[0] == ' ';
        while (static_cast<int>(text.size()) < how.width) text.insert(sign, "0");
        return text;
    }
    return python::pad(text, how.width, how.left ? python::Side::left : python::Side::right, " ");
}

// A number in [0, 9999]; -1 if there is none.
int read_number(std::string_view text, size_t& position) {
    int value = -1;
    for (; position < text.size() && text[position] >= '0' && text[position] <= '9'; ++position) {
        value = std::max(value, 0) * 10 + (text[position] - '0');
        check(value < 10'000, "a width or precision is too large");
    }
    return value;
}

void read_flags(std::string_view text, size_t& position, Conversion& how) {
    for (; position < text.size(); ++position) {
        switch (text[position]) {
            case '-':
                how.left = true;
                continue;
            case '+':
                how.sign = true;
                continue;
            case ' ':
                how.space = true;
                continue;
            case '0':
                how.zero = true;
                continue;
            case '#':
                how.alternate = true;
                continue;
            default:
                return;
        }
    }
}

}  // namespace

Value binary(Interpreter& interpreter, std::string_view op, const Value& left, const Value& right) {
    if (op == "~") {
        std::string text = to_text(left) + to_text(right);
        interpreter.charge(text.size() / 64);
        return Value::string(std::move(text));
    }
    if (op == "%" && left.is_string()) return Value::string(percent_format(interpreter, left.text(), right));
    for (const Value* value : {&left, &right})
        if (value->is_undefined()) fail_undefined(*value);
    if (left.is_number() && right.is_number()) {
        auto a = left.as_integer(), b = right.as_integer();
        if (a && b) return integer_arithmetic(op, *a, *b);
        return real_arithmetic(op, left.as_double(), right.as_double());
    }
    if (op == "+" && left.is_string() && right.is_string()) {
        interpreter.charge((left.text().size() + right.text().size()) / 64);
        return Value::string(left.text() + right.text());
    }
    if (op == "+" && is_list(left) && is_list(right) &&
        left.as_sequence()->kind == right.as_sequence()->kind) {
        std::vector<Value> items = left.as_sequence()->items;
        const std::vector<Value>& more = right.as_sequence()->items;
        interpreter.charge(items.size() + more.size());
        items.insert(items.end(), more.begin(), more.end());
        return Value::sequence(std::move(items), left.as_sequence()->kind);
    }
    if (op == "*") {
        bool left_repeats = left.is_string() || is_list(left),
             right_repeats = right.is_string() || is_list(right);
        if (left_repeats && right.as_integer()) return repeat(interpreter, left, *right.as_integer());
        if (right_repeats && left.as_integer()) return repeat(interpreter, right, *left.as_integer());
    }
    unsupported(op, left, right);
}

bool contains(Interpreter& interpreter, const Value& container, const Value& value) {
    if (container.is_string()) {
        check(value.is_string(), "'in <string>' requires string as left operand, not ", type_name(value));
        interpreter.charge(container.text().size() / 64);
        return container.text().find(value.text()) != std::string::npos;
    }
    check(container.is_undefined() || container.as_sequence() || container.as_mapping(), "argument of type '",
          type_name(container), "' is not iterable");
    std::vector<Value> items = interpreter.iterate(container);
    return std::any_of(items.begin(), items.end(), [&](const Value& item) { return equal(item, value); });
}

std::string percent_format(Interpreter& interpreter, std::string_view text, const Value& values) {
    const Sequence* tuple = values.as_sequence();
    if (tuple && tuple->kind != Sequence::Kind::tuple) tuple = nullptr;
    size_t count = tuple ? tuple->items.size() : 1, used = 0;
    auto next = [&]() -> const Value& {
        check(used < count, "not enough arguments for format string");
        ++used;
        return tuple ? tuple->items[used - 1] : values;
    };
    std::string out;
    for (size_t position = 0; position < text.size();) {
        if (text[position] != '%') {
            out += text[position++];
            continue;
        }
        ++position;
        Conversion how;
        const Value* named = nullptr;
        if (position < text.size() && text[position] == '(') {
            size_t close = text.find(')', position);
            check(close != text.npos && values.as_mapping(), "format requires a mapping");
            Value key = Value::string(std::string(text.substr(position + 1, close - position - 1)));
            named = find(*values.as_mapping(), key);
            check(named != nullptr, "the format's key '", key.text(), "' is missing");
            used = count;
            position = close + 1;
        }
        read_flags(text, position, how);
        auto size = [&] {
            if (position < text.size() && text[position] == '*') {
                ++position;
                int64_t value = integer_argument("*", next());
                check(value >= 0 && value < 10'000, "a width or precision is too large");
                return static_cast<int>(value);
            }
            return read_number(text, position);
        };
        how.width = std::max(size(), 0);
        if (position < text.size() && text[position] == '.') {
            ++position;
            how.precision = std::max(size(), 0);
        }
        check(position < text.size(), "incomplete format");
        how.type = text[position++];
        if (how.type == '%') {
            out += '%';
            continue;
        }
        out += convert(how, named ? *named : next());
        interpreter.charge(1 + out.size() / 1024);
        check(out.size() <= max_text, "a string grows beyond ", max_text, " bytes");
    }
    check(used >= count || values.as_mapping() || (values.as_sequence() && !tuple),
          "not all arguments converted during string formatting");
    return out;
}

std::string brace_format(Interpreter& interpreter, std::string_view text, const Arguments& arguments) {
    std::string out;
    size_t next = 0;
    for (size_t position = 0; position < text.size();) {
        char c = text[position++];
        if (c != '{' && c != '}') {
            out += c;
            continue;
        }
        if (position < text.size() && text[position] == c) {
            out += c;
            ++position;
            continue;
        }
        size_t close = text.find('}', position);
        check(c == '{' && close != text.npos, "single '", c, "' encountered in format string");
        std::string_view field = text.substr(position, close - position);
        position = close + 1;
        std::string_view name = field.substr(0, field.find(':'));
        std::string_view spec = name.size() < field.size() ? field.substr(name.size() + 1) : "";
        size_t digits = 0;
        int index = read_number(name, digits);
        const Value* value = nullptr;
        if (name.empty() || (index >= 0 && digits == name.size())) {
            size_t at = name.empty() ? next++ : static_cast<size_t>(index);
            check(at < arguments.positional.size(), "the format's argument ", at, " is missing");
            value = &arguments.positional[at];
        } else {
            auto named = std::find_if(arguments.named.begin(), arguments.named.end(),
                                      [&](const auto& argument) { return argument.first == name; });
            check(named != arguments.named.end(), "the format's field '{", field,
                  "}' is missing or not supported");
            value = &named->second;
        }
        Conversion how;
        size_t at = 0;
        read_flags(spec, at, how);
        how.left = !value->is_number();
        how.width = std::max(read_number(spec, at), 0);
        if (at < spec.size() && spec[at] == '.') how.precision = std::max(read_number(spec, ++at), 0);
        if (at < spec.size()) how.type = spec[at++];
        check(at == spec.size(), "the format '", spec, "' is not supported");
        out += convert(how, *value);
        interpreter.charge(1 + out.size() / 1024);
        check(out.size() <= max_text, "a string grows beyond ", max_text, " bytes");
    }
    return out;
}

}  // namespace r1::jinja
