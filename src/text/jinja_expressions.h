// The expressions of a Jinja template: from tokens to the tree of jinja_ast.h, with Jinja2's precedence.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/check.h"
#include "text/jinja_ast.h"
#include "text/jinja_lexer.h"

namespace r1::jinja {

class ExpressionParser {
  protected:
    using Kind = Expression::Kind;
    static constexpr int max_expression_height = 200;
    static constexpr int max_nesting = 60;  // of statements, and of brackets

    explicit ExpressionParser(std::string_view source) : tokens_(tokenize(source)) {}

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
        explicit Nesting(ExpressionParser& parser) : depth(parser.depth_) {
            if (++depth > max_nesting) parser.error("nested too deeply");
        }
        ~Nesting() { --depth; }
        int& depth;
    };

    template <class... Arguments>
    ExpressionPtr make(Kind kind, std::string text, Arguments... arguments) const {
        auto node = std::make_unique<Expression>();
        node->kind = kind;
        node->line = now().line;
        node->text = std::move(text);
        (add(*node, std::move(arguments)), ...);
        return node;
    }
    void grow(Expression& node, const ExpressionPtr& child) const;
    void add(Expression& node, ExpressionPtr child) const;
    ExpressionPtr constant(Value value) const;
    // One expression, or several with commas, which are a tuple.
    ExpressionPtr tuple(bool conditional_allowed = true, bool in_brackets = false);
    ExpressionPtr expression();
    ExpressionPtr either();
    ExpressionPtr both();
    ExpressionPtr negation();
    ExpressionPtr comparison();
    ExpressionPtr sum();
    ExpressionPtr concatenation();
    ExpressionPtr product();
    ExpressionPtr power();
    ExpressionPtr unary(bool with_filters);
    ExpressionPtr primary();
    Value number(const Token& token) const;
    ExpressionPtr postfix(ExpressionPtr node);
    ExpressionPtr filters_and_tests(ExpressionPtr node);
    ExpressionPtr subscript(ExpressionPtr node);
    ExpressionPtr tuple_in_subscript(bool commas_allowed);
    // Arguments in brackets, appended to a call, filter or test.
    void arguments(Expression& node);
    ExpressionPtr call(ExpressionPtr callee);
    std::string dotted_name();
    ExpressionPtr filters(ExpressionPtr node, bool first_without_bar = false);
    ExpressionPtr test(ExpressionPtr node);

    std::vector<Token> tokens_;
    size_t position_ = 0;
    int depth_ = 0;
    std::vector<Macro*> macros_;  // around the current place
};

}  // namespace r1::jinja
