// The operands: numbers, names, words, brackets.
#include <algorithm>

#include "algebra/parser.h"
#include "algebra/units.h"
#include "algebra/words.h"
#include "core/ascii.h"

namespace r1::algebra {
namespace {

// \frac{3}{4} of plain integers, smaller than one: what may follow a number as the rest of a mixed number.
bool is_proper_fraction(const Expr& e) {
    return e.kind == Kind::divide && e.args[0].kind == Kind::number && e.args[1].kind == Kind::number &&
           is_integer(e.args[0]) && is_integer(e.args[1]) && *e.args[0].value > 0 &&
           *e.args[0].value < *e.args[1].value;
}

}  // namespace

std::optional<Expr> Parser::primary() {
    const Nest nest(depth_);
    if (!nest) return std::nullopt;
    switch (here().type) {
        case TokenType::number:
            return number_or_mixed();
        case TokenType::letter:
            return letter();
        case TokenType::text:
        case TokenType::word:
            if (is_currency(here().text) && (ahead(1).type == TokenType::number || ahead(1).text == "frac")) {
                const std::string unit = here().text;
                ++at_;
                Parsed amount = postfix();
                return amount ? Parsed(single(Kind::quantity, std::move(*amount), unit)) : std::nullopt;
            }
            return words();
        case TokenType::function:
            return function();
        case TokenType::begin:
            return environment();
        case TokenType::op:
            break;
        default:
            return std::nullopt;
    }
    if (is_op("(") || is_op("[") || is_op("<(") || is_op("]")) return brackets();
    if (is_op("{")) return braces();
    if (is_op("\\{")) return set_braces();
    if (is_op("|") || is_op("||")) return bars(here().text == "|" ? "|" : "||");
    struct Rounding {
        const char *open, *close, *name;
    };
    for (const auto& [open, close, name] :
         {Rounding{"lfloor", "rfloor", "floor"}, {"lceil", "rceil", "ceil"}, {"lfloor", "rceil", "round"}})
        if (is_op(open)) {
            const size_t before = at_++;
            Parsed inside = sum();
            if (inside && accept(close)) return single(Kind::function, std::move(*inside), name);
            at_ = before;
        }
    return std::nullopt;
}

std::optional<Expr> Parser::number_or_mixed() {
    const Token& token = here();
    ++at_;
    Expr whole = number(token.value);
    whole.decimals = token.decimals;
    const bool integral = token.decimals < 0 && token.value.get_den() == 1;
    if (integral && here().type == TokenType::function && here().text == "frac") {
        const size_t before = at_;
        Parsed part = function();
        if (part && is_proper_fraction(*part)) return pair(Kind::add, std::move(whole), std::move(*part));
        at_ = before;
    }
    if (integral && here().type == TokenType::number && here().space && is_op_at(1, "/") &&
        ahead(2).type == TokenType::number) {
        Expr part = pair(Kind::divide, number(here().value), number(ahead(2).value));
        if (is_proper_fraction(part)) {
            at_ += 3;
            return pair(Kind::add, std::move(whole), std::move(part));
        }
    }
    if (token.decimals >= 3 && here().type == TokenType::letter && here().text == "...") {
        const std::string& digits = token.text;  // 0.333…
        const char last = digits.back();
        if (digits.size() >= 3 && digits[digits.size() - 2] == last && digits[digits.size() - 3] == last) {
            ++at_;
            mpz_class scale;
            mpz_ui_pow_ui(scale.get_mpz_t(), 10, static_cast<unsigned long>(token.decimals));
            mpq_class rest(mpz_class(last - '0'), mpz_class(scale * 9));
            rest.canonicalize();
            whole.value = token.value + rest;
            whole.decimals = -1;
        }
    }
    return whole;
}

std::optional<Expr> Parser::letter() {
    const std::string name = here().text;
    ++at_;
    for (const char* known : {"pi", "e", "i", "inf", "reals", "empty"})
        if (name == known) return constant(name);
    if ((name == "f" || name == "g") && (is_op("(") || (is_op("'") && is_op_at(1, "(")))) {
        std::string full = name;
        while (accept("'")) full += "'";
        const size_t before = at_;
        if (Parsed inside = argument()) return single(Kind::function, std::move(*inside), full);
        at_ = before;
    }
    if ((name == "f" || name == "g") && is_op("^") && is_op_at(1, "{") && is_op_at(2, "-") &&
        ahead(3).text == "1" && is_op_at(4, "}") && is_op_at(5, "(")) {
        at_ += 5;
        if (Parsed inside = argument()) return single(Kind::function, std::move(*inside), name + "^-1");
        return std::nullopt;
    }
    if (name == "angle" || name == "triangle") {  // ∠ABC is a name
        std::string full = name;
        while (here().type == TokenType::letter || here().type == TokenType::word)
            full += tokens_[at_++].text;
        return symbol(full);
    }
    return symbol(name);
}

std::optional<Expr> Parser::words() {
    const Token first = here();
    ++at_;
    if (first.type == TokenType::text) return make(Kind::text, {}, first.text);
    --at_;
    if (Parsed value = cardinal()) return value;
    if (prose_) return std::nullopt;
    ++at_;
    std::string all = first.text;
    while (here().type == TokenType::word || (here().type == TokenType::letter && here().text == "a"))
        all += " " + tokens_[at_++].text;
    return make(Kind::text, {}, all);
}

// "twenty-one", "two hundred and five", "three million": tens and ones, hundreds, and falling scales.
std::optional<Expr> Parser::cardinal() {
    const auto word = [&](size_t count) {
        return ahead(count).type == TokenType::word ? ascii_lower(ahead(count).text) : "";
    };
    int64_t total = 0, part = 0, last_scale = INT64_MAX;
    bool any = false, open = true;  // may tens or ones follow?
    for (;; ++at_) {
        const bool joined = any && (is_op("-") || is_op("and")) && number_word(word(1));
        const std::string low = word(joined ? 1 : 0);
        if (const auto value = number_word(low)) {
            const bool fits =
                !any || open || (part % 10 == 0 && part % 100 >= 20 && *value > 0 && *value < 10);
            if (!fits || (is_op("and") && !open)) break;
            part += *value;
            open = false;
        } else if (const auto scale = scale_word(low); any && scale && part > 0) {
            if (*scale == 100 ? part >= 100 : *scale >= last_scale) break;
            if (*scale == 100) {
                part *= 100;
            } else {
                total += part * *scale;
                last_scale = *scale;
                part = 0;
            }
            open = true;
        } else {
            break;
        }
        any = true;
        at_ += joined ? 1 : 0;
    }
    if (!any) return std::nullopt;
    return scaled(integer(total + part));
}

Expr Parser::scaled(Expr value) {
    while (here().type == TokenType::word || here().type == TokenType::text) {
        const std::string word = here().text.substr(0, here().text.find(' '));
        const bool whole = word.size() == here().text.size();
        if (const auto scale = scale_word(word)) {
            value = pair(Kind::multiply, std::move(value), number(mpq_class(std::to_string(*scale))));
        } else if (const auto part = part_word(word)) {
            value = pair(Kind::divide, std::move(value), integer(*part));
        } else {
            break;
        }
        ++at_;
        if (!whole)
            return single(Kind::quantity, std::move(value), tokens_[at_ - 1].text.substr(word.size() + 1));
    }
    return value;
}

std::optional<Expr> Parser::brackets() {
    const size_t before = at_;
    const std::string open = here().text;
    ++at_;
    const int bars = bars_;
    bars_ = 0;
    Parsed inside = list();
    bars_ = bars;
    const std::string close = here().type == TokenType::op ? here().text : "";
    const bool closes = close == ")" || close == "]" || (close == ")>" && open == "<(") ||
                        (close == "[" && open != "(" && open != "<(");
    if (!inside || !closes) {
        at_ = before;
        return std::nullopt;
    }
    ++at_;
    if (inside->kind != Kind::list) {
        if ((open == "(") != (close == ")") && open != "<(") return std::nullopt;
        return inside;
    }
    const size_t count = inside->args.size();
    const auto is_row = [&](const Expr& e) {
        return (e.kind == Kind::interval || e.kind == Kind::tuple) && e.name == "[]" &&
               e.args.size() == inside->args[0].args.size();
    };
    if (open == "[" && close == "]" && std::all_of(inside->args.begin(), inside->args.end(), is_row)) {
        Expr matrix = make(Kind::matrix, {});  // [[1, 2], [3, 4]]
        matrix.columns = static_cast<uint32_t>(inside->args[0].args.size());
        for (Expr& row : inside->args)
            for (Expr& cell : row.args) matrix.args.push_back(std::move(cell));
        return matrix;
    }
    const bool round = open == "(" && close == ")";
    if (open == "]" || close == "[") {  // ]a, b[
        if (count != 2) return std::nullopt;
        return make(Kind::interval, std::move(inside->args),
                    std::string(open == "[" ? "[" : "(") + (close == "]" ? "]" : ")"));
    }
    if (open == "<(") return make(Kind::tuple, std::move(inside->args), "<>");
    if (count == 2 && !round) return make(Kind::interval, std::move(inside->args), open + close);
    if (!round && open + close != "[]") return std::nullopt;
    return make(Kind::tuple, std::move(inside->args), open + close);
}

std::optional<Expr> Parser::braces() {
    const size_t before = at_++;
    const int bars = bars_;
    bars_ = 0;
    if (accept("}")) return primary();  // an empty group
    Parsed inside = list();
    if (inside && accept("choose")) {  // {n \choose k}
        Parsed under = list();
        inside = under ? Parsed(pair(Kind::function, std::move(*inside), std::move(*under), "binom"))
                       : std::nullopt;
    }
    bars_ = bars;
    if (inside && accept("}")) return inside;
    at_ = before;
    return std::nullopt;
}

std::optional<Expr> Parser::set_braces() {
    const size_t before = at_++;
    if (accept("\\}")) return constant("empty");
    const int bars = bars_;
    bars_ = -1;
    Parsed inside = list();
    bars_ = bars;
    if (inside && (is_op("|") || is_op(":"))) {  // {x | x > 3}: the condition says it all
        ++at_;
        inside = list();
        if (inside && inside->kind == Kind::relation &&
            inside->name.find_first_not_of("<>lgn") == std::string::npos)
            inside = single(Kind::unite, std::move(*inside));
    } else if (inside) {
        if (inside->kind == Kind::list)
            inside = make(Kind::set, std::move(inside->args));
        else
            inside = single(Kind::set, std::move(*inside));
    }
    if (inside && accept("\\}")) return inside;
    if (inside && inside->kind == Kind::set && inside->args.size() == 1 &&
        inside->args[0].kind == Kind::matrix &&
        inside->args[0].columns == 1)  // \left\{ \begin{array}{l} x = 1 \\ y = 2 \end{array} \right.
        return make(Kind::list, std::move(inside->args[0].args), "&");
    at_ = before;
    return std::nullopt;
}

std::optional<Expr> Parser::bars(const char* close) {
    const size_t before = at_++;
    const int bars = bars_;
    bars_ = 1;
    Parsed inside = sum();
    bars_ = bars;
    if (inside && accept(close)) return single(Kind::function, std::move(*inside), close[1] ? "norm" : "abs");
    at_ = before;
    return std::nullopt;
}

std::string Parser::raw_group() {
    std::string out;
    if (!is_op("{")) {
        if (here().type == TokenType::end) return out;
        return tokens_[at_++].text;
    }
    int depth = 0;
    while (here().type != TokenType::end) {
        const Token& token = tokens_[at_++];
        if (token.type == TokenType::op && token.text == "{" && depth++ == 0) continue;
        if (token.type == TokenType::op && token.text == "}" && --depth == 0) break;
        out += token.text;
    }
    return out;
}

std::optional<Expr> Parser::group_or_token() {
    const Nest nest(depth_);
    if (!nest) return std::nullopt;
    if (is_op("{")) return braces();
    if (is_op("-") || is_op("+")) {
        const bool minus = is_op("-");
        ++at_;
        Parsed inside = group_or_token();
        if (inside && minus) return single(Kind::negate, std::move(*inside));
        return inside;
    }
    if (here().type == TokenType::number) {
        Expr value = number(here().value);
        value.decimals = here().decimals;
        ++at_;
        return value;
    }
    return primary();
}

}  // namespace r1::algebra
