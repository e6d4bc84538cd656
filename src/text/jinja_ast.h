// The syntax tree of a chat template.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja_value.h"

namespace r1::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct Expression {
    enum class Kind {
        constant,
        name,
        list,         // arguments
        tuple,        // arguments
        dict,         // arguments: key, value, key, value, ...
        unary,        // text: - + not
        binary,       // text: + - * / // % ** ~ and or
        compare,      // arguments with operators between: == != < <= > >= in "not in"
        conditional,  // arguments: condition, then, else (which may be absent)
        attribute,    // arguments[0].text
        item,         // arguments[0][arguments[1]]
        slice,        // arguments[0][arguments[1]:arguments[2]:arguments[3]], each of which may be null
        call,         // arguments[0](arguments[1], ..., named)
        filter,       // arguments[0] | text(arguments[1], ..., named); null in a filter block
        test,         // arguments[0] is text(arguments[1], ..., named)
    };
    Kind kind;
    int line = 0;
    int height = 1;
    std::string text;
    Value constant;
    std::vector<ExpressionPtr> arguments;
    std::vector<std::string> operators;
    std::vector<std::pair<std::string, ExpressionPtr>> named;
    ExpressionPtr more_arguments, more_named;  // *x, **x
};

struct Statement;
using Block = std::vector<std::unique_ptr<Statement>>;

// What a for loop or a set assigns to: a name, an attribute of a namespace, or several targets that share a
// sequence.
struct Target {
    std::string name, attribute;
    std::vector<Target> parts;  // if not empty, there is no name
};

struct Parameter {
    std::string name;
    ExpressionPtr otherwise;
};

struct Macro {
    std::string name;
    std::vector<Parameter> parameters;
    Block body;
    bool uses_varargs = false, uses_kwargs = false, uses_caller = false;
};

struct Statement {
    enum class Kind {
        text,
        print,      // expression
        branch,     // if: branches in order; the last without a condition is the else
        loop,       // for target in expression if condition: body else: otherwise
        set,        // target = expression
        set_block,  // target = body, through the filter `expression` if there is one
        macro,
        call_block,    // expression, a call, to which the macro is the caller
        filter_block,  // expression over the body
        scope,         // body in a scope of its own, with the assignments of `with`
        break_loop,
        continue_loop,
    };
    Kind kind;
    int line = 0;
    std::string text;
    ExpressionPtr expression, condition;
    Target target;
    Block body, otherwise;
    std::vector<std::pair<ExpressionPtr, Block>> branches;
    std::vector<std::pair<Target, ExpressionPtr>> assignments;
    std::unique_ptr<Macro> macro;
};

// Throws with the line on a syntax error, on a tag that is not supported, and on nesting beyond any sensible
// template.
Block parse_template(std::string_view source);

}  // namespace r1::jinja
