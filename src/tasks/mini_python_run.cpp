#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "tasks/mini_python.h"

namespace r1::mini_python {
namespace {

using Kind = Node::Kind;
using List = std::vector<Value>;

[[noreturn]] void overflow() {
    fail("an integer beyond 64 bits");
}
int64_t add(int64_t a, int64_t b) {
    int64_t out = 0;
    if (__builtin_add_overflow(a, b, &out)) overflow();
    return out;
}
int64_t multiply(int64_t a, int64_t b) {
    int64_t out = 0;
    if (__builtin_mul_overflow(a, b, &out)) overflow();
    return out;
}
int64_t negate(int64_t a) {
    if (a == INT64_MIN) overflow();
    return -a;
}
// Python rounds quotients down, and remainders have the divisor's sign.
int64_t floor_divide(int64_t a, int64_t b) {
    check(b != 0, "division by zero");
    if (b == -1) return negate(a);
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}
int64_t floor_remainder(int64_t a, int64_t b) {
    check(b != 0, "division by zero");
    if (b == -1) return 0;
    const int64_t rest = a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

const std::string* text_of(const Value& value) {
    return std::get_if<std::string>(&value.of);
}
const List* list_of(const Value& value) {
    return std::get_if<List>(&value.of);
}
bool is_number(const Value& value) {
    return std::holds_alternative<int64_t>(value.of) || std::holds_alternative<bool>(value.of);
}
int64_t number(const Value& value) {
    if (const bool* truth = std::get_if<bool>(&value.of)) return *truth;
    const auto* found = std::get_if<int64_t>(&value.of);
    check(found, "an integer is needed");
    return *found;
}
bool truth(const Value& value) {
    if (is_number(value)) return number(value) != 0;
    if (const auto* text = text_of(value)) return !text->empty();
    if (const auto* list = list_of(value)) return !list->empty();
    return false;
}
// Python's ==, in which True equals 1.
bool same(const Value& a, const Value& b) {
    if (is_number(a) && is_number(b)) return number(a) == number(b);
    const auto *x = list_of(a), *y = list_of(b);
    if (x && y) return std::equal(x->begin(), x->end(), y->begin(), y->end(), same);
    return a == b;
}
bool less(const Value& a, const Value& b) {
    if (is_number(a) && is_number(b)) return number(a) < number(b);
    if (text_of(a) && text_of(b)) return *text_of(a) < *text_of(b);
    const auto *x = list_of(a), *y = list_of(b);
    check(x && y, "values that have no order");
    for (size_t i = 0; i < x->size() && i < y->size(); ++i)
        if (!same((*x)[i], (*y)[i])) return less((*x)[i], (*y)[i]);
    return x->size() < y->size();
}

class Evaluator {
  public:
    explicit Evaluator(int64_t steps) : left_(steps) {}

    Value call(const Program& program, const List& arguments) {
        check(arguments.size() == program.parameters.size(), "takes ", program.parameters.size(),
              " arguments, not ", arguments.size());
        for (size_t i = 0; i < arguments.size(); ++i) variables_[program.parameters[i]] = arguments[i];
        execute(program.body);
        return std::move(result_);
    }

  private:
    enum class Flow : uint8_t { on, leave, stop, skip };

    void spend(size_t steps) {
        left_ -= static_cast<int64_t>(std::min<size_t>(steps, 1'000'000'000));
        check(left_ >= 0, "too many steps");
    }
    Value make(List items) {
        spend(items.size());
        return {std::move(items)};
    }
    Value make(std::string text) {
        spend(text.size());
        return {std::move(text)};
    }

    Flow execute(const Node& node) {
        spend(1);
        switch (node.kind) {
            case Kind::block:
                for (const Node& part : node.parts)
                    if (const Flow flow = execute(part); flow != Flow::on) return flow;
                return Flow::on;
            case Kind::assign:
                assign(node);
                return Flow::on;
            case Kind::append: {
                Value item = evaluate(node.parts[1]);
                auto* list = std::get_if<List>(&variable(node.parts[0].text).of);
                check(list, "append needs a list");
                spend(1 + size_of(item));
                list->push_back(std::move(item));
                return Flow::on;
            }
            case Kind::branch:
                return execute(node.parts[truth(evaluate(node.parts[0])) ? 1 : 2]);
            case Kind::loop:
                for (Value& item : items_of(evaluate(node.parts[0]))) {
                    variables_[node.text] = std::move(item);
                    const Flow flow = execute(node.parts[1]);
                    if (flow == Flow::stop) break;
                    if (flow == Flow::leave) return flow;
                }
                return Flow::on;
            case Kind::repeat:
                while (truth(evaluate(node.parts[0]))) {
                    const Flow flow = execute(node.parts[1]);
                    if (flow == Flow::stop) break;
                    if (flow == Flow::leave) return flow;
                }
                return Flow::on;
            case Kind::leave:
                result_ = evaluate(node.parts[0]);
                return Flow::leave;
            case Kind::stop:
                return Flow::stop;
            default:
                return Flow::skip;
        }
    }

    Value& variable(const std::string& name) {
        const auto found = variables_.find(name);
        check(found != variables_.end(), "the name ", name, " has no value");
        return found->second;
    }

    void assign(const Node& node) {
        const Node& target = node.parts[0];
        Value value = evaluate(node.parts[1]);
        if (target.kind == Kind::name) {
            if (!node.text.empty()) value = binary(node.text, variable(target.text), value);
            variables_[target.text] = std::move(value);
            return;
        }
        const int64_t at = number(evaluate(target.parts[1]));
        auto* list = std::get_if<List>(&variable(target.parts[0].text).of);
        check(list, "only items of lists can be assigned");
        Value& item = (*list)[position(at, list->size())];
        if (!node.text.empty()) value = binary(node.text, item, value);
        spend(size_of(value));
        item = std::move(value);
    }

    // A list takes space for each of its items.
    static size_t size_of(const Value& value) {
        size_t size = 1;
        if (const auto* text = text_of(value)) size += text->size();
        if (const auto* list = list_of(value))
            for (const Value& item : *list) size += size_of(item);
        return size;
    }

    static size_t position(int64_t at, size_t size) {
        const auto length = static_cast<int64_t>(size);
        if (at < 0) at += length;
        check(at >= 0 && at < length, "an index out of range");
        return static_cast<size_t>(at);
    }

    List items_of(Value value) {
        if (auto* list = std::get_if<List>(&value.of)) {
            spend(list->size());
            return std::move(*list);
        }
        const auto* text = text_of(value);
        check(text, "a list or string is needed");
        List items;
        for (const char c : *text) items.push_back({std::string(1, c)});
        spend(items.size());
        return items;
    }

    Value evaluate(const Node& node) {
        spend(1);
        switch (node.kind) {
            case Kind::constant:
                spend(size_of(node.value));
                return node.value;
            case Kind::name: {
                const Value& found = variable(node.text);
                spend(size_of(found));
                return found;
            }
            case Kind::list: {
                List items;
                for (const Node& part : node.parts) items.push_back(evaluate(part));
                return make(std::move(items));
            }
            case Kind::comprehension:
                return comprehension(node);
            case Kind::unary: {
                const Value value = evaluate(node.parts[0]);
                if (node.text == "not") return {!truth(value)};
                return {negate(number(value))};
            }
            case Kind::binary: {
                const Value a = evaluate(node.parts[0]), b = evaluate(node.parts[1]);
                return binary(node.text, a, b);
            }
            case Kind::both: {
                Value first = evaluate(node.parts[0]);
                return truth(first) ? evaluate(node.parts[1]) : first;
            }
            case Kind::either: {
                Value first = evaluate(node.parts[0]);
                return truth(first) ? first : evaluate(node.parts[1]);
            }
            case Kind::compare: {
                const Value a = evaluate(node.parts[0]), b = evaluate(node.parts[1]);
                return {compare(node.text, a, b)};
            }
            case Kind::choose:
                return evaluate(node.parts[truth(evaluate(node.parts[1])) ? 0 : 2]);
            case Kind::index: {
                const Value of = evaluate(node.parts[0]);
                const int64_t at = number(evaluate(node.parts[1]));
                if (const auto* text = text_of(of))
                    return make(std::string(1, (*text)[position(at, text->size())]));
                const auto* list = list_of(of);
                check(list, "only lists and strings have items");
                return (*list)[position(at, list->size())];
            }
            case Kind::slice:
                return slice(node);
            case Kind::call:
                return builtin(node);
            case Kind::method:
                return method(node);
            default:
                fail("an expression is needed");
        }
    }

    // Python 3 keeps a comprehension's variable inside it.
    Value comprehension(const Node& node) {
        const auto before = variables_.find(node.text);
        const std::optional<Value> saved =
            before == variables_.end() ? std::nullopt : std::optional<Value>(before->second);
        List items;
        for (Value& item : items_of(evaluate(node.parts[1]))) {
            variables_[node.text] = std::move(item);
            if (node.parts[2].kind == Kind::nothing || truth(evaluate(node.parts[2])))
                items.push_back(evaluate(node.parts[0]));
        }
        if (saved) {
            variables_[node.text] = *saved;
        } else {
            variables_.erase(node.text);
        }
        return make(std::move(items));
    }

    Value repeated(const Value& of, int64_t times) {
        const auto* list = list_of(of);
        const size_t size = list ? list->size() : text_of(of)->size();
        const auto count = static_cast<size_t>(std::max<int64_t>(times, 0));
        check(size == 0 || count <= 100'000 / size, "too many steps");
        List items;
        std::string text;
        for (size_t i = 0; i < count && size > 0; ++i) {
            if (list)
                items.insert(items.end(), list->begin(), list->end());
            else
                text += *text_of(of);
        }
        return list ? make(std::move(items)) : make(std::move(text));
    }

    Value binary(const std::string& op, const Value& a, const Value& b) {
        if (is_number(a) && is_number(b)) {
            const int64_t x = number(a), y = number(b);
            if (op == "+") return {add(x, y)};
            if (op == "-") return {y == INT64_MIN ? add(add(x, INT64_MAX), 1) : add(x, -y)};
            if (op == "*") return {multiply(x, y)};
            if (op == "//") return {floor_divide(x, y)};
            return {floor_remainder(x, y)};
        }
        const bool a_many = text_of(a) || list_of(a), b_many = text_of(b) || list_of(b);
        if (op == "+" && text_of(a) && text_of(b)) return make(*text_of(a) + *text_of(b));
        if (op == "+" && list_of(a) && list_of(b)) {
            List items = *list_of(a);
            items.insert(items.end(), list_of(b)->begin(), list_of(b)->end());
            return make(std::move(items));
        }
        if (op == "*" && a_many && is_number(b)) return repeated(a, number(b));
        if (op == "*" && b_many && is_number(a)) return repeated(b, number(a));
        fail("values that ", op, " does not take");
    }

    bool contains(const Value& where, const Value& what) {
        if (const auto* text = text_of(where)) {
            check(text_of(what), "a string holds only strings");
            return text->find(*text_of(what)) != std::string::npos;
        }
        const auto* list = list_of(where);
        check(list, "a list or string is needed");
        return std::any_of(list->begin(), list->end(), [&](const Value& item) { return same(item, what); });
    }

    bool compare(const std::string& op, const Value& a, const Value& b) {
        if (op == "==") return same(a, b);
        if (op == "!=") return !same(a, b);
        if (op == "in") return contains(b, a);
        if (op == "not in") return !contains(b, a);
        if (op == "<") return less(a, b);
        if (op == ">") return less(b, a);
        if (op == "<=") return !less(b, a);
        return !less(a, b);
    }

    Value slice(const Node& node) {
        const Value of = evaluate(node.parts[0]);
        const auto* list = list_of(of);
        const auto* text = text_of(of);
        check(list || text, "only lists and strings have slices");
        const auto size = static_cast<int64_t>(list ? list->size() : text->size());
        const auto part = [&](size_t i) -> std::optional<int64_t> {
            if (node.parts[i].kind == Kind::nothing) return std::nullopt;
            return number(evaluate(node.parts[i]));
        };
        const auto begin = part(1), end = part(2);
        const int64_t step = part(3).value_or(1);
        check(step != 0, "a slice with step zero");
        const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
        const auto bound = [&](std::optional<int64_t> given, int64_t otherwise) {
            if (!given) return otherwise;
            return std::clamp(*given < 0 && *given >= -size ? *given + size : *given, low, high);
        };
        List items;
        std::string out;
        const int64_t last = bound(end, step > 0 ? size : -1);
        for (int64_t i = bound(begin, step > 0 ? 0 : size - 1); step > 0 ? i < last : i > last;) {
            if (list)
                items.push_back((*list)[static_cast<size_t>(i)]);
            else
                out += (*text)[static_cast<size_t>(i)];
            if (step > size || step < -size) break;
            i += step;
        }
        return list ? make(std::move(items)) : make(std::move(out));
    }

    Value builtin(const Node& node) {
        List given;
        for (const Node& part : node.parts) given.push_back(evaluate(part));
        const std::string& name = node.text;
        if (name == "range") {
            check(!given.empty() && given.size() <= 3, "range takes one to three integers");
            const int64_t begin = given.size() > 1 ? number(given[0]) : 0;
            const int64_t end = number(given[given.size() > 1 ? 1 : 0]);
            const int64_t step = given.size() > 2 ? number(given[2]) : 1;
            check(step != 0, "range with step zero");
            List items;
            for (int64_t i = begin; step > 0 ? i < end : i > end; i = add(i, step)) {
                spend(1);
                items.push_back({i});
            }
            return {std::move(items)};
        }
        if ((name == "min" || name == "max") && given.size() > 1) given = {Value{std::move(given)}};
        check(given.size() == 1, name, " takes one value");
        Value& of = given[0];
        if (name == "abs") return {number(of) < 0 ? negate(number(of)) : number(of)};
        if (name == "str") return make(text_of(of) ? *text_of(of) : repr(of));
        if (name == "len") {
            check(text_of(of) || list_of(of), "len needs a list or string");
            return {static_cast<int64_t>(text_of(of) ? text_of(of)->size() : list_of(of)->size())};
        }
        List items = items_of(std::move(of));
        if (name == "sum") {
            int64_t total = 0;
            for (const Value& item : items) total = add(total, number(item));
            return {total};
        }
        if (name == "sorted") {
            std::stable_sort(items.begin(), items.end(), less);
            return make(std::move(items));
        }
        check(name == "min" || name == "max", "the function ", name, " is not known");
        check(!items.empty(), name, " of nothing");
        return name == "min" ? *std::min_element(items.begin(), items.end(), less)
                             : *std::max_element(items.begin(), items.end(), less);
    }

    Value method(const Node& node) {
        List given;
        for (const Node& part : node.parts) given.push_back(evaluate(part));
        const auto* text = text_of(given[0]);
        if (node.text == "count" && given.size() == 2) {
            if (const auto* list = list_of(given[0]))
                return {static_cast<int64_t>(std::count_if(
                    list->begin(), list->end(), [&](const Value& item) { return same(item, given[1]); }))};
            const auto* what = text_of(given[1]);
            check(text && what && !what->empty(), "count needs a list, or two strings");
            int64_t found = 0;
            for (size_t at = text->find(*what); at != std::string::npos;
                 at = text->find(*what, at + what->size()))
                ++found;
            return {found};
        }
        check((node.text == "upper" || node.text == "lower") && text && given.size() == 1, "the method ",
              node.text, " is not known");
        std::string out = *text;
        for (char& c : out) {
            check(static_cast<signed char>(c) >= 0, "upper and lower take ASCII");
            if (node.text == "upper" && c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
            if (node.text == "lower" && c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
        }
        return make(std::move(out));
    }

    int64_t left_;
    std::map<std::string, Value> variables_;
    Value result_;
};

}  // namespace

std::string repr(const Value& value) {
    if (std::holds_alternative<std::monostate>(value.of)) return "None";
    if (const bool* truth_value = std::get_if<bool>(&value.of)) return *truth_value ? "True" : "False";
    if (const auto* integer = std::get_if<int64_t>(&value.of)) return std::to_string(*integer);
    if (const auto* text = text_of(value)) {
        const bool plain = text->find('\'') == std::string::npos || text->find('"') != std::string::npos;
        const char quote = plain ? '\'' : '"';
        std::string out(1, quote);
        for (const char c : *text) {
            if (c == '\\' || c == quote) out += '\\';
            out += c == '\n' ? "\\n" : c == '\t' ? "\\t" : std::string(1, c);
        }
        return out + quote;
    }
    std::string out = "[";
    for (const Value& item : *list_of(value)) out += (out.size() > 1 ? ", " : "") + repr(item);
    return out + "]";
}

nlohmann::json to_json(const Value& value) {
    if (const bool* truth_value = std::get_if<bool>(&value.of)) return *truth_value;
    if (const auto* integer = std::get_if<int64_t>(&value.of)) return *integer;
    if (const auto* text = text_of(value)) return *text;
    if (std::holds_alternative<std::monostate>(value.of)) return nullptr;
    nlohmann::json out = nlohmann::json::array();
    for (const Value& item : *list_of(value)) out.push_back(to_json(item));
    return out;
}

Value from_json(const nlohmann::json& json) {
    if (json.is_null()) return {};
    if (json.is_boolean()) return {json.get<bool>()};
    if (json.is_number_integer() && (!json.is_number_unsigned() || json.get<uint64_t>() <= INT64_MAX))
        return {json.get<int64_t>()};
    if (json.is_string()) return {json.get<std::string>()};
    check(json.is_array() && json.size() <= 10'000,
          "a value is none of integer, truth value, string and list");
    List items;
    for (const auto& item : json) items.push_back(from_json(item));
    return {std::move(items)};
}

Run run(const Program& program, const std::vector<Value>& arguments, int64_t most_steps) {
    try {
        return {Evaluator(most_steps).call(program, arguments), ""};
    } catch (const Error& error) {
        return {std::nullopt, error.what()};
    }
}

}  // namespace r1::mini_python
