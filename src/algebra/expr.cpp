#include "algebra/expr.h"

#include <algorithm>

namespace r1::algebra {

Expr number(const mpq_class& value) {
    Expr e;
    e.value = value;
    return e;
}

Expr symbol(std::string name) {
    return make(Kind::symbol, {}, std::move(name));
}

Expr constant(std::string name) {
    return make(Kind::constant, {}, std::move(name));
}

Expr make(Kind kind, std::vector<Expr> args, std::string name) {
    Expr e;
    e.kind = kind;
    e.args = std::move(args);
    e.name = std::move(name);
    return e;
}

Expr single(Kind kind, Expr a, std::string name) {
    std::vector<Expr> one;
    one.push_back(std::move(a));
    return make(kind, std::move(one), std::move(name));
}

Expr pair(Kind kind, Expr a, Expr b, std::string name) {
    std::vector<Expr> both;
    both.push_back(std::move(a));
    both.push_back(std::move(b));
    return make(kind, std::move(both), std::move(name));
}

Expr integer(long value) {
    return number(mpq_class(value));
}

bool is_number(const Expr& e) {
    return e.kind == Kind::number || (e.kind == Kind::negate && e.args[0].kind == Kind::number);
}

bool is_integer(const Expr& e) {
    if (e.kind == Kind::negate) return is_integer(e.args[0]);
    return e.kind == Kind::number && e.decimals < 0 && e.value->get_den() == 1;
}

bool is_constant(const Expr& e, const char* name) {
    return e.kind == Kind::constant && e.name == name;
}

bool is_scalar(const Expr& e) {
    switch (e.kind) {
        case Kind::number:
        case Kind::symbol:
            return true;
        case Kind::constant:
            return e.name != "reals" && e.name != "empty";
        case Kind::negate:
        case Kind::add:
        case Kind::multiply:
        case Kind::divide:
        case Kind::power:
        case Kind::root:
        case Kind::percent:
        case Kind::degree:
        case Kind::quantity:
            return std::all_of(e.args.begin(), e.args.end(), is_scalar);
        case Kind::function:
            return true;
        default:
            return false;
    }
}

bool contains(const Expr& e, Kind kind) {
    return e.kind == kind ||
           std::any_of(e.args.begin(), e.args.end(), [&](const Expr& a) { return contains(a, kind); });
}

bool has_symbols(const Expr& e) {
    return contains(e, Kind::symbol);
}

void collect_symbols(const Expr& e, std::vector<std::string>& names) {
    if (e.kind == Kind::symbol) {
        const auto at = std::lower_bound(names.begin(), names.end(), e.name);
        if (at == names.end() || *at != e.name) names.insert(at, e.name);
    }
    for (const Expr& a : e.args) collect_symbols(a, names);
}

std::string canonical(const Expr& e) {
    if (e.kind == Kind::number) return e.value->get_str();
    if (e.kind == Kind::symbol) return e.name;
    std::vector<std::string> parts;
    for (const Expr& a : e.args) parts.push_back(canonical(a));
    if (e.kind == Kind::add || e.kind == Kind::multiply || e.kind == Kind::set || e.kind == Kind::unite)
        std::sort(parts.begin(), parts.end());
    std::string out = "{" + std::to_string(static_cast<int>(e.kind)) + ":" + e.name;
    if (e.columns) out += "/" + std::to_string(e.columns);
    if (e.kind == Kind::based) out += "_" + e.value->get_str();
    for (const std::string& part : parts) out += " " + part;
    return out + "}";
}

}  // namespace r1::algebra
