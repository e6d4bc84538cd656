// The grammar: tokens into a tree, by recursive descent.
#pragma once
#include <optional>
#include <span>

#include "algebra/expr.h"
#include "algebra/lexer.h"

namespace r1::algebra {

class Parser {
  public:
    // In prose a word ends the answer; otherwise words may be one.
    Parser(std::span<const Token> tokens, bool prose) : tokens_(tokens), prose_(prose) {}

    std::optional<Expr> list();  // the whole grammar; stops at the first token that cannot go on
    const Token& here() const { return tokens_[at_]; }
    size_t position() const { return at_; }
    bool at_end() const { return here().type == TokenType::end; }

  private:
    using Parsed = std::optional<Expr>;

    // from the loosest to the tightest
    Parsed relation();
    Parsed ratio();
    Parsed sets();
    Parsed sum();
    Parsed term();
    Parsed factor();   // with a sign
    Parsed postfix();  // powers, subscripts, factorials, percent, degrees, units
    Parsed primary();

    // parser_atoms.cpp
    Parsed number_or_mixed();
    Parsed letter();
    Parsed brackets();
    Parsed braces();
    Parsed set_braces();
    Parsed bars(const char* close);
    Parsed function();
    Parsed implicit_product();
    Parsed argument();
    Parsed words();
    Parsed cardinal();        // a number in words
    Expr scaled(Expr value);  // "2.5 million", "2 thirds"
    Parsed big_operator(const std::string& name);
    Parsed environment();
    Parsed lines(bool cases);
    Parsed fraction();
    Parsed group_or_token();
    std::string raw_group();  // the canonical text of the {…} or the token that follows

    bool is_op(const char* text) const { return is_op_at(0, text); }
    bool is_op_at(size_t ahead, const char* text) const {
        const Token& token = tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
        return token.type == TokenType::op && token.text == text;
    }
    const Token& ahead(size_t count) const { return tokens_[std::min(at_ + count, tokens_.size() - 1)]; }
    bool accept(const char* text) {
        if (!is_op(text)) return false;
        ++at_;
        return true;
    }
    bool starts_factor() const;  // may the token begin a factor of a product without a sign between?
    Expr with_unit(Expr value);
    Expr degrees(Expr value);
    bool residue(Expr& value);  // "(mod 5)" after it

    // A level of nesting; false where the nest is too deep.
    struct Nest {
        explicit Nest(int& depth) : depth_(depth) { ++depth_; }
        ~Nest() { --depth_; }
        explicit operator bool() const { return depth_ <= 60; }
        int& depth_;
    };

    std::span<const Token> tokens_;
    bool prose_;
    size_t at_ = 0;
    int depth_ = 0;
    int bars_ = 0;  // open |…; -1: inside braces, where | and : end the element
};

}  // namespace r1::algebra
