// A small part of Python 3, read and run here: what the programs of the code families are written in. One
// function of integers, truth values, strings and lists:
//
//   statements    assignment (also += and the like, and to an item), if/elif/else, for, while, break,
//                 continue, pass, return, NAME.append(…)
//   expressions   + - * // % and or not, comparisons, in, not in, x if c else y, indexing, slices, lists,
//                 [… for NAME in … if …], len sum min max abs sorted range str, .count(…) .upper() .lower()
//
// What is accepted means what it means in CPython, but for two things: integers beyond 64 bits end the run,
// and an assignment copies a list. No code of anyone runs: a program is a tree that is evaluated step by
// step, within a budget of steps and sizes.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace r1::mini_python {

struct Value {
    std::variant<std::monostate, bool, int64_t, std::string, std::vector<Value>> of;  // monostate is None
    bool operator==(const Value&) const = default;  // of the same type, unlike Python's True == 1
};
std::string repr(const Value& value);  // as Python prints it in a list
nlohmann::json to_json(const Value& value);
Value from_json(const nlohmann::json& json);  // throws on what is no Value

// "3, [1, -2], 'ab'": literals separated by commas; nothing for anything else.
std::optional<std::vector<Value>> parse_literals(std::string_view text);

struct Node {
    enum class Kind : uint8_t {
        // expressions
        constant,
        name,
        list,
        comprehension,  // item, source, condition or nothing; text is the variable
        unary,          // text: - not
        binary,         // text: + - * // %
        both,           // and
        either,         // or
        compare,        // text: == != < <= > >= in not-in
        choose,         // then, condition, else
        index,
        slice,  // of, begin, end, step; `nothing` where left out
        call,   // text: name of a function
        method,
        nothing,
        // statements
        assign,  // target, value; text: "" or the operator
        append,  // target, value
        branch,  // condition, block, else block
        loop,    // source, block; text: variable
        repeat,  // condition, block
        leave,   // return
        stop,    // break
        skip,    // continue
        block,
    };
    Kind kind = Kind::nothing;
    std::string text;
    Value value;
    std::vector<Node> parts;
};

struct Program {
    std::string name;
    std::vector<std::string> parameters;
    Node body;
};

Program parse_program(std::string_view source);  // throws Error with the line

struct Run {
    std::optional<Value> value;
    std::string reason;  // where there is none: "division by zero", "too many steps", …
};
// What the function returns for these arguments. A step is a node that is evaluated, or an item of a list or
// string that is made.
Run run(const Program& program, const std::vector<Value>& arguments, int64_t most_steps = 100'000);

}  // namespace r1::mini_python
