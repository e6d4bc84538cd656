// Equations and inequalities.
#include <algorithm>

#include "algebra/comparer.h"

namespace r1::algebra {
namespace {

bool is_upper(const Expr& e) {
    return e.kind == Kind::symbol && !e.name.empty() && e.name[0] >= 'A' && e.name[0] <= 'Z';
}

Expr difference(const Expr& a, const Expr& b) {
    return make(Kind::add, {a, make(Kind::negate, {b})});
}

Expr replaced(const Expr& e, const std::string& from, const std::string& to) {
    Expr out = e;
    if (out.kind == Kind::symbol && out.name == from) out.name = to;
    for (Expr& a : out.args) a = replaced(a, from, to);
    return out;
}

// f(x), or W(n) that was read as a product: the function's name and its unknown.
std::optional<std::pair<std::string, std::string>> applied(const Expr& e) {
    if (e.kind == Kind::function && e.args.size() == 1 && e.args[0].kind == Kind::symbol)
        return {{e.name, e.args[0].name}};
    if (e.kind == Kind::multiply && e.args.size() == 2 && e.args[0].kind == Kind::symbol &&
        e.args[1].kind == Kind::symbol)
        return {{e.args[0].name, e.args[1].name}};
    return std::nullopt;
}

// One sign of a chain as  difference < 0, ≤ 0 or ≠ 0.
struct Condition {
    Expr side;
    char sign;
};

std::vector<Condition> conditions(const Expr& e) {
    std::vector<Condition> out;
    if (e.kind == Kind::list) {
        for (const Expr& item : e.args)
            for (Condition& c : conditions(item)) out.push_back(std::move(c));
        return out;
    }
    for (size_t i = 0; i < e.name.size(); ++i) {
        const char sign = e.name[i];
        const bool turned = sign == '>' || sign == 'g';
        const Expr &left = e.args[i], &right = e.args[i + 1];
        out.push_back({turned ? difference(right, left) : difference(left, right), sign == '>'   ? '<'
                                                                                   : sign == 'g' ? 'l'
                                                                                                 : sign});
    }
    return out;
}

// Is the unknown of the expression the solution of a linear equation with it? "2x + 3", but not "x^2" or "x +
// y".
bool is_linear_in_one(const Expr& e) {
    std::vector<std::string> names;
    collect_symbols(e, names);
    const auto bends = [](const auto& self, const Expr& node) -> bool {
        if (node.kind == Kind::power || node.kind == Kind::root || node.kind == Kind::function)
            return has_symbols(node);
        if (node.kind == Kind::divide && has_symbols(node.args[1])) return true;
        if (node.kind == Kind::multiply && std::ranges::count_if(node.args, has_symbols) > 1) return true;
        return std::ranges::any_of(node.args, [&](const Expr& a) { return self(self, a); });
    };
    return names.size() == 1 && !bends(bends, e);
}

// "5 = 6"
bool is_false(const Expr& e) {
    return e.kind == Kind::relation && e.name == "=" && is_number(e.args[0]) && is_number(e.args[1]) &&
           canonical(e.args[0]) != canonical(e.args[1]);
}

}  // namespace

bool is_name(const Expr& e) {
    switch (e.kind) {
        case Kind::symbol:
        case Kind::text:
            return true;
        case Kind::function:
            if (e.args.size() == 1 && (e.name == "abs" || e.name == "norm"))
                return is_name(e.args[0]) && e.args[0].kind != Kind::symbol;
            return e.name == "f" || e.name == "g" || e.name == "f^-1" || e.name == "g^-1" || e.name == "f'" ||
                   e.name == "g'" || e.name.starts_with("lim") || e.name.starts_with("int") ||
                   e.name == "sum" || e.name == "prod";
        case Kind::multiply:
            if (applied(e)) return true;  // W(n), AB
            if (e.args.size() == 2 && is_upper(e.args[0]) && (is_number(e.args[1]) || !is_scalar(e.args[1])))
                return true;  // P(3), P(X = 2)
            return e.args.size() <= 5 && std::all_of(e.args.begin(), e.args.end(), is_upper);
        case Kind::divide:
        case Kind::tuple:
        case Kind::ratio:
            return std::all_of(e.args.begin(), e.args.end(), is_name);
        case Kind::constant:
            return e.name == "e" || e.name == "i";
        default:
            return false;
    }
}

std::optional<Assignment> assignment(const Expr& e) {
    if (e.kind != Kind::relation) return std::nullopt;
    std::string signs = e.name;
    std::vector<Expr> sides = e.args;
    Assignment out;
    if (signs == "m") return Assignment{sides[0], sides[1], is_name(sides[0]), {}};
    const size_t rounded = signs.find('~');
    if (rounded != std::string::npos && rounded > 0) {
        out.rounded = sides.back();
        sides.resize(rounded + 1);
        signs.resize(rounded);
    } else if (rounded == 0 && signs.size() == 1 && !is_name(sides[0])) {
        return Assignment{sides[0], sides[0], false, sides[1]};
    }
    if (signs.find_first_not_of("=~c") != std::string::npos) return std::nullopt;
    if (is_name(sides.back()) && !is_name(sides.front())) std::reverse(sides.begin(), sides.end());
    // several names: 1 = z = x = 0
    const bool middle = std::any_of(sides.begin(), sides.end() - 1, is_name);
    out.named = middle;
    out.name = sides.front();
    out.value = sides.back();
    return out;
}

bool is_inequality(const Expr& e) {
    if (e.kind == Kind::list) return std::all_of(e.args.begin(), e.args.end(), is_inequality);
    return e.kind == Kind::relation && e.name.find_first_not_of("<>lgn") == std::string::npos;
}

Equality Comparer::relations(const Expr& gold, const Expr& answer) {
    if (is_false(answer)) return Equality::different;
    if (is_inequality(gold)) return inequalities(gold, answer);
    if (gold.kind == Kind::relation && answer.kind == Kind::relation) {
        if (is_inequality(answer)) {
            // x ∈ [1, 2] names its unknown, as the inequality does
            if (gold.name == "m" && gold.args[0].kind == Kind::symbol)
                return equal_sets(gold.args[1], answer, budget_);
            return Equality::different;
        }
        return equations(gold, answer);
    }
    return gold.kind == Kind::relation ? against_value(gold, answer, true)
                                       : against_value(answer, gold, false);
}

// An equation against something that is none.
Equality Comparer::against_value(const Expr& relation, const Expr& value, bool relation_is_gold) {
    const auto assigned = assignment(relation);
    if (!assigned) return Equality::different;
    if (!options_.names && assigned->named) return Equality::different;
    const bool computed = !has_symbols(assigned->name);
    if (!assigned->named && !computed) {
        // "3x + 4y = 0" and "2x = 5" are equations; "a + 2z = 101" as an answer says what a + 2z is
        const bool says_value = !relation_is_gold && !has_symbols(assigned->value) &&
                                is_scalar(assigned->value) && !is_linear_in_one(assigned->name) &&
                                sign_of(assigned->value, budget_).value_or(0) != 0;
        if (!says_value) return Equality::different;
    }
    const auto side = [&](const Expr& e) { return relation_is_gold ? match(e, value) : match(value, e); };
    const Equality exact = side(assigned->value);
    if (exact == Equality::equal || !assigned->rounded) return exact;
    // The rounded side counts if it is one: 2/3 ≈ 0.67
    const auto x = near_value(assigned->value, budget_), r = near_value(*assigned->rounded, budget_);
    const Expr& decimal = *assigned->rounded;
    const Expr& number = decimal.kind == Kind::quantity ? decimal.args[0] : decimal;
    if (!x || !r || number.kind != Kind::number || number.decimals < 1) return exact;
    mpz_class scale;
    mpz_ui_pow_ui(scale.get_mpz_t(), 10, static_cast<unsigned long>(number.decimals));
    return abs(*x - *r) * scale * 2 <= 1 ? side(decimal) : exact;
}

Equality Comparer::equations(const Expr& gold, const Expr& answer) {
    const auto left = assignment(gold), right = assignment(answer);
    if (!left || !right) return canonical(gold) == canonical(answer) ? Equality::equal : Equality::different;
    if (canonical(left->name) == canonical(right->name) && left->named && right->named)
        return match(left->value, right->value);
    const auto f = applied(left->name), g = applied(right->name);
    if (f && g && left->named && right->named && f->first == g->first)
        return match(left->value, replaced(right->value, g->second, f->second));
    // y = x + 1 for f(x) = x + 1
    const auto is_graph = [&](const std::optional<std::pair<std::string, std::string>>& function,
                              const Assignment& of, const Assignment& graph) {
        if (!function || !of.named || graph.name.kind != Kind::symbol || graph.name.name == function->second)
            return false;
        std::vector<std::string> names;
        collect_symbols(graph.value, names);
        return std::ranges::find(names, graph.name.name) == names.end();
    };
    if (is_graph(f, *left, *right) || is_graph(g, *right, *left)) return match(left->value, right->value);
    // a computation's result: √16 = 4 for x = 4
    if (left->named && !has_symbols(right->name)) return match(left->value, right->value);
    if (right->named && !has_symbols(left->name)) return match(left->value, right->value);
    if (gold.args.size() != 2 || answer.args.size() != 2) return Equality::different;
    for (const Expr& e : {left->name, left->value, right->name, right->value})
        if (!is_scalar(e)) return elements(gold.args, answer.args);
    // F = 0 and c·F = 0
    const Expr a = difference(left->name, left->value), b = difference(right->name, right->value);
    if (!has_symbols(a) || !has_symbols(b)) return Equality::different;
    return constant_ratio_sign(a, b, budget_) != 0 ? Equality::equal : Equality::different;
}

// The gold is an inequality, or several.
Equality Comparer::inequalities(const Expr& gold, const Expr& answer) {
    if (is_inequality(answer)) {
        std::vector<Condition> left = conditions(gold), right = conditions(answer);
        bool same = left.size() == right.size();
        for (const Condition& c : left) {
            if (!same) break;
            const auto partner = std::find_if(right.begin(), right.end(), [&](const Condition& d) {
                if (c.sign != d.sign || !is_scalar(c.side) || !is_scalar(d.side)) return false;
                const int sign = constant_ratio_sign(c.side, d.side, budget_);
                return sign > 0 || (sign < 0 && c.sign == 'n');
            });
            same = partner != right.end();
            if (same) right.erase(partner);
        }
        if (same) return Equality::equal;
        return equal_sets(gold, answer, budget_) == Equality::equal ? Equality::equal : Equality::different;
    }
    if (!options_.inequality_as_interval) return Equality::different;
    if (answer.kind == Kind::relation) {
        if (answer.name != "m") return Equality::different;
        return equal_sets(gold, answer.args[1], budget_);
    }
    return is_real_set(answer) ? equal_sets(gold, answer, budget_) : Equality::different;
}

}  // namespace r1::algebra
