#include "algebra/evaluate.h"

#include <algorithm>
#include <cmath>

namespace r1::algebra {
namespace {

uint64_t hash(std::string_view text, uint64_t seed) {
    uint64_t h = 0xcbf29ce484222325ULL ^ (seed * 0x9E3779B97F4A7C15ULL);
    for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
    h ^= h >> 29;
    return h * 0xBF58476D1CE4E5B9ULL >> 8;
}

size_t bits(const mpq_class& q) {
    return mpz_sizeinbase(q.get_num_mpz_t(), 2) + mpz_sizeinbase(q.get_den_mpz_t(), 2);
}

constexpr std::string_view real_functions[] = {"sin",  "cos",   "tan",  "cot",   "sec",  "csc", "asin",
                                               "acos", "atan",  "sinh", "cosh",  "tanh", "ln",  "log",
                                               "abs",  "floor", "ceil", "round", "sign"};

bool is_whole(const Value& v) {
    return v.exact && v.exact->get_den() == 1;
}

std::optional<mpq_class> exact_root(const mpq_class& x, unsigned long index) {
    mpq_class out;
    const bool negative = x < 0;
    const mpz_class over = abs(x.get_num());
    if (!mpz_root(out.get_num_mpz_t(), over.get_mpz_t(), index)) return std::nullopt;
    if (!mpz_root(out.get_den_mpz_t(), x.get_den_mpz_t(), index)) return std::nullopt;
    if (negative) out = -out;
    return out;
}

}  // namespace

bool is_known_function(std::string_view name) {
    static constexpr std::string_view whole[] = {"factorial", "binom", "mod", "gcd", "lcm",
                                                 "min",       "max",   "sum", "prod"};
    return std::ranges::find(real_functions, name) != std::end(real_functions) ||
           std::ranges::find(whole, name) != std::end(whole);
}

mpq_class sample_value(const std::string& name, int sample) {
    const uint64_t h = hash(name, static_cast<uint64_t>(sample) + 1);
    const auto fraction = [&](uint64_t most, unsigned long under) {
        mpq_class q(mpz_class(static_cast<unsigned long>(h % most + 1)), mpz_class(under));
        q.canonicalize();
        return q;
    };
    if (sample >= first_whole_sample) {
        const auto k = static_cast<uint64_t>(sample - first_whole_sample);
        return mpq_class(static_cast<unsigned long>(1 + k + (h % 4) * (k % 3)));
    }
    switch (sample) {
        case 0:
            return fraction(991, 97);
        case 1:
            return fraction(96, 97);
        case 2:
            return fraction(899'830'007, 899) + 10;
        case 3:
            return -fraction(997, 101);
        case 4:
            return h & 1 ? mpq_class(-fraction(9'973'009, 103)) : fraction(9'973'009, 103);
        case 5:
            return fraction(9'001, 1009);
        case 6:
            return -fraction(106, 107);
        default:
            return fraction(599, 61) + 1;
    }
}

Value Evaluator::exact(mpq_class value) {
    const size_t size = bits(value);
    if (size > budget_.bits) throw OutOfBudget();
    budget_.spend(static_cast<int64_t>(1 + size / 64));
    Value out;
    out.exact = std::move(value);
    return out;
}

Value Evaluator::approx(Complex value) {
    for (const Float* part : {&value.re.lo, &value.re.hi, &value.im.lo, &value.im.hi})
        if (!mpfr_number_p(static_cast<mpfr_srcptr>(*part))) throw OutOfBudget();
    if (mpfr_underflow_p() || mpfr_overflow_p()) throw OutOfBudget();
    scale_ = std::max({scale_, exponent(value.re), exponent(value.im)});
    budget_.spend(20 + (precision_ / 64) * (precision_ / 64) / 8);
    Value out;
    out.approx = std::move(value);
    return out;
}

Complex Evaluator::approximate(const Value& value) {
    if (value.approx) return *value.approx;
    exact_bits_ = std::max(exact_bits_, bits(*value.exact));
    Complex out(Interval(*value.exact, precision_));
    scale_ = std::max(scale_, exponent(out.re));
    return out;
}

Value Evaluator::operator()(const Expr& e) {
    mpfr_clear_flags();
    switch (e.kind) {
        case Kind::number:
            return exact(*e.value);
        case Kind::symbol:
            return symbol(e.name);
        case Kind::constant:
            return constant(e.name);
        case Kind::negate: {
            const Value a = (*this)(e.args[0]);
            return a.exact ? exact(-*a.exact) : approx(-*a.approx);
        }
        case Kind::quantity:
            return (*this)(e.args[0]);
        case Kind::percent: {
            const Value a = (*this)(e.args[0]);
            if (a.exact) return exact(*a.exact / 100);
            return approx(*a.approx / approximate(exact(100)));
        }
        case Kind::degree: {
            const Value a = (*this)(e.args[0]);
            if (a.exact && *a.exact == 0) return a;
            return approx(approximate(a) * Complex(pi(precision_)) / approximate(exact(180)));
        }
        case Kind::add: {
            Value sum = exact(0);
            for (const Expr& arg : e.args) {
                const Value next = (*this)(arg);
                sum = sum.exact && next.exact ? exact(*sum.exact + *next.exact)
                                              : approx(approximate(sum) + approximate(next));
            }
            return sum;
        }
        case Kind::multiply: {
            Value product = exact(1);
            for (const Expr& arg : e.args) {
                const Value next = (*this)(arg);
                if (product.exact && next.exact)
                    product = exact(*product.exact * *next.exact);
                else
                    product = approx(approximate(product) * approximate(next));
            }
            return product;
        }
        case Kind::divide: {
            const Value over = (*this)(e.args[0]), under = (*this)(e.args[1]);
            if (under.exact && *under.exact == 0) throw Undefined();
            if (over.exact && under.exact) return exact(*over.exact / *under.exact);
            return approx(approximate(over) / approximate(under));
        }
        case Kind::power:
            return power((*this)(e.args[0]), (*this)(e.args[1]));
        case Kind::root:
            return root((*this)(e.args[0]), (*this)(e.args[1]));
        case Kind::function:
            return function(e);
        default:
            throw Undefined();
    }
}

Value Evaluator::symbol(const std::string& name) {
    for (const auto& [known, value] : given_)
        if (known == name) return exact(value);
    return exact(sample_value(name, sample_));
}

Value Evaluator::constant(const std::string& name) {
    if (name == "pi") return approx(Complex(algebra::pi(precision_)));
    if (name == "e") return approx(Complex(algebra::exp(Interval(mpq_class(1), precision_))));
    if (name == "i") return approx(Complex(Interval(precision_), Interval(mpq_class(1), precision_)));
    throw Undefined();
}

std::optional<mpq_class> Evaluator::exact_power(const mpq_class& base, const mpz_class& exponent) {
    if (base == 0) {
        if (exponent <= 0) throw Undefined();
        return mpq_class(0);
    }
    if (base == 1 || exponent == 0) return mpq_class(1);
    if (base == -1) return mpq_class(mpz_even_p(exponent.get_mpz_t()) ? 1 : -1);
    const mpz_class size = abs(exponent) * static_cast<unsigned long>(bits(base));
    if (!exponent.fits_slong_p() || size > static_cast<unsigned long>(budget_.bits)) return std::nullopt;
    const unsigned long n = mpz_class(abs(exponent)).get_ui();
    budget_.spend(static_cast<int64_t>(size.get_ui() / 16));
    mpq_class out;
    mpz_pow_ui(out.get_num_mpz_t(), base.get_num_mpz_t(), n);
    mpz_pow_ui(out.get_den_mpz_t(), base.get_den_mpz_t(), n);
    if (exponent < 0) out = 1 / out;
    return out;
}

Value Evaluator::power(const Value& base, const Value& exponent) {
    if (base.exact && exponent.exact) {
        if (is_whole(exponent)) {
            if (auto out = exact_power(*base.exact, exponent.exact->get_num())) return exact(std::move(*out));
            // Past the budget an integer's last digit is out of reach: 10^(10^10) + 1 would pass for
            // 10^(10^10).
            throw OutOfBudget();
        }
        if (*base.exact == 0) {
            if (*exponent.exact < 0) throw Undefined();
            return exact(0);
        }
        if (*base.exact > 0 && exponent.exact->get_den().fits_ulong_p() &&
            exponent.exact->get_den() <= 1000) {
            if (auto low = exact_root(*base.exact, exponent.exact->get_den().get_ui()))
                if (auto out = exact_power(*low, exponent.exact->get_num())) return exact(std::move(*out));
        }
    }
    if (exponent.exact && is_whole(exponent) && abs(*exponent.exact) <= 4096) {
        const unsigned long n = mpz_class(abs(exponent.exact->get_num())).get_ui();
        const Complex x = approximate(base);
        if (n == 0) return exact(1);
        budget_.spend(64);
        Complex out = algebra::power(x, n);
        if (*exponent.exact < 0) out = approximate(exact(1)) / out;
        return approx(std::move(out));
    }
    const Complex x = approximate(base), y = approximate(exponent);
    if (x.is_zero()) throw Undefined();
    if (x.is_real() && x.re.negative()) left_reals_ = true;
    return approx(algebra::exp(y * algebra::log(x)));
}

Value Evaluator::root(const Value& base, const Value& index) {
    if (!is_whole(index) || *index.exact < 1 || *index.exact > 1000) {
        if (index.exact && *index.exact == 0) throw Undefined();
        const Value one = exact(1);
        return power(base,
                     index.exact ? exact(1 / *index.exact) : approx(approximate(one) / approximate(index)));
    }
    const unsigned long n = index.exact->get_num().get_ui();
    const bool odd = n % 2 == 1;
    if (base.exact) {
        if (*base.exact == 0) return exact(0);
        if (*base.exact > 0 || odd)
            if (auto out = exact_root(*base.exact, n)) return exact(std::move(*out));
    }
    Complex x = approximate(base);
    if (x.is_real() && !x.re.negative()) {
        if (mpfr_sgn(static_cast<mpfr_srcptr>(x.re.lo)) < 0) throw Undecided();
        return approx(Complex(algebra::root(x.re, n)));
    }
    if (x.is_real() && odd) return approx(Complex(-algebra::root(-x.re, n)));
    if (x.is_real()) left_reals_ = true;
    if (x.is_real() && n == 2) return approx(Complex(Interval(precision_), algebra::root(-x.re, 2)));
    return approx(algebra::exp(algebra::log(x) / approximate(index)));
}

Value Evaluator::function(const Expr& e) {
    if (e.name == "sum" || e.name == "prod") return series(e);
    std::vector<Value> args;
    for (const Expr& arg : e.args) {
        if (!is_scalar(arg)) return unknown_function(e, {});
        args.push_back((*this)(arg));
    }
    if (auto out = whole_function(e.name, args)) return std::move(*out);
    if (std::ranges::find(real_functions, e.name) != std::end(real_functions) &&
        (args.size() == 1 || (e.name == "log" && args.size() == 2)))
        return known_function(e.name, args);
    if (e.name == "factorial" || e.name == "binom" || e.name == "mod") throw Undefined();
    return unknown_function(e, args);
}

Value Evaluator::known_function(const std::string& name, const std::vector<Value>& args) {
    const Value& a = args[0];
    if (name == "abs" && a.exact) return exact(abs(*a.exact));
    if (name == "floor" || name == "ceil" || name == "round" || name == "sign") return rounded(name, a);
    if (a.exact && *a.exact == 0 &&
        (name == "sin" || name == "tan" || name == "asin" || name == "atan" || name == "sinh" ||
         name == "tanh"))
        return exact(0);
    if (a.exact && *a.exact == 0 && (name == "cos" || name == "cosh" || name == "sec")) return exact(1);
    if (a.exact && *a.exact == 1 && (name == "ln" || name == "log")) return exact(0);
    const Complex x = approximate(a);
    if (name == "abs") return approx(Complex(modulus(x)));
    if (name == "sin") return approx(sin(x));
    if (name == "cos") return approx(cos(x));
    if (name == "tan") return approx(sin(x) / cos(x));
    if (name == "cot") return approx(cos(x) / sin(x));
    if (name == "sec") return approx(approximate(exact(1)) / cos(x));
    if (name == "csc") return approx(approximate(exact(1)) / sin(x));
    if (name == "sinh" || name == "cosh" || name == "tanh") {
        const Complex up = algebra::exp(x), down = algebra::exp(-x), two = approximate(exact(2));
        if (name == "sinh") return approx((up + -down) / two);
        if (name == "cosh") return approx((up + down) / two);
        return approx((up + -down) / (up + down));
    }
    if (name == "ln" || name == "log") {
        if (x.is_zero()) throw Undefined();
        if (x.is_real() && x.re.negative()) left_reals_ = true;
        const Complex top = algebra::log(x);
        if (args.size() == 1) return approx(top);
        const Complex base = approximate(args[1]);
        if (base.is_zero() || (args[1].exact && *args[1].exact == 1)) throw Undefined();
        if (base.is_real() && base.re.negative()) left_reals_ = true;
        return approx(top / algebra::log(base));
    }
    if (!x.is_real()) throw Undefined();
    if (name == "asin") return approx(Complex(asin(x.re)));
    if (name == "acos") return approx(Complex(acos(x.re)));
    return approx(Complex(atan(x.re)));
}

Value Evaluator::rounded(const std::string& name, const Value& x) {
    mpz_class low, high;
    if (x.exact) {
        if (name == "sign") return exact(sgn(*x.exact));
        const mpq_class shifted = name == "round" ? mpq_class(*x.exact + mpq_class(1, 2)) : *x.exact;
        if (name == "ceil")
            mpz_cdiv_q(low.get_mpz_t(), shifted.get_num_mpz_t(), shifted.get_den_mpz_t());
        else
            mpz_fdiv_q(low.get_mpz_t(), shifted.get_num_mpz_t(), shifted.get_den_mpz_t());
        return exact(low);
    }
    if (!x.approx->is_real()) throw Undefined();
    const Interval& r = x.approx->re;
    if (name == "sign") {
        if (r.contains_zero()) throw Undecided();
        return exact(r.positive() ? 1 : -1);
    }
    if (exponent(r) > static_cast<long>(budget_.bits)) throw OutOfBudget();
    const mpfr_rnd_t direction = name == "ceil" ? MPFR_RNDU : name == "floor" ? MPFR_RNDD : MPFR_RNDN;
    mpfr_get_z(low.get_mpz_t(), r.lo, direction);
    mpfr_get_z(high.get_mpz_t(), r.hi, direction);
    if (low != high) throw Undecided();
    return exact(low);
}

// Functions of whole numbers, and those that stay rational.
std::optional<Value> Evaluator::whole_function(const std::string& name, const std::vector<Value>& args) {
    const auto all = [&](auto test) { return !args.empty() && std::all_of(args.begin(), args.end(), test); };
    if ((name == "min" || name == "max") && all([](const Value& v) { return v.exact.has_value(); })) {
        mpq_class out = *args[0].exact;
        for (const Value& v : args) out = name == "min" ? std::min(out, *v.exact) : std::max(out, *v.exact);
        return exact(out);
    }
    if (name == "log" && args.size() == 2 && args[0].exact && args[1].exact && *args[0].exact > 0 &&
        *args[1].exact > 0 && *args[1].exact != 1) {
        // log_2 8: a small fraction is tried exactly
        const double guess = (mpz_sizeinbase(args[0].exact->get_num_mpz_t(), 2) +
                              mpz_sizeinbase(args[0].exact->get_den_mpz_t(), 2)) < 900
                                 ? std::log(args[0].exact->get_d()) / std::log(args[1].exact->get_d())
                                 : 0.5;
        const double nearest = std::nearbyint(guess);
        if (std::abs(guess - nearest) < 1e-9 && std::abs(nearest) < 4096) {
            const auto power = exact_power(*args[1].exact, mpz_class(static_cast<long>(nearest)));
            if (power && *power == *args[0].exact) return exact(static_cast<long>(nearest));
        }
        return std::nullopt;
    }
    if (!all(is_whole)) return std::nullopt;
    const mpz_class& a = args[0].exact->get_num();
    mpz_class out;
    if (name == "factorial" && args.size() == 1) {
        if (a < 0) throw Undefined();
        if (!a.fits_ulong_p() || a.get_ui() > 60'000 || a.get_ui() * 16 > budget_.bits) throw OutOfBudget();
        budget_.spend(static_cast<int64_t>(a.get_ui()));
        mpz_fac_ui(out.get_mpz_t(), a.get_ui());
        return exact(out);
    }
    if (args.size() < 2) return std::nullopt;
    const mpz_class& b = args[1].exact->get_num();
    if (name == "binom" && args.size() == 2) {
        if (b < 0 || (a >= 0 && b > a)) return exact(0);
        const mpz_class least = a >= 0 && a - b < b ? mpz_class(a - b) : b;
        if (!least.fits_ulong_p() || least.get_ui() * mpz_sizeinbase(a.get_mpz_t(), 2) > budget_.bits / 8)
            throw OutOfBudget();
        budget_.spend(static_cast<int64_t>(least.get_ui()));
        mpz_bin_ui(out.get_mpz_t(), a.get_mpz_t(), least.get_ui());
        return exact(out);
    }
    if (name == "mod" && args.size() == 2) {
        if (b == 0) throw Undefined();
        mpz_fdiv_r(out.get_mpz_t(), a.get_mpz_t(), b.get_mpz_t());
        return exact(out);
    }
    if (name == "gcd" || name == "lcm") {
        out = a;
        for (const Value& v : args) {
            const mpz_class& next = v.exact->get_num();
            if (name == "gcd")
                out = gcd(out, next);
            else
                out = lcm(out, next);
        }
        return exact(out);
    }
    return std::nullopt;
}

// \sum_{k=a}^{b} with numbers as bounds; otherwise a name of its own.
Value Evaluator::series(const Expr& e) {
    const bool numeric = is_scalar(e.args[1]) && is_scalar(e.args[2]) && is_scalar(e.args[3]) &&
                         !has_symbols(e.args[1]) && !has_symbols(e.args[2]);
    if (!numeric || is_constant(e.args[2], "inf")) return unknown_function(e, {});
    const Value from = (*this)(e.args[1]), to = (*this)(e.args[2]);
    if (!is_whole(from) || !is_whole(to)) throw Undefined();
    const mpz_class count = to.exact->get_num() - from.exact->get_num();
    if (count > 5000) throw OutOfBudget();
    const bool sum = e.name == "sum";
    Value out = exact(sum ? 0 : 1);
    given_.emplace_back(e.args[0].name, 0);
    const size_t slot = given_.size() - 1;
    for (mpz_class k = from.exact->get_num(); k <= to.exact->get_num(); ++k) {
        given_[slot].second = k;
        const Value term = (*this)(e.args[3]);
        if (out.exact && term.exact)
            out = exact(sum ? mpq_class(*out.exact + *term.exact) : mpq_class(*out.exact * *term.exact));
        else
            out = approx(sum ? approximate(out) + approximate(term) : approximate(out) * approximate(term));
    }
    given_.pop_back();
    return out;
}

// f of which nothing is known: equal arguments give the same value, others another.
Value Evaluator::unknown_function(const Expr& e, const std::vector<Value>& args) {
    std::string key = e.name;
    const bool all_exact = !args.empty() && std::all_of(args.begin(), args.end(),
                                                        [](const Value& v) { return v.exact.has_value(); });
    if (all_exact)
        for (const Value& v : args) key += "," + v.exact->get_str();
    else
        key += canonical(e);
    budget_.spend(static_cast<int64_t>(key.size()));
    return exact(sample_value(key, sample_ % first_whole_sample));
}

}  // namespace r1::algebra
