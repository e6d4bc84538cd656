#include "algebra/scalar.h"

#include <algorithm>

#include "algebra/evaluate.h"

namespace r1::algebra {
namespace {

constexpr mpfr_prec_t first_precision = 192, usual_last_precision = 1536;

struct Sample {
    std::optional<Equality> verdict;  // empty where one side has no value here
    bool left_reals = false;
};

bool apart(const Complex& a, const Complex& b) {
    return disjoint(a.re, b.re) || disjoint(a.im, b.im);
}

long widest(const Complex& z) {
    return std::max(width_exponent(z.re), width_exponent(z.im));
}

// Known to at least `bits` bits of its own size, or of `scale` where it may be zero.
bool known_to(const Complex& z, long bits, long scale) {
    const long size = z.contains_zero() ? scale : std::max(exponent(z.re), exponent(z.im));
    return widest(z) <= size - bits;
}

// Calls attempt(precision, bits) -> optional result, doubling the precision until there is one. It stops
// where more precision than the numbers in the expressions (of `bits` bits) ask for did not help.
template <class Attempt>
auto with_precision(Attempt attempt) -> decltype(attempt(first_precision, std::declval<size_t&>())) {
    size_t bits = 0;
    for (mpfr_prec_t precision = first_precision;
         precision <= std::max<mpfr_prec_t>(usual_last_precision, static_cast<long>(8 * bits));
         precision *= 2) {
        try {
            if (auto out = attempt(precision, bits)) return out;
        } catch (const Undecided&) {
        }
    }
    return {};
}

Sample compare_at(const Expr& a, const Expr& b, int sample, Budget& budget) {
    Sample out;
    try {
        out.verdict = with_precision([&](mpfr_prec_t precision, size_t& bits) -> std::optional<Equality> {
            Evaluator left(sample, precision, budget, bits), right(sample, precision, budget, bits);
            const Value x = left(a), y = right(b);
            out.left_reals = left.left_reals() || right.left_reals();
            if (x.exact && y.exact) return *x.exact == *y.exact ? Equality::equal : Equality::different;
            const Complex p = left.approximate(x), q = right.approximate(y);
            if (apart(p, q)) return Equality::different;
            const long needed = std::max<long>(precision / 2, static_cast<long>(2 * bits) + 64);
            if (precision < needed + 32) return std::nullopt;
            if (known_to(p, needed, left.scale()) && known_to(q, needed, right.scale()))
                return Equality::equal;
            return std::nullopt;
        });
        if (!out.verdict) out.verdict = Equality::undecided;
    } catch (const Undefined&) {
        out.verdict.reset();
    }
    return out;
}

bool has_function(const Expr& e, std::initializer_list<std::string_view> names) {
    if (e.kind == Kind::function && std::find(names.begin(), names.end(), e.name) != names.end()) return true;
    return std::any_of(e.args.begin(), e.args.end(), [&](const Expr& a) { return has_function(a, names); });
}

// "f(3)": its value is a guess at each sample.
bool has_unknown_function(const Expr& e) {
    return (e.kind == Kind::function && !is_known_function(e.name)) ||
           std::any_of(e.args.begin(), e.args.end(), has_unknown_function);
}

bool mentions_i(const Expr& e) {
    return is_constant(e, "i") || std::any_of(e.args.begin(), e.args.end(), mentions_i);
}

// Where expressions with steps (floor, mod, n!) can differ, whole numbers in a row are needed.
int last_sample(const Expr& a, const Expr& b) {
    const auto names = {std::string_view("floor"),     std::string_view("ceil"),  std::string_view("mod"),
                        std::string_view("factorial"), std::string_view("binom"), std::string_view("gcd"),
                        std::string_view("lcm"),       std::string_view("round")};
    return first_whole_sample + (has_function(a, names) || has_function(b, names) ? 40 : 4);
}

}  // namespace

Equality equal_scalars(const Expr& a, const Expr& b, Budget& budget) {
    if (canonical(a) == canonical(b)) return Equality::equal;
    if (!has_symbols(a) && !has_symbols(b) && !contains(a, Kind::function) && !contains(b, Kind::function)) {
        const Sample s = compare_at(a, b, 0, budget);
        return s.verdict.value_or(Equality::different);
    }
    const bool complex = mentions_i(a) || mentions_i(b);
    const bool constant =
        !has_symbols(a) && !has_symbols(b) && !has_unknown_function(a) && !has_unknown_function(b);
    int real = 0, beyond = 0, undecided = 0;
    bool beyond_equal = true;
    for (int sample = 0; sample <= last_sample(a, b); ++sample) {
        const Sample s = compare_at(a, b, sample, budget);
        if (!s.verdict) continue;
        if (*s.verdict == Equality::undecided) {
            if (++undecided > 2) return Equality::undecided;
            continue;
        }
        const bool equal = *s.verdict == Equality::equal;
        if (s.left_reals && !complex && (has_symbols(a) || has_symbols(b))) {
            ++beyond;
            beyond_equal = beyond_equal && equal;
        } else if (!equal) {
            return Equality::different;
        } else {
            ++real;
        }
        if (constant && real > 0) return Equality::equal;
    }
    if (real >= 3) return Equality::equal;
    if (beyond >= 3) return beyond_equal ? Equality::equal : Equality::different;
    return undecided > 0 ? Equality::undecided : Equality::different;
}

int constant_ratio_sign(const Expr& a, const Expr& b, Budget& budget) {
    // c from one sample point, then a·b(p) = b·a(p) as functions
    for (int sample = 0; sample < 4; ++sample) {
        try {
            size_t bits = 0;
            Evaluator left(sample, first_precision, budget, bits),
                right(sample, first_precision, budget, bits);
            const Value x = left(a), y = right(b);
            int sign = 0;
            Expr scaled_a, scaled_b;
            const auto times = [](const Expr& e, Expr factor) {
                return make(Kind::multiply, {e, std::move(factor)});
            };
            if (x.exact && y.exact) {
                if (*x.exact == 0 || *y.exact == 0) continue;
                sign = sgn(*x.exact) * sgn(*y.exact);
                scaled_a = times(a, number(*y.exact));
                scaled_b = times(b, number(*x.exact));
            } else {
                const Complex p = left.approximate(x), q = right.approximate(y);
                if (!p.is_real() || !q.is_real() || p.contains_zero() || q.contains_zero()) continue;
                sign = (p.re.positive() ? 1 : -1) * (q.re.positive() ? 1 : -1);
                // The values at the point, as expressions: the unknowns replaced by their numbers.
                const auto at_point = [&](const Expr& e) {
                    const auto replace = [&](const auto& self, const Expr& node) -> Expr {
                        if (node.kind == Kind::symbol) return number(sample_value(node.name, sample));
                        Expr copy = node;
                        for (Expr& arg : copy.args) arg = self(self, arg);
                        return copy;
                    };
                    return replace(replace, e);
                };
                scaled_a = times(a, at_point(b));
                scaled_b = times(b, at_point(a));
            }
            return equal_scalars(scaled_a, scaled_b, budget) == Equality::equal ? sign : 0;
        } catch (const Undefined&) {
        } catch (const Undecided&) {
        }
    }
    return 0;
}

std::optional<int> sign_of(const Expr& e, Budget& budget, const std::string& name, const mpq_class& value) {
    try {
        return with_precision([&](mpfr_prec_t precision, size_t& bits) -> std::optional<int> {
            Evaluator evaluate(0, precision, budget, bits);
            if (!name.empty()) evaluate.set(name, value);
            const Value x = evaluate(e);
            if (x.exact) return sgn(*x.exact);
            const Complex z = evaluate.approximate(x);
            if (!z.is_real() || evaluate.left_reals()) throw Undefined();
            if (z.re.positive()) return 1;
            if (z.re.negative()) return -1;
            const long needed = std::max<long>(precision / 2, static_cast<long>(2 * bits) + 64);
            if (precision >= needed + 32 && known_to(z, needed, evaluate.scale())) return 0;
            return std::nullopt;
        });
    } catch (const Undefined&) {
        return std::nullopt;
    }
}

std::optional<mpq_class> near_value(const Expr& e, Budget& budget) {
    try {
        size_t bits = 0;
        Evaluator evaluate(0, first_precision, budget, bits);
        const Value x = evaluate(e);
        if (x.exact) return x.exact;
        if (!x.approx->is_real() || exponent(x.approx->re) > 100'000 || exponent(x.approx->re) < -100'000)
            return std::nullopt;
        mpq_class out;
        mpfr_get_q(out.get_mpq_t(), x.approx->re.lo);
        return out;
    } catch (const Undefined&) {
        return std::nullopt;
    } catch (const Undecided&) {
        return std::nullopt;
    }
}

std::optional<mpq_class> exact_value(const Expr& e, Budget& budget) {
    try {
        size_t bits = 0;
        return Evaluator(0, first_precision, budget, bits)(e).exact;
    } catch (const Undefined&) {
        return std::nullopt;
    } catch (const Undecided&) {
        return std::nullopt;
    }
}

bool is_defined(const Expr& e, Budget& budget) {
    try {
        return with_precision([&](mpfr_prec_t precision, size_t& bits) -> std::optional<bool> {
                   Evaluator evaluate(0, precision, budget, bits);
                   evaluate(e);
                   return true;
               })
            .value_or(true);
    } catch (const Undefined&) {
        return false;
    }
}

}  // namespace r1::algebra
