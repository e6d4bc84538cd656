#include "algebra/parser.h"

#include <algorithm>

#include "algebra/matrix.h"
#include "algebra/units.h"
#include "algebra/words.h"

namespace r1::algebra {
namespace {

char relation_sign(const Token& token) {
    if (token.type != TokenType::op) return 0;
    static constexpr std::pair<std::string_view, char> signs[] = {
        {"=", '='},  {"<", '<'}, {">", '>'},  {"<=", 'l'},  {">=", 'g'},
        {"!=", 'n'}, {"~", '~'}, {"in", 'm'}, {"===", 'c'}, {"->", 't'}};
    for (const auto& [text, sign] : signs)
        if (token.text == text) return sign;
    return 0;
}

bool is_interval_like(const Expr& e) {
    return e.kind == Kind::interval || e.kind == Kind::unite || e.kind == Kind::set ||
           (e.kind == Kind::tuple && e.args.size() == 2);
}

bool is_set(const Expr& e) {
    return e.kind == Kind::interval || e.kind == Kind::unite || e.kind == Kind::set ||
           is_constant(e, "reals");
}

}  // namespace

// item (separator item)*, flat; "and", "or" and ";" say that the order carries no meaning.
std::optional<Expr> Parser::list() {
    const Nest nest(depth_);
    if (!nest) return std::nullopt;
    Parsed first = relation();
    if (!first) return std::nullopt;
    std::vector<Expr> items;
    items.push_back(std::move(*first));
    std::string join = ",";
    for (;;) {
        const size_t before = at_;
        bool any = here().gap;
        std::string joined;
        while (is_op(",") || is_op(";") || is_op("and") || is_op("or") || is_op("\\\\")) {
            if (is_op("or")) joined = "|";
            if ((is_op("and") || is_op(";")) && joined.empty()) joined = "&";
            any = true;
            ++at_;
        }
        Parsed item;
        if (any) item = relation();
        if (!item) {
            at_ = before;
            break;
        }
        if (joined == "|" || (joined == "&" && join == ",")) join = joined;
        items.push_back(std::move(*item));
    }
    if (items.size() == 1) return std::move(items[0]);
    return make(Kind::list, std::move(items), join);
}

Parser::Parsed Parser::relation() {
    const Nest nest(depth_);
    if (!nest) return std::nullopt;
    Parsed left;
    if (relation_sign(here()) && !is_op("in")) {  // "= 5", "≈ 8.24", "⟹ 5", "> 3"
        const char sign = relation_sign(here());
        ++at_;
        if (sign == '=' || sign == '~' || sign == 't') return relation();
        return std::nullopt;
    }
    left = ratio();
    if (!left) return std::nullopt;
    std::vector<Expr> sides;
    std::string signs;
    sides.push_back(std::move(*left));
    for (;;) {
        const size_t before = at_;
        if (is_op("&") && relation_sign(ahead(1))) ++at_;  // aligned: x &= 3
        const char sign = relation_sign(here());
        if (!sign) {
            at_ = before;
            break;
        }
        ++at_;
        // "x = ± 3" and the doubled "= =" of broken lines
        while (is_op("=") && sign == '=') ++at_;
        if (is_op("&")) ++at_;
        Parsed right = ratio();
        if (!right) {
            at_ = before;
            break;
        }
        signs += sign;
        sides.push_back(std::move(*right));
    }
    // "3x = 51 ⟹ x = 17" says what follows the last arrow
    if (const size_t arrow = signs.rfind('t'); arrow != std::string::npos && arrow + 1 < signs.size()) {
        signs.erase(0, arrow + 1);
        sides.erase(sides.begin(), sides.begin() + static_cast<std::ptrdiff_t>(arrow + 1));
    }
    if (sides.size() == 1) return std::move(sides[0]);
    // x ≡ 1 \mod 5
    if (Expr& last = sides.back();
        signs.back() == 'c' && last.kind == Kind::function && last.name == "mod" && last.args.size() == 2) {
        const std::string modulus = canonical(last.args[1]);
        last.args.pop_back();
        last = make(Kind::quantity, std::move(last.args), "mod " + modulus);
    }
    return make(Kind::relation, std::move(sides), signs);
}

Parser::Parsed Parser::ratio() {
    Parsed left = sets();
    if (!left || !is_op(":") || bars_ < 0 || left->kind == Kind::text) return left;
    std::vector<Expr> parts;
    parts.push_back(std::move(*left));
    while (is_op(":")) {
        const size_t before = at_++;
        Parsed next = sets();
        if (!next) {
            at_ = before;
            break;
        }
        parts.push_back(std::move(*next));
    }
    if (parts.size() == 1) return std::move(parts[0]);
    return make(Kind::ratio, std::move(parts));
}

Parser::Parsed Parser::sets() {
    Parsed left = sum();
    while (left) {
        const bool letter_u =
            here().type == TokenType::letter && here().text == "U" && is_interval_like(*left);
        const Kind kind = is_op("cup") || letter_u ? Kind::unite
                          : is_op("cap")           ? Kind::intersect
                                                   : Kind::subtract;
        if (kind == Kind::subtract && !is_op("\\")) break;
        const size_t before = at_++;
        Parsed right = sum();
        if (!right) {
            at_ = before;
            break;
        }
        if (left->kind == kind && kind != Kind::subtract) {
            left->args.push_back(std::move(*right));
        } else {
            std::vector<Expr> both;
            both.push_back(std::move(*left));
            both.push_back(std::move(*right));
            left = make(kind, std::move(both));
        }
    }
    return left;
}

Parser::Parsed Parser::sum() {
    const Nest nest(depth_);
    if (!nest) return std::nullopt;
    Parsed left = term();
    if (!left) return std::nullopt;
    std::vector<Expr> parts;
    parts.push_back(std::move(*left));
    while (is_op("+") || is_op("-") || is_op("+-") || is_op("-+")) {
        const size_t before = at_;
        const std::string sign = here().text;
        ++at_;
        Parsed right = term();
        if (!right) {
            at_ = before;
            break;
        }
        std::vector<Expr> one;
        one.push_back(std::move(*right));
        if (sign == "+")
            parts.push_back(std::move(one[0]));
        else
            parts.push_back(
                make(sign == "-" ? Kind::negate : Kind::choice, std::move(one), sign == "-+" ? "-" : ""));
    }
    if (parts.size() == 1) return std::move(parts[0]);
    Expr all = make(Kind::add, std::move(parts));
    if (all.args.size() == 2 && is_set(all.args[0]) && all.args[1].kind == Kind::negate &&
        is_set(all.args[1].args[0])) {  // ℝ - {0}
        all.args[1] = Expr(all.args[1].args[0]);
        all.kind = Kind::subtract;
        return all;
    }
    return contains_matrix(all) ? add_matrices(std::move(all)) : std::move(all);
}

Parser::Parsed Parser::term() {
    Parsed left = factor();
    while (left) {
        const size_t before = at_;
        Kind kind = Kind::multiply;
        if (is_op("*") || is_op("/") || is_op("mod")) {
            if (is_op("/")) kind = Kind::divide;
            if (is_op("mod")) kind = Kind::function;
            ++at_;
        } else if (!starts_factor()) {
            break;
        }
        Parsed right = factor();
        if (!right) {
            at_ = before;
            break;
        }
        if (kind == Kind::multiply && left->kind == Kind::multiply) {
            left->args.push_back(std::move(*right));
        } else {
            std::vector<Expr> both;
            both.push_back(std::move(*left));
            both.push_back(std::move(*right));
            left = make(kind, std::move(both), kind == Kind::function ? "mod" : "");
        }
        if (left->kind == Kind::multiply && contains_matrix(*left))
            left = multiply_matrices(std::move(*left));
    }
    return left;
}

Parser::Parsed Parser::factor() {
    const Nest nest(depth_);
    if (!nest) return std::nullopt;
    const bool minus = is_op("-"), choice = is_op("+-"), opposite = is_op("-+");
    if (!minus && !choice && !opposite && !is_op("+")) return postfix();
    ++at_;
    Parsed inside = choice || opposite ? term() : factor();
    if (!inside || (!minus && !choice && !opposite)) return inside;
    std::vector<Expr> one;
    one.push_back(std::move(*inside));
    return make(minus ? Kind::negate : Kind::choice, std::move(one), opposite ? "-" : "");
}

bool Parser::starts_factor() const {
    const Token& token = here();
    const Token& before = tokens_[at_ - 1];
    if (before.type == TokenType::word || before.type == TokenType::text)
        return false;  // words are no factor
    switch (token.type) {
        case TokenType::letter:
            return token.text != "U" || bars_ > 0;
        case TokenType::function:
        case TokenType::begin:
            return true;
        case TokenType::number: {
            // a number follows only a bracket or 7!: "(2)3"; two numbers side by side are no product
            const Token& last = tokens_[at_ - 1];
            return last.type == TokenType::op && (last.text == ")" || last.text == "}" || last.text == "!");
        }
        case TokenType::op:
            return token.text == "(" || token.text == "{" || token.text == "lfloor" ||
                   token.text == "lceil" || (token.text == "|" && bars_ == 0);
        default:
            return false;
    }
}

Parser::Parsed Parser::postfix() {
    Parsed base = primary();
    while (base) {
        if (base->kind == Kind::text && !is_op("_")) return base;  // words have no powers
        std::vector<Expr> both;
        if (is_op("^")) {
            const size_t before = at_++;
            if (is_op("°") || (is_op("{") && is_op_at(1, "°") && is_op_at(2, "}"))) {
                at_ += is_op("°") ? 1 : 3;
                base = degrees(std::move(*base));
                continue;
            }
            if (const size_t here_at = at_; is_ordinal(raw_group()))
                continue;  // 3^{rd}
            else
                at_ = here_at;
            if (is_op("'") || (is_op("{") && is_op_at(1, "'") && base->kind == Kind::symbol)) {
                base->name += "'";
                raw_group();
                continue;
            }
            Parsed exponent = group_or_token();
            if (!exponent) {
                at_ = before;
                return base;
            }
            both.push_back(std::move(*base));
            both.push_back(std::move(*exponent));
            base = make(Kind::power, std::move(both));
        } else if (is_op("_") && base->kind == Kind::number) {
            ++at_;
            const std::string written = raw_group();
            const auto word = number_word(written);
            const std::string digits = word ? std::to_string(*word) : written;
            if (digits.empty() || digits.size() > 2 ||
                digits.find_first_not_of("0123456789") != std::string::npos)
                return std::nullopt;
            Expr based = make(Kind::based, {}, base->value->get_str());
            based.value = mpq_class(digits, 10);
            base = std::move(based);
        } else if (is_op("_") && (base->kind == Kind::symbol || base->kind == Kind::text)) {
            ++at_;
            base->name += "_" + raw_group();
        } else if (is_op("_") && base->kind == Kind::power && base->args[0].kind == Kind::symbol) {
            ++at_;  // v^2_0
            base->args[0].name += "_" + raw_group();
        } else if (is_op("'") && base->kind == Kind::symbol) {
            ++at_;
            base->name += "'";
        } else if (is_op("!")) {
            ++at_;
            both.push_back(std::move(*base));
            base = make(Kind::function, std::move(both), "factorial");
        } else if (residue(*base)) {
            continue;
        } else if (is_op("%")) {
            ++at_;
            both.push_back(std::move(*base));
            base = make(Kind::percent, std::move(both));
        } else if (is_op("°")) {
            ++at_;
            base = degrees(std::move(*base));
        } else if (here().type == TokenType::text || here().type == TokenType::word) {
            if (base->kind == Kind::text || base->kind == Kind::symbol ||
                (base->kind == Kind::quantity && here().type == TokenType::word))
                return base;
            const size_t before = at_;
            if (is_number(*base)) base = scaled(std::move(*base));
            base = with_unit(std::move(*base));
            if (at_ == before) return base;
        } else {
            return base;
        }
    }
    return base;
}

// "\pmod 5", "(mod 5)": the value becomes a residue.
bool Parser::residue(Expr& value) {
    std::string modulus;
    if (is_op("pmod")) {
        ++at_;
        modulus = raw_group();
    } else if (is_op("(") && is_op_at(1, "mod") && is_op_at(3, ")")) {
        modulus = ahead(2).text;
        at_ += 4;
    } else {
        return false;
    }
    value = single(Kind::quantity, std::move(value), "mod " + modulus);
    return true;
}

// After the sign of degrees; the C of °C goes with it.
Expr Parser::degrees(Expr value) {
    if (here().type == TokenType::letter && (here().text == "C" || here().text == "F") &&
        ahead(1).type == TokenType::end)
        ++at_;
    return single(Kind::degree, std::move(value));
}

// A unit after a value, with its power, a divisor and further words: "cm^2", "km / h", "square units",
// "ways."
Expr Parser::with_unit(Expr value) {
    std::string name;
    const auto is_unit_token = [&](const Token& token) {
        if (token.type == TokenType::text)
            return token.text.find_first_of("0123456789=") == std::string::npos && is_plain_unit(token.text);
        return token.type == TokenType::word && is_unit(token.text);
    };
    if (here().type == TokenType::word && !is_plain_unit(here().text)) return value;
    while (is_unit_token(here())) {
        if (!name.empty()) name += ' ';
        name += here().text;
        ++at_;
        if (is_op("^")) {
            const size_t before = at_++;
            const std::string power = raw_group();
            if (power != "2" && power != "3" && power != "-1" && power != "-2") {
                at_ = before;
                break;
            }
            name += "^" + power;
        }
        if (is_op("/") && is_unit_token(ahead(1))) {
            name += "/";
            ++at_;
        } else if (is_op("/") && ahead(1).type == TokenType::letter && is_unit(ahead(1).text)) {
            name += "/" + ahead(1).text;  // km/h
            at_ += 2;
        }
    }
    if (name.empty()) return value;
    return single(Kind::quantity, std::move(value), name);
}

}  // namespace r1::algebra
