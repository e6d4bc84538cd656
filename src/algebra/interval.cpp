#include "algebra/interval.h"

#include <algorithm>

namespace r1::algebra {

Interval::Interval(const mpq_class& value, mpfr_prec_t precision) : lo(precision), hi(precision) {
    mpfr_set_q(lo, value.get_mpq_t(), MPFR_RNDD);
    mpfr_set_q(hi, value.get_mpq_t(), MPFR_RNDU);
}

Interval operator-(const Interval& a) {
    Interval out(a.precision());
    mpfr_neg(out.lo, a.hi, MPFR_RNDD);
    mpfr_neg(out.hi, a.lo, MPFR_RNDU);
    return out;
}

Interval operator+(const Interval& a, const Interval& b) {
    Interval out(a.precision());
    mpfr_add(out.lo, a.lo, b.lo, MPFR_RNDD);
    mpfr_add(out.hi, a.hi, b.hi, MPFR_RNDU);
    return out;
}

Interval operator-(const Interval& a, const Interval& b) {
    Interval out(a.precision());
    mpfr_sub(out.lo, a.lo, b.hi, MPFR_RNDD);
    mpfr_sub(out.hi, a.hi, b.lo, MPFR_RNDU);
    return out;
}

Interval operator*(const Interval& a, const Interval& b) {
    Interval out(a.precision());
    if (a.is_zero() || b.is_zero()) return out;
    Float x(a.precision());
    bool first = true;
    for (const Float* l : {&a.lo, &a.hi})
        for (const Float* r : {&b.lo, &b.hi}) {
            mpfr_mul(x, *l, *r, MPFR_RNDD);
            if (first || mpfr_less_p(static_cast<mpfr_srcptr>(x), static_cast<mpfr_srcptr>(out.lo)))
                mpfr_set(out.lo, x, MPFR_RNDD);
            mpfr_mul(x, *l, *r, MPFR_RNDU);
            if (first || mpfr_greater_p(static_cast<mpfr_srcptr>(x), static_cast<mpfr_srcptr>(out.hi)))
                mpfr_set(out.hi, x, MPFR_RNDU);
            first = false;
        }
    return out;
}

Interval operator/(const Interval& a, const Interval& b) {
    if (b.is_zero()) throw Undefined();
    if (b.contains_zero()) throw Undecided();
    Interval inverse(a.precision());
    mpfr_ui_div(inverse.lo, 1, b.hi, MPFR_RNDD);
    mpfr_ui_div(inverse.hi, 1, b.lo, MPFR_RNDU);
    return a * inverse;
}

Interval pi(mpfr_prec_t precision) {
    Interval out(precision);
    mpfr_const_pi(out.lo, MPFR_RNDD);
    mpfr_const_pi(out.hi, MPFR_RNDU);
    return out;
}

Interval exp(const Interval& x) {
    Interval out(x.precision());
    mpfr_exp(out.lo, x.lo, MPFR_RNDD);
    mpfr_exp(out.hi, x.hi, MPFR_RNDU);
    return out;
}

Interval log(const Interval& x) {
    if (x.is_zero()) throw Undefined();
    if (!x.positive()) throw Undecided();
    Interval out(x.precision());
    mpfr_log(out.lo, x.lo, MPFR_RNDD);
    mpfr_log(out.hi, x.hi, MPFR_RNDU);
    return out;
}

Interval root(const Interval& x, unsigned long index) {
    if (mpfr_sgn(static_cast<mpfr_srcptr>(x.lo)) < 0) throw Undecided();
    Interval out(x.precision());
    mpfr_rootn_ui(out.lo, x.lo, index, MPFR_RNDD);
    mpfr_rootn_ui(out.hi, x.hi, index, MPFR_RNDU);
    return out;
}

namespace {

// f(x) for a function whose slope is at most 1: f(lo) widened by the width of x.
template <class Function>
Interval by_slope(const Interval& x, Function f) {
    Interval out(x.precision());
    Float width(x.precision());
    mpfr_sub(width, x.hi, x.lo, MPFR_RNDU);
    f(out.lo, x.lo, MPFR_RNDD);
    f(out.hi, x.lo, MPFR_RNDU);
    mpfr_sub(out.lo, out.lo, width, MPFR_RNDD);
    mpfr_add(out.hi, out.hi, width, MPFR_RNDU);
    return out;
}

// Reducing an argument of n bits before the point costs n bits of π.
void check_argument(const Interval& x) {
    if (exponent(x) > 4096) throw Undecided();
}

}  // namespace

Interval sin(const Interval& x) {
    check_argument(x);
    return by_slope(x, mpfr_sin);
}

Interval cos(const Interval& x) {
    check_argument(x);
    return by_slope(x, mpfr_cos);
}

Interval atan(const Interval& x) {
    Interval out(x.precision());
    mpfr_atan(out.lo, x.lo, MPFR_RNDD);
    mpfr_atan(out.hi, x.hi, MPFR_RNDU);
    return out;
}

Interval asin(const Interval& x) {
    if (mpfr_cmp_si(x.lo, 1) > 0 || mpfr_cmp_si(x.hi, -1) < 0) throw Undefined();
    if (mpfr_cmp_si(x.hi, 1) > 0 || mpfr_cmp_si(x.lo, -1) < 0) throw Undecided();
    Interval out(x.precision());
    mpfr_asin(out.lo, x.lo, MPFR_RNDD);
    mpfr_asin(out.hi, x.hi, MPFR_RNDU);
    return out;
}

Interval acos(const Interval& x) {
    const Interval half = pi(x.precision()) / Interval(mpq_class(2), x.precision());
    return half - asin(x);
}

bool disjoint(const Interval& a, const Interval& b) {
    return mpfr_less_p(static_cast<mpfr_srcptr>(a.hi), static_cast<mpfr_srcptr>(b.lo)) ||
           mpfr_less_p(static_cast<mpfr_srcptr>(b.hi), static_cast<mpfr_srcptr>(a.lo));
}

namespace {

long exponent_of(mpfr_srcptr x) {
    if (!mpfr_number_p(x)) return mpfr_get_emax();
    return mpfr_zero_p(x) ? mpfr_get_emin() : mpfr_get_exp(x);
}

}  // namespace

long exponent(const Interval& x) {
    return std::max(exponent_of(x.lo), exponent_of(x.hi));
}

long width_exponent(const Interval& x) {
    Float width(x.precision());
    mpfr_sub(width, x.hi, x.lo, MPFR_RNDU);
    return exponent_of(width);
}

Complex operator-(const Complex& a) {
    return {-a.re, -a.im};
}

Complex operator+(const Complex& a, const Complex& b) {
    return {a.re + b.re, a.im + b.im};
}

Complex operator*(const Complex& a, const Complex& b) {
    if (a.is_real() && b.is_real()) return Complex(a.re * b.re);
    return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

Complex operator/(const Complex& a, const Complex& b) {
    if (b.is_real()) return {a.re / b.re, a.is_real() ? Interval(a.precision()) : a.im / b.re};
    const Interval norm = b.re * b.re + b.im * b.im;
    return Complex{(a.re * b.re + a.im * b.im) / norm, (a.im * b.re - a.re * b.im) / norm};
}

Complex exp(const Complex& z) {
    const Interval size = exp(z.re);
    if (z.is_real()) return Complex(size);
    return {size * cos(z.im), size * sin(z.im)};
}

Complex log(const Complex& z) {
    const mpfr_prec_t precision = z.precision();
    if (z.is_real()) {
        if (z.re.negative()) return {log(-z.re), pi(precision)};
        return Complex(log(z.re));
    }
    const Interval two(mpq_class(2), precision);
    const Interval size = log(z.re * z.re + z.im * z.im) / two;
    if (z.re.positive()) return {size, atan(z.im / z.re)};
    const Interval right = pi(precision) / two;
    if (z.im.positive()) return {size, right - atan(z.re / z.im)};
    if (z.im.negative()) return {size, -right - atan(z.re / z.im)};
    throw Undecided();
}

Complex power(const Complex& z, unsigned long exponent) {
    Complex out(Interval(mpq_class(1), z.precision())), square = z;
    for (; exponent; exponent >>= 1) {
        if (exponent & 1) out = out * square;
        if (exponent > 1) square = square * square;
    }
    return out;
}

Complex sin(const Complex& z) {
    if (z.is_real()) return Complex(sin(z.re));
    const Interval two(mpq_class(2), z.precision()), up = exp(z.im), down = exp(-z.im);
    return {sin(z.re) * ((up + down) / two), cos(z.re) * ((up - down) / two)};
}

Complex cos(const Complex& z) {
    if (z.is_real()) return Complex(cos(z.re));
    const Interval two(mpq_class(2), z.precision()), up = exp(z.im), down = exp(-z.im);
    return {cos(z.re) * ((up + down) / two), -(sin(z.re) * ((up - down) / two))};
}

Interval modulus(const Complex& z) {
    if (z.is_real()) {
        if (!z.re.negative() && !z.re.contains_zero()) return z.re;
        if (z.re.negative()) return -z.re;
    }
    Interval square = z.re * z.re + z.im * z.im;
    if (mpfr_sgn(static_cast<mpfr_srcptr>(square.lo)) < 0) mpfr_set_zero(square.lo, 1);
    return root(square, 2);
}

}  // namespace r1::algebra
