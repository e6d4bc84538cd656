#include <algorithm>
#include <charconv>

#include "core/check.h"
#include "text/jinja_ast.h"
#include "text/jinja_lexer.h"

namespace r1::jinja {
namespace {

constexpr int max_expression_height = 200;
constexpr int max_nesting = 60;  // of statements, and of brackets

using Kind = Expression::Kind;

class Parser {
  public:
    explicit Parser(std::string_view source) : tokens_(tokenize(source)) {}

    Block run() {
        Block block = statements({});
        return block;
    }

  private:
    const Token& now() const { return tokens_[position_]; }
    const Token& ahead() const { return tokens_[std::min(position_ + 1, tokens_.size() - 1)]; }

    [[noreturn]] void error(std::string_view what) const {
        fail("chat template, line ", now().line, ": ", what);
    }
    [[noreturn]] void unexpected() const {
        if (now().kind == Token::Kind::end) error("the template ends too early");
        error(cat("unexpected ", now().text.empty() ? "end of tag" : "'" + now().text + "'"));
    }

    bool at_op(std::string_view text) const { return now().kind == Token::Kind::op && now().text == text; }
    bool at_name(std::string_view text) const {
        return now().kind == Token::Kind::name && now().text == text;
    }
    bool accept_op(std::string_view text) { return at_op(text) && ++position_; }
    bool accept_name(std::string_view text) { return at_name(text) && ++position_; }
    void expect_op(std::string_view text) {
        if (!accept_op(text)) unexpected();
    }
    void expect(Token::Kind kind) {
        if (now().kind != kind) unexpected();
        ++position_;
    }
    std::string expect_name() {
        if (now().kind != Token::Kind::name) unexpected();
        return tokens_[position_++].text;
    }

    struct Nesting {
        explicit Nesting(Parser& parser) : depth(parser.depth_) {
            if (++depth > max_nesting) parser.error("nested too deeply");
        }
        ~Nesting() { --depth; }
        int& depth;
    };

    // Statements
    // ------------------------------------------------------------------------------------------------------

    // Up to a tag whose name is among `ends`, which is left to be read; to the end of the template if there
    // are none.
    Block statements(std::vector<std::string_view> ends) {
        Nesting nesting(*this);
        Block block;
        for (;;) {
            switch (now().kind) {
                case Token::Kind::end:
                    if (!ends.empty()) error(cat("'", ends.back(), "' is missing"));
                    return block;
                case Token::Kind::data: {
                    auto statement = begin(Statement::Kind::text);
                    statement->text = tokens_[position_++].text;
                    block.push_back(std::move(statement));
                    break;
                }
                case Token::Kind::variable_begin: {
                    auto statement = begin(Statement::Kind::print);
                    ++position_;
                    statement->expression = tuple();
                    expect(Token::Kind::variable_end);
                    block.push_back(std::move(statement));
                    break;
                }
                case Token::Kind::block_begin: {
                    ++position_;
                    if (now().kind == Token::Kind::name &&
                        std::find(ends.begin(), ends.end(), now().text) != ends.end())
                        return block;
                    block.push_back(tag());
                    break;
                }
                default:
                    unexpected();
            }
        }
    }

    std::unique_ptr<Statement> begin(Statement::Kind kind) const {
        auto statement = std::make_unique<Statement>();
        statement->kind = kind;
        statement->line = now().line;
        return statement;
    }

    // The body of a tag up to the end tag, which is consumed with its end.
    Block body(std::string_view end) {
        expect(Token::Kind::block_end);
        Block block = statements({end});
        ++position_;
        expect(Token::Kind::block_end);
        return block;
    }

    std::unique_ptr<Statement> tag() {
        if (accept_name("if")) return branch();
        if (accept_name("for")) return loop();
        if (accept_name("set")) return set();
        if (accept_name("macro")) return macro();
        if (accept_name("call")) return call_block();
        if (accept_name("filter")) return filter_block();
        if (accept_name("with")) return with();
        if (accept_name("generation")) {
            auto statement = begin(Statement::Kind::scope);
            statement->body = body("endgeneration");
            return statement;
        }
        if (at_name("break") || at_name("continue")) {
            if (loops_ == 0) error(cat("'", now().text, "' outside of a loop"));
            auto statement =
                begin(at_name("break") ? Statement::Kind::break_loop : Statement::Kind::continue_loop);
            ++position_;
            expect(Token::Kind::block_end);
            return statement;
        }
        error(cat("the tag '", now().text, "' is not supported here"));
    }

    std::unique_ptr<Statement> branch() {
        auto statement = begin(Statement::Kind::branch);
        for (;;) {
            ExpressionPtr condition = tuple();
            expect(Token::Kind::block_end);
            Block block = statements({"elif", "else", "endif"});
            statement->branches.emplace_back(std::move(condition), std::move(block));
            if (accept_name("elif")) continue;
            if (accept_name("else")) {
                statement->branches.emplace_back(nullptr, body("endif"));
            } else {
                ++position_;
                expect(Token::Kind::block_end);
            }
            return statement;
        }
    }

