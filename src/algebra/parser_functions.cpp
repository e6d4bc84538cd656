// What takes arguments: functions, fractions, sums; and environments.
#include "algebra/matrix.h"
#include "algebra/parser.h"

namespace r1::algebra {

// What an unbracketed function applies to: "2x" of sin 2x, up to the next function.
std::optional<Expr> Parser::implicit_product() {
    const auto next_function = [&] {
        return here().type == TokenType::function && here().text != "frac" && here().text != "sqrt" &&
               here().text != "binom";
    };
    Parsed left = is_op("-") ? factor() : postfix();
    while (left && starts_factor() && !next_function()) {
        const size_t before = at_;
        Parsed right = postfix();
        if (!right) {
            at_ = before;
            break;
        }
        left = pair(Kind::multiply, std::move(*left), std::move(*right));
    }
    return left;
}

std::optional<Expr> Parser::argument() {
    const Nest nest(depth_);
    if (!nest) return std::nullopt;
    if (is_op("(") || is_op("[")) return brackets();
    if (is_op("{")) return braces();
    if (is_op("\\{")) return set_braces();
    return implicit_product();
}

std::optional<Expr> Parser::fraction() {
    // \frac12, \frac1{72}, \frac{1}2: without braces an argument is one digit
    if (here().type == TokenType::number && here().text.size() == 2 && here().decimals < 0) {
        const std::string digits = here().text;
        ++at_;
        return pair(Kind::divide, integer(digits[0] - '0'), integer(digits[1] - '0'));
    }
    if (here().type == TokenType::number && here().text.size() > 2) return std::nullopt;
    Parsed over = group_or_token();
    if (!over) return std::nullopt;
    if (is_op("/")) ++at_;
    Parsed under = group_or_token();
    if (!under) return std::nullopt;
    return pair(Kind::divide, std::move(*over), std::move(*under));
}

std::optional<Expr> Parser::function() {
    const Nest nest(depth_);
    if (!nest) return std::nullopt;
    const size_t before = at_;
    std::string name = here().text;
    ++at_;
    const auto fail = [&]() -> Parsed {
        at_ = before;
        return std::nullopt;
    };
    if (name == "frac") {
        Parsed out = fraction();
        return out ? std::move(out) : fail();
    }
    if (name == "boxed") {
        Parsed out = group_or_token();
        return out ? std::move(out) : fail();
    }
    if (name == "overline") return symbol("overline" + raw_group());
    if (name == "sum" || name == "prod" || name == "int" || name == "lim" || name == "sup" || name == "inf") {
        Parsed out = big_operator(name);
        return out ? std::move(out) : fail();
    }
    if (name == "sqrt" || name == "cbrt") {
        Expr index = integer(name == "cbrt" ? 3 : 2);
        if (is_op("[")) {
            ++at_;
            Parsed given = sum();
            if (!given || !accept("]")) return fail();
            index = std::move(*given);
        }
        Parsed inside = group_or_token();
        return inside ? Parsed(pair(Kind::root, std::move(*inside), std::move(index))) : fail();
    }
    if (name == "binom") {
        Parsed over = is_op("(") ? brackets() : group_or_token();
        if (over && over->kind == Kind::tuple && over->args.size() == 2)
            return make(Kind::function, std::move(over->args), "binom");
        Parsed under = over ? group_or_token() : std::nullopt;
        return under ? Parsed(pair(Kind::function, std::move(*over), std::move(*under), "binom")) : fail();
    }
    Parsed base, exponent;
    for (int i = 0; i < 2; ++i) {
        if (is_op("_") && !base) {
            ++at_;
            if (!(base = group_or_token())) return fail();
        } else if (is_op("^") && !exponent) {
            ++at_;
            if (!(exponent = group_or_token())) return fail();
        }
    }
    if (name.starts_with("arc") && name != "arccot") name = "a" + name.substr(3);
    if (exponent && is_integer(*exponent) && exponent->kind == Kind::negate &&
        *exponent->args[0].value == 1 && (name == "sin" || name == "cos" || name == "tan")) {
        name = "a" + name;
        exponent.reset();
    }
    Parsed inside = argument();
    if (!inside) return fail();
    Expr out;
    if (name == "exp") {
        out = pair(Kind::power, constant("e"), std::move(*inside));
    } else if (name == "log" && base) {
        out = pair(Kind::function, std::move(*inside), std::move(*base), "log");
    } else if (name == "log" || name == "ln") {
        out = inside->kind == Kind::tuple && inside->args.size() == 2
                  ? make(Kind::function, std::move(inside->args), "log")
                  : single(Kind::function, std::move(*inside), "ln");
    } else if (name == "lg") {
        out = pair(Kind::function, std::move(*inside), integer(10), "log");
    } else if (name == "det") {
        out = determinant(*inside);
    } else if (inside->kind == Kind::tuple || inside->kind == Kind::set) {
        out = make(Kind::function, std::move(inside->args), name);
    } else {
        out = single(Kind::function, std::move(*inside), name);
    }
    if (base && name != "log") out.name += "_" + canonical(*base);
    return exponent ? pair(Kind::power, std::move(out), std::move(*exponent)) : std::move(out);
}

// \sum_{k=1}^{n} body, \lim_{x \to 0} body
std::optional<Expr> Parser::big_operator(const std::string& name) {
    Parsed from, to;
    std::string below, above;
    for (int i = 0; i < 2; ++i) {
        if (is_op("_")) {
            const size_t before = ++at_;
            from = is_op("{") ? braces() : std::nullopt;
            at_ = before;
            below = raw_group();
        } else if (is_op("^")) {
            const size_t before = ++at_;
            to = group_or_token();
            at_ = before;
            above = raw_group();
        }
    }
    Parsed body = term();
    if (!body) return std::nullopt;
    const bool bounded =
        from && to && from->kind == Kind::relation && from->name == "=" && from->args[0].kind == Kind::symbol;
    if ((name == "sum" || name == "prod") && bounded) {
        std::vector<Expr> all;
        all.push_back(std::move(from->args[0]));
        all.push_back(std::move(from->args[1]));
        all.push_back(std::move(*to));
        all.push_back(std::move(*body));
        return make(Kind::function, std::move(all), name);
    }
    return single(Kind::function, std::move(*body), name + "_" + below + "^" + above);
}

std::optional<Expr> Parser::environment() {
    const std::string name = here().text;
    ++at_;
    const bool is_matrix = name.find("matrix") != std::string::npos || name == "array";
    if (!is_matrix) return lines(name == "cases");
    Expr out = make(Kind::matrix, {});
    size_t in_row = 0;
    while (here().type != TokenType::finish && here().type != TokenType::end) {
        if (is_op("&")) {
            ++at_;
        } else if (is_op("\\\\")) {
            ++at_;
            if (in_row > 0) {
                if (out.columns == 0) out.columns = static_cast<uint32_t>(in_row);
                if (out.columns != in_row) return std::nullopt;
                in_row = 0;
            }
        } else {
            Parsed cell = relation();
            if (!cell) return std::nullopt;
            out.args.push_back(std::move(*cell));
            ++in_row;
        }
    }
    if (here().type != TokenType::finish || out.args.empty()) return std::nullopt;
    ++at_;
    if (out.columns == 0) out.columns = static_cast<uint32_t>(in_row);
    if (in_row != 0 && in_row != out.columns) return std::nullopt;
    if (name == "vmatrix") return determinant(out);
    return out;
}

// The lines of aligned equations or of cases. A line that begins with "=" goes on with the one before; a case
// and its condition are a tuple.
std::optional<Expr> Parser::lines(bool cases) {
    Expr out = make(Kind::list, {}, "&");
    size_t in_row = 0;
    while (here().type != TokenType::finish && here().type != TokenType::end) {
        if (is_op("&") || is_op(",") || is_op(";")) {
            ++at_;
            continue;
        }
        if (is_op("\\\\")) {
            ++at_;
            in_row = 0;
            continue;
        }
        if (cases && (here().text == "if" || here().text == "for" || here().text == "when")) {
            ++at_;
            continue;
        }
        const bool goes_on = is_op("=") && !out.args.empty();
        Parsed cell = relation();
        if (!cell) return std::nullopt;
        if (goes_on) {
            Expr& last = out.args.back();
            const bool chain = last.kind == Kind::relation;
            if (!chain) last = single(Kind::relation, std::move(last));
            last.name += '=';
            last.args.push_back(std::move(*cell));
        } else if (cases && in_row > 0) {
            Expr& last = out.args.back();
            if (in_row == 1) last = single(Kind::tuple, std::move(last), "()");
            last.args.push_back(std::move(*cell));
        } else {
            out.args.push_back(std::move(*cell));
        }
        ++in_row;
    }
    if (here().type != TokenType::finish || out.args.empty()) return std::nullopt;
    ++at_;
    return out.args.size() == 1 ? std::move(out.args[0]) : std::move(out);
}

}  // namespace r1::algebra
