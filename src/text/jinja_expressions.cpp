#include "text/jinja_expressions.h"

#include <charconv>

namespace r1::jinja {

void ExpressionParser::grow(Expression& node, const ExpressionPtr& child) const {
    if (child) node.height = std::max(node.height, child->height + 1);
    if (node.height > max_expression_height) error("an expression is too long or nested too deeply");
}

void ExpressionParser::add(Expression& node, ExpressionPtr child) const {
    grow(node, child);
    node.arguments.push_back(std::move(child));
}

ExpressionPtr ExpressionParser::constant(Value value) const {
    ExpressionPtr node = make(Kind::constant, "");
    node->constant = std::move(value);
    return node;
}

// One expression, or several with commas, which are a tuple.
ExpressionPtr ExpressionParser::tuple(bool conditional_allowed, bool in_brackets) {
    ExpressionPtr node = make(Kind::tuple, "");
    bool comma = false;
    auto ends = [&] {
        return now().kind == Token::Kind::variable_end || now().kind == Token::Kind::block_end || at_op(")");
    };
    while (!ends()) {
        add(*node, conditional_allowed ? expression() : either());
        if (!accept_op(",")) break;
        comma = true;
    }
    if (comma) return node;
    if (node->arguments.empty()) {
        if (!in_brackets) unexpected();
        return node;
    }
    return std::move(node->arguments[0]);
}

ExpressionPtr ExpressionParser::expression() {
    Nesting nesting(*this);
    ExpressionPtr node = either();
    while (accept_name("if")) {
        ExpressionPtr condition = either();
        ExpressionPtr otherwise = accept_name("else") ? expression() : nullptr;
        node = make(Kind::conditional, "", std::move(condition), std::move(node), std::move(otherwise));
    }
    return node;
}

ExpressionPtr ExpressionParser::either() {
    ExpressionPtr node = both();
    while (accept_name("or")) node = make(Kind::binary, "or", std::move(node), both());
    return node;
}

ExpressionPtr ExpressionParser::both() {
    ExpressionPtr node = negation();
    while (accept_name("and")) node = make(Kind::binary, "and", std::move(node), negation());
    return node;
}

ExpressionPtr ExpressionParser::negation() {
    if (!accept_name("not")) return comparison();
    Nesting nesting(*this);
    return make(Kind::unary, "not", negation());
}

ExpressionPtr ExpressionParser::comparison() {
    ExpressionPtr first = sum();
    ExpressionPtr node;
    for (;;) {
        std::string op;
        static constexpr std::string_view symbols[] = {"==", "!=", "<", "<=", ">", ">="};
        if (now().kind == Token::Kind::op &&
            std::find(std::begin(symbols), std::end(symbols), now().text) != std::end(symbols)) {
            op = tokens_[position_++].text;
        } else if (accept_name("in")) {
            op = "in";
        } else if (at_name("not") && ahead().kind == Token::Kind::name && ahead().text == "in") {
            position_ += 2;
            op = "not in";
        } else {
            return node ? std::move(node) : std::move(first);
        }
        if (!node) node = make(Kind::compare, "", std::move(first));
        node->operators.push_back(op);
        add(*node, sum());
    }
}

ExpressionPtr ExpressionParser::sum() {
    ExpressionPtr node = concatenation();
    while (at_op("+") || at_op("-")) {
        std::string op = tokens_[position_++].text;
        node = make(Kind::binary, op, std::move(node), concatenation());
    }
    return node;
}

ExpressionPtr ExpressionParser::concatenation() {
    ExpressionPtr node = product();
    while (accept_op("~")) node = make(Kind::binary, "~", std::move(node), product());
    return node;
}

ExpressionPtr ExpressionParser::product() {
    ExpressionPtr node = power();
    while (at_op("*") || at_op("/") || at_op("//") || at_op("%")) {
        std::string op = tokens_[position_++].text;
        node = make(Kind::binary, op, std::move(node), power());
    }
    return node;
}

ExpressionPtr ExpressionParser::power() {
    ExpressionPtr node = unary(true);
    while (accept_op("**")) node = make(Kind::binary, "**", std::move(node), unary(true));
    return node;
}

ExpressionPtr ExpressionParser::unary(bool with_filters) {
    ExpressionPtr node;
    if (at_op("-") || at_op("+")) {
        Nesting nesting(*this);
        std::string op = tokens_[position_++].text;
        node = make(Kind::unary, op, unary(false));
    } else {
        node = primary();
    }
    node = postfix(std::move(node));
    return with_filters ? filters_and_tests(std::move(node)) : std::move(node);
}

ExpressionPtr ExpressionParser::primary() {
    Nesting nesting(*this);
    Token token = now();
    switch (token.kind) {
        case Token::Kind::name:
            ++position_;
            if (token.text == "true" || token.text == "True") return constant(Value::boolean(true));
            if (token.text == "false" || token.text == "False") return constant(Value::boolean(false));
            if (token.text == "none" || token.text == "None") return constant(Value());
            for (Macro* macro : macros_) {
                macro->uses_varargs |= token.text == "varargs";
                macro->uses_kwargs |= token.text == "kwargs";
                macro->uses_caller |= token.text == "caller";
            }
            return make(Kind::name, token.text);
        case Token::Kind::string: {
            std::string text;
            while (now().kind == Token::Kind::string) text += tokens_[position_++].text;
            return constant(Value::string(text));
        }
        case Token::Kind::integer:
        case Token::Kind::real:
            ++position_;
            return constant(number(token));
        default:
            break;
    }
    if (accept_op("(")) {
        ExpressionPtr node = tuple(true, true);
        expect_op(")");
        return node;
    }
    if (accept_op("[")) {
        ExpressionPtr node = make(Kind::list, "");
        while (!accept_op("]")) {
            if (!node->arguments.empty()) {
                expect_op(",");
                if (accept_op("]")) break;
            }
            add(*node, expression());
        }
        return node;
    }
    if (accept_op("{")) {
        ExpressionPtr node = make(Kind::dict, "");
        while (!accept_op("}")) {
            if (!node->arguments.empty()) {
                expect_op(",");
                if (accept_op("}")) break;
            }
            add(*node, expression());
            expect_op(":");
            add(*node, expression());
        }
        return node;
    }
    unexpected();
}

Value ExpressionParser::number(const Token& token) const {
    const char *begin = token.text.data(), *end = begin + token.text.size();
    if (token.kind == Token::Kind::integer) {
        int64_t value = 0;
        if (std::from_chars(begin, end, value).ec != std::errc()) error("a number is too large");
        return Value::integer(value);
    }
    double value = 0;
    if (std::from_chars(begin, end, value).ec != std::errc()) error("a number is out of range");
    return Value::real(value);
}

ExpressionPtr ExpressionParser::postfix(ExpressionPtr node) {
    for (;;) {
        if (at_op(".") || at_op("["))
            node = subscript(std::move(node));
        else if (at_op("("))
            node = call(std::move(node));
        else
            return node;
    }
}

ExpressionPtr ExpressionParser::filters_and_tests(ExpressionPtr node) {
    for (;;) {
        if (at_op("|"))
            node = filters(std::move(node));
        else if (accept_name("is"))
            node = test(std::move(node));
        else if (at_op("("))
            node = call(std::move(node));
        else
            return node;
    }
}

ExpressionPtr ExpressionParser::subscript(ExpressionPtr node) {
    if (accept_op(".")) {
        if (now().kind == Token::Kind::integer) {
            ExpressionPtr index = constant(number(now()));
            ++position_;
            return make(Kind::item, "", std::move(node), std::move(index));
        }
        std::string name = expect_name();
        return make(Kind::attribute, name, std::move(node));
    }
    expect_op("[");
    ExpressionPtr parts[3];
    bool is_slice = false;
    for (int i = 0; i < 3; ++i) {
        if (!at_op(":") && !at_op("]")) parts[i] = tuple_in_subscript(i == 0);
        if (i == 2 || !accept_op(":")) break;
        is_slice = true;
    }
    expect_op("]");
    if (is_slice)
        return make(Kind::slice, "", std::move(node), std::move(parts[0]), std::move(parts[1]),
                    std::move(parts[2]));
    if (!parts[0]) unexpected();
    return make(Kind::item, "", std::move(node), std::move(parts[0]));
}

ExpressionPtr ExpressionParser::tuple_in_subscript(bool commas_allowed) {
    ExpressionPtr node = expression();
    if (!commas_allowed || !at_op(",")) return node;
    node = make(Kind::tuple, "", std::move(node));
    while (accept_op(",")) add(*node, expression());
    return node;
}

// Arguments in brackets, appended to a call, filter or test.
void ExpressionParser::arguments(Expression& node) {
    expect_op("(");
    for (bool first = true; !accept_op(")"); first = false) {
        if (!first) {
            expect_op(",");
            if (accept_op(")")) break;
        }
        if (accept_op("**")) {
            if (node.more_named) unexpected();
            node.more_named = expression();
            grow(node, node.more_named);
        } else if (accept_op("*")) {
            if (node.more_arguments || node.more_named) unexpected();
            node.more_arguments = expression();
            grow(node, node.more_arguments);
        } else if (now().kind == Token::Kind::name && ahead().kind == Token::Kind::op &&
                   ahead().text == "=") {
            std::string name = expect_name();
            ++position_;
            node.named.emplace_back(name, expression());
            grow(node, node.named.back().second);
        } else {
            if (!node.named.empty() || node.more_arguments || node.more_named) unexpected();
            add(node, expression());
        }
    }
}

ExpressionPtr ExpressionParser::call(ExpressionPtr callee) {
    ExpressionPtr node = make(Kind::call, "", std::move(callee));
    arguments(*node);
    return node;
}

std::string ExpressionParser::dotted_name() {
    std::string name = expect_name();
    while (accept_op(".")) name += "." + expect_name();
    return name;
}

ExpressionPtr ExpressionParser::filters(ExpressionPtr node, bool first_without_bar) {
    while (first_without_bar || accept_op("|")) {
        first_without_bar = false;
        node = make(Kind::filter, dotted_name(), std::move(node));
        if (at_op("(")) arguments(*node);
    }
    return node;
}

ExpressionPtr ExpressionParser::test(ExpressionPtr node) {
    bool negated = accept_name("not");
    node = make(Kind::test, dotted_name(), std::move(node));
    bool operand = now().kind == Token::Kind::string || now().kind == Token::Kind::integer ||
                   now().kind == Token::Kind::real || at_op("[") || at_op("{") ||
                   (now().kind == Token::Kind::name && !at_name("else") && !at_name("or") && !at_name("and"));
    if (at_op("(")) {
        arguments(*node);
    } else if (operand) {
        if (at_name("is")) error("tests cannot be chained with 'is'");
        add(*node, postfix(primary()));
    }
    return negated ? make(Kind::unary, "not", std::move(node)) : std::move(node);
}

}  // namespace r1::jinja