    std::unique_ptr<Statement> loop() {
        auto statement = begin(Statement::Kind::loop);
        statement->target = target(false);
        if (!accept_name("in")) unexpected();
        statement->expression = tuple(false);
        if (accept_name("if")) statement->condition = expression();
        if (at_name("recursive")) error("recursive loops are not supported");
        expect(Token::Kind::block_end);
        ++loops_;
        statement->body = statements({"else", "endfor"});
        --loops_;
        if (accept_name("else")) {
            statement->otherwise = body("endfor");
        } else {
            ++position_;
            expect(Token::Kind::block_end);
        }
        return statement;
    }

    // One target, or several with commas.
    Target target(bool with_attribute) {
        Nesting nesting(*this);
        Target first = single_target(with_attribute);
        if (!at_op(",")) return first;
        Target out;
        out.parts.push_back(std::move(first));
        while (accept_op(",")) {
            if (!at_op("(") && (now().kind != Token::Kind::name || at_name("in"))) break;
            out.parts.push_back(single_target(false));
        }
        return out;
    }

    Target single_target(bool with_attribute) {
        if (accept_op("(")) {
            Target inside = target(false);
            expect_op(")");
            return inside;
        }
        static constexpr std::string_view reserved[] = {"true", "false", "none", "True", "False", "None"};
        Target out;
        out.name = expect_name();
        if (std::find(std::begin(reserved), std::end(reserved), out.name) != std::end(reserved))
            error(cat("cannot assign to '", out.name, "'"));
        if (with_attribute && accept_op(".")) out.attribute = expect_name();
        return out;
    }

    std::unique_ptr<Statement> set() {
        auto statement = begin(Statement::Kind::set);
        statement->target = target(true);
        if (accept_op("=")) {
            statement->expression = tuple();
            expect(Token::Kind::block_end);
            return statement;
        }
        statement->kind = Statement::Kind::set_block;
        statement->expression = filters(nullptr);
        statement->body = body("endset");
        return statement;
    }

    std::unique_ptr<Macro> signature(std::string name) {
        auto macro = std::make_unique<Macro>();
        macro->name = std::move(name);
        expect_op("(");
        while (!accept_op(")")) {
            if (!macro->parameters.empty()) {
                expect_op(",");
                if (accept_op(")")) break;
            }
            Parameter parameter{expect_name(), nullptr};
            if (accept_op("="))
                parameter.otherwise = expression();
            else if (!macro->parameters.empty() && macro->parameters.back().otherwise)
                error("a parameter without a default follows one with a default");
            macro->parameters.push_back(std::move(parameter));
        }
        return macro;
    }

    void macro_body(Macro& macro, std::string_view end) {
        macros_.push_back(&macro);
        int loops = std::exchange(loops_, 0);
        macro.body = body(end);
        loops_ = loops;
        macros_.pop_back();
    }

    std::unique_ptr<Statement> macro() {
        auto statement = begin(Statement::Kind::macro);
        statement->macro = signature(expect_name());
        macro_body(*statement->macro, "endmacro");
        return statement;
    }

    std::unique_ptr<Statement> call_block() {
        auto statement = begin(Statement::Kind::call_block);
        if (at_op("(")) {
            statement->macro = signature("caller");
        } else {
            statement->macro = std::make_unique<Macro>();
            statement->macro->name = "caller";
        }
        statement->expression = expression();
        if (statement->expression->kind != Kind::call) error("'call' needs a call");
        macro_body(*statement->macro, "endcall");
        return statement;
    }

    std::unique_ptr<Statement> filter_block() {
        auto statement = begin(Statement::Kind::filter_block);
        statement->expression = filters(nullptr, true);
        statement->body = body("endfilter");
        return statement;
    }

    std::unique_ptr<Statement> with() {
        auto statement = begin(Statement::Kind::scope);
        while (now().kind != Token::Kind::block_end) {
            if (!statement->assignments.empty()) expect_op(",");
            Target name = target(false);
            expect_op("=");
            statement->assignments.emplace_back(std::move(name), expression());
        }
        statement->body = body("endwith");
        return statement;
    }

    // Expressions
    // -----------------------------------------------------------------------------------------------------

    template <class... Arguments>
    ExpressionPtr make(Kind kind, std::string text, Arguments... arguments) const {
        auto node = std::make_unique<Expression>();
        node->kind = kind;
        node->line = now().line;
        node->text = std::move(text);
        (add(*node, std::move(arguments)), ...);
        return node;
    }

