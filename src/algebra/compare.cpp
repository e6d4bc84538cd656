#include "algebra/compare.h"

#include <algorithm>

#include "algebra/comparer.h"
#include "algebra/reader.h"
#include "algebra/units.h"
#include "algebra/words.h"

namespace r1::algebra {
namespace {

Expr inner(const Expr& e) {
    return e.args[0];
}

// {5}, and a list of one, are their element; {∅} is not ∅.
const Expr& unwrapped(const Expr& e) {
    const Expr* out = &e;
    while ((out->kind == Kind::list || out->kind == Kind::set || out->kind == Kind::tuple) &&
           out->args.size() == 1 && !is_constant(out->args[0], "empty"))
        out = &out->args[0];
    return *out;
}

const Expr& without_sign(const Expr& e) {
    return e.kind == Kind::negate ? without_sign(e.args[0]) : e;
}

bool is_written_fraction(const Expr& e) {
    return e.kind == Kind::divide && is_integer(e.args[0]) && is_integer(e.args[1]) &&
           without_sign(e.args[1]).value != 0;
}

bool is_reduced(const Expr& e) {
    return gcd(without_sign(e.args[0]).value->get_num(), without_sign(e.args[1]).value->get_num()) == 1;
}

const Expr* decimal(const Expr& e) {
    const Expr& plain = without_sign(e);
    return plain.kind == Kind::number && plain.decimals > 0 ? &plain : nullptr;
}

// "mod 5": the value is one of its class.
bool is_residue(const Expr& e) {
    return e.kind == Kind::quantity && e.name.starts_with("mod ");
}

// The digits of 4343_6 as they stand.
bool are_digits_of(const Expr& based, const Expr& plain) {
    return based.kind == Kind::based && is_integer(plain) && plain.kind == Kind::number &&
           plain.value->get_str() == based.name;
}

bool is_vector(const Expr& e) {
    return e.kind == Kind::matrix && (e.columns == 1 || e.columns == e.args.size());
}

}  // namespace

Equality all_of(std::initializer_list<Equality> parts) {
    Equality out = Equality::equal;
    for (const Equality part : parts) {
        if (part == Equality::different) return part;
        if (part == Equality::undecided) out = part;
    }
    return out;
}

Equality any_of(Equality a, Equality b) {
    if (a == Equality::equal || b == Equality::equal) return Equality::equal;
    return a == Equality::undecided ? a : b;
}

Equality compare(const Expr& gold, const Expr& answer, const CompareOptions& options, Budget& budget) {
    return Comparer(options, budget).match(gold, answer);
}

Equality Comparer::match(const Expr& wrapped_gold, const Expr& wrapped_answer) {
    budget_.spend(4);
    const Expr &gold = unwrapped(wrapped_gold), &answer = unwrapped(wrapped_answer);
    if (depth_ > 20) return Equality::different;
    if (canonical(gold) == canonical(answer)) return Equality::equal;
    struct Level {
        int& depth;
        explicit Level(int& d) : depth(++d) {}
        ~Level() { --depth; }
    } const level(depth_);

    const auto either = [&](auto test) { return test(gold) || test(answer); };
    const auto both = [&](auto test) { return test(gold) && test(answer); };

    if (either([](const Expr& e) { return e.kind == Kind::text; })) {
        const std::string left = plain_words(gold), right = plain_words(answer);
        if (!left.empty() && same_words(left, right)) return Equality::equal;
        if (both([](const Expr& e) { return e.kind == Kind::text; })) return Equality::different;
        // \text{13}: words that are maths
        const bool gold_is_text = gold.kind == Kind::text;
        const Expr& text = gold_is_text ? gold : answer;
        const Expr& other = gold_is_text ? answer : gold;
        if (const auto value = number_word(gold_is_text ? left : right))
            return gold_is_text ? match(number(*value), answer) : match(gold, number(*value));
        const bool digits = text.name.find_first_of("0123456789") != std::string::npos;
        if (other.kind != Kind::relation && !digits && (!is_scalar(other) || has_symbols(other)))
            return Equality::different;
        if (const auto set = assignment(other); set && set->named)
            return gold_is_text ? match(gold, set->value) : match(set->value, answer);
        const auto readings = read_answer(text.name);
        if (readings.empty() || readings[0].kind == Kind::text || (!digits && has_symbols(readings[0])))
            return Equality::different;
        return gold_is_text ? match(readings[0], answer) : match(gold, readings[0]);
    }
    if (either([](const Expr& e) { return e.kind == Kind::list; }) ||
        both([](const Expr& e) { return e.kind == Kind::set; }))
        return lists(gold, answer);
    // {x | x > 3} as gold is what the inequality is
    if (gold.kind == Kind::unite && gold.args.size() == 1 && is_inequality(answer))
        return match(gold.args[0], answer);
    if (either([](const Expr& e) { return e.kind == Kind::relation; })) return relations(gold, answer);
    if (either([](const Expr& e) { return e.kind == Kind::based; })) {
        const bool same =
            gold.kind == answer.kind && gold.name == answer.name && *gold.value == *answer.value;
        return same || are_digits_of(gold, answer) ? Equality::equal : Equality::different;
    }
    if (either([](const Expr& e) { return e.kind == Kind::matrix; })) {
        if (gold.kind == Kind::matrix && answer.kind == Kind::matrix)
            return gold.columns == answer.columns ? elements(gold.args, answer.args) : Equality::different;
        const bool vector = is_vector(gold) || is_vector(answer);
        const auto is_row = [](const Expr& e) {
            return e.kind == Kind::tuple || (e.kind == Kind::interval && e.name == "[]");
        };
        return vector && either(is_row) ? elements(gold.args, answer.args) : Equality::different;
    }
    if (both([](const Expr& e) { return e.kind == Kind::tuple; })) {
        return elements(gold.args, answer.args);
    }
    if (both(is_real_set)) return sets(gold, answer);
    if (both([](const Expr& e) { return e.kind == Kind::ratio; })) {
        if (gold.args.size() != answer.args.size()) return Equality::different;
        return elements(gold.args, answer.args);
    }
    if (both([](const Expr& e) {
            return is_constant(e, "inf") || (e.kind == Kind::negate && is_constant(e.args[0], "inf"));
        }))
        return gold.kind == answer.kind ? Equality::equal : Equality::different;
    if (either([](const Expr& e) { return e.kind == Kind::ratio; })) {
        // 3 : 4 is 3/4
        const auto quotient = [](const Expr& e) {
            return e.kind == Kind::ratio && e.args.size() == 2 ? make(Kind::divide, e.args) : e;
        };
        const Expr left = quotient(gold), right = quotient(answer);
        return is_scalar(left) && is_scalar(right) ? equal_scalars(left, right, budget_)
                                                   : Equality::different;
    }
    if (both(is_scalar)) return quantities(gold, answer);
    return canonical(gold) == canonical(answer) ? Equality::equal : Equality::different;
}

Equality Comparer::elements(const std::vector<Expr>& gold, const std::vector<Expr>& answer) {
    if (gold.size() != answer.size()) return Equality::different;
    Equality out = Equality::equal;
    for (size_t i = 0; i < gold.size(); ++i) {
        out = all_of({out, match(gold[i], answer[i])});
        if (out == Equality::different) return out;
    }
    return out;
}

// Equality is transitive, so that the first partner found is as good as any other.
Equality Comparer::unordered(const std::vector<Expr>& gold, const std::vector<Expr>& answer) {
    if (gold.size() != answer.size()) return Equality::different;
    std::vector<bool> taken(answer.size());
    bool unsure = false;
    for (const Expr& g : gold) {
        bool found = false, maybe = false;
        for (size_t i = 0; i < answer.size() && !found; ++i) {
            if (taken[i]) continue;
            const Equality e = match(g, answer[i]);
            maybe = maybe || e == Equality::undecided;
            if (e == Equality::equal) found = taken[i] = true;
        }
        if (!found && !maybe) return Equality::different;
        unsure = unsure || !found;
    }
    return unsure ? Equality::undecided : Equality::equal;
}

// Percent, degrees and units around two scalars.
Equality Comparer::quantities(const Expr& gold, const Expr& answer) {
    if (gold.kind == Kind::quantity || answer.kind == Kind::quantity) {
        const bool both = gold.kind == answer.kind;
        const Expr left = gold.kind == Kind::quantity ? inner(gold) : gold,
                   right = answer.kind == Kind::quantity ? inner(answer) : answer;
        if (both && (is_residue(gold) || is_residue(answer))) {
            if (gold.name != answer.name) return Equality::different;
            return quantities(left, right);
        }
        const Expr& bare = gold.kind == Kind::quantity ? answer : gold;  // $36 is not 36°
        if (!both && (bare.kind == Kind::degree || bare.kind == Kind::percent) &&
            measure_of(gold.kind == Kind::quantity ? gold.name : answer.name))
            return Equality::different;
        if (options_.units && (!both || gold.name != answer.name))
            return gold.kind == Kind::quantity ? Equality::different : quantities(left, right);
        if (!both || gold.name == answer.name) return quantities(left, right);
        const auto u = measure_of(gold.name), v = measure_of(answer.name);
        if (!u || !v) return quantities(left, right);
        if (u->dimensions != v->dimensions) return Equality::different;
        const mpq_class factor = v->factor / u->factor;
        if (factor == 1) return quantities(left, right);
        return equal_scalars(left, make(Kind::multiply, {number(factor), right}), budget_);
    }
    for (const Kind kind : {Kind::percent, Kind::degree}) {
        const bool g = gold.kind == kind, a = answer.kind == kind;
        if (!g && !a) continue;
        if (g && a) return scalars(inner(gold), inner(answer));
        const Equality value = scalars(gold, answer);
        if (value == Equality::equal || (kind == Kind::percent && !options_.percent_number)) return value;
        if (kind == Kind::percent && a) {  // 25 % is 25, but 0.25 % is no 0.25
            const auto plain = near_value(gold, budget_);
            if (!plain || abs(*plain) < 1) return value;
        }
        return any_of(value, g ? scalars(inner(gold), answer) : scalars(gold, inner(answer)));
    }
    return scalars(gold, answer);
}

Equality Comparer::scalars(const Expr& gold, const Expr& answer) {
    const Expr &g = without_sign(gold), &a = without_sign(answer);
    if (options_.reduced && is_written_fraction(g) && is_written_fraction(a) && is_reduced(g) &&
        !is_reduced(a) && abs(*without_sign(g.args[1]).value) != 1)
        return Equality::different;
    const Equality equal = equal_scalars(gold, answer, budget_);
    if (equal != Equality::different || options_.rounded_digits == 0 || has_symbols(gold) ||
        has_symbols(answer))
        return equal;
    const Expr *left = decimal(gold), *right = decimal(answer);
    if (left && !right && is_rounding(answer, gold)) return Equality::equal;
    if (right && !left && is_rounding(gold, answer)) return Equality::equal;
    return equal;
}

// Is the decimal what the exact number rounds to at the decimal's last digit? Only for numbers that no
// decimal equals.
bool Comparer::is_rounding(const Expr& exact, const Expr& written) {
    const Expr& number = *decimal(written);
    mpz_class scale, digits;
    mpz_ui_pow_ui(scale.get_mpz_t(), 10, static_cast<unsigned long>(number.decimals));
    digits = abs(mpz_class(*number.value * scale));
    if (mpz_sizeinbase(digits.get_mpz_t(), 10) < static_cast<size_t>(options_.rounded_digits)) return false;
    const auto x = near_value(exact, budget_), d = near_value(written, budget_);
    if (!x || !d) return false;
    if (const auto value = exact_value(exact, budget_)) {  // is it a decimal itself?
        mpz_class rest = value->get_den();
        for (const unsigned long p : {2UL, 5UL})
            mpz_remove(rest.get_mpz_t(), rest.get_mpz_t(), mpz_class(p).get_mpz_t());
        if (rest == 1) return false;
    }
    return abs(*x - *d) * scale * 2 <= 1;
}

}  // namespace r1::algebra