    void grow(Expression& node, const ExpressionPtr& child) const {
        if (child) node.height = std::max(node.height, child->height + 1);
        if (node.height > max_expression_height) error("an expression is too long or nested too deeply");
    }
    void add(Expression& node, ExpressionPtr child) const {
        grow(node, child);
        node.arguments.push_back(std::move(child));
    }

    ExpressionPtr constant(Value value) const {
        ExpressionPtr node = make(Kind::constant, "");
        node->constant = std::move(value);
        return node;
    }

    // One expression, or several with commas, which are a tuple.
    ExpressionPtr tuple(bool conditional_allowed = true, bool in_brackets = false) {
        ExpressionPtr node = make(Kind::tuple, "");
        bool comma = false;
        auto ends = [&] {
            return now().kind == Token::Kind::variable_end || now().kind == Token::Kind::block_end ||
                   at_op(")");
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

    ExpressionPtr expression() {
        Nesting nesting(*this);
        ExpressionPtr node = either();
        while (accept_name("if")) {
            ExpressionPtr condition = either();
            ExpressionPtr otherwise = accept_name("else") ? expression() : nullptr;
            node = make(Kind::conditional, "", std::move(condition), std::move(node), std::move(otherwise));
        }
        return node;
    }

    ExpressionPtr either() {
        ExpressionPtr node = both();
        while (accept_name("or")) node = make(Kind::binary, "or", std::move(node), both());
        return node;
    }

    ExpressionPtr both() {
        ExpressionPtr node = negation();
        while (accept_name("and")) node = make(Kind::binary, "and", std::move(node), negation());
        return node;
    }

    ExpressionPtr negation() {
        if (!accept_name("not")) return comparison();
        Nesting nesting(*this);
        return make(Kind::unary, "not", negation());
    }

    ExpressionPtr comparison() {
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

    ExpressionPtr sum() {
        ExpressionPtr node = concatenation();
        while (at_op("+") || at_op("-")) {
            std::string op = tokens_[position_++].text;
            node = make(Kind::binary, op, std::move(node), concatenation());
        }
        return node;
    }

    ExpressionPtr concatenation() {
        ExpressionPtr node = product();
        while (accept_op("~")) node = make(Kind::binary, "~", std::move(node), product());
        return node;
    }

    ExpressionPtr product() {
        ExpressionPtr node = power();
        while (at_op("*") || at_op("/") || at_op("//") || at_op("%")) {
            std::string op = tokens_[position_++].text;
            node = make(Kind::binary, op, std::move(node), power());
        }
        return node;
    }

    ExpressionPtr power() {
        ExpressionPtr node = unary(true);
        while (accept_op("**")) node = make(Kind::binary, "**", std::move(node), unary(true));
        return node;
    }

    ExpressionPtr unary(bool with_filters) {
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

    ExpressionPtr primary() {
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

    Value number(const Token& token) const {
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

    ExpressionPtr postfix(ExpressionPtr node) {
        for (;;) {
            if (at_op(".") || at_op("["))
                node = subscript(std::move(node));
            else if (at_op("("))
                node = call(std::move(node));
            else
                return node;
        }
    }

    ExpressionPtr filters_and_tests(ExpressionPtr node) {
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

    ExpressionPtr subscript(ExpressionPtr node) {
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

    ExpressionPtr tuple_in_subscript(bool commas_allowed) {
        ExpressionPtr node = expression();
        if (!commas_allowed || !at_op(",")) return node;
        node = make(Kind::tuple, "", std::move(node));
        while (accept_op(",")) add(*node, expression());
        return node;
    }

    // Arguments in brackets, appended to a call, filter or test.
    void arguments(Expression& node) {
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

    ExpressionPtr call(ExpressionPtr callee) {
        ExpressionPtr node = make(Kind::call, "", std::move(callee));
        arguments(*node);
        return node;
    }

    std::string dotted_name() {
        std::string name = expect_name();
        while (accept_op(".")) name += "." + expect_name();
        return name;
    }

    ExpressionPtr filters(ExpressionPtr node, bool first_without_bar = false) {
        while (first_without_bar || accept_op("|")) {
            first_without_bar = false;
            node = make(Kind::filter, dotted_name(), std::move(node));
            if (at_op("(")) arguments(*node);
        }
        return node;
    }

    ExpressionPtr test(ExpressionPtr node) {
        bool negated = accept_name("not");
        node = make(Kind::test, dotted_name(), std::move(node));
        bool operand =
            now().kind == Token::Kind::string || now().kind == Token::Kind::integer ||
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

    std::vector<Token> tokens_;
    size_t position_ = 0;
    int depth_ = 0;
    int loops_ = 0;
    std::vector<Macro*> macros_;  // around the current place
};

}  // namespace

Block parse_template(std::string_view source) {
    return Parser(source).run();
}

}  // namespace r1::jinja
