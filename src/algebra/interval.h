// Real intervals and complex rectangles in multi-precision arithmetic. Every operation rounds outwards, so
// that the exact result lies inside: intervals that do not meet prove that two numbers differ.
#pragma once
#include <gmpxx.h>
#include <mpfr.h>

#include <exception>

namespace r1::algebra {

// The operation has no value: a division by zero, the logarithm of zero, a factorial of a fraction.
struct Undefined : std::exception {
    const char* what() const noexcept override { return "undefined"; }
};
// The intervals are too wide to tell; a higher precision may.
struct Undecided : std::exception {
    const char* what() const noexcept override { return "undecided at this precision"; }
};

class Float {
  public:
    explicit Float(mpfr_prec_t precision) {
        mpfr_init2(value_, precision);
        mpfr_set_zero(value_, 1);
    }
    Float(const Float& other) {
        mpfr_init2(value_, mpfr_get_prec(other.value_));
        mpfr_set(value_, other.value_, MPFR_RNDN);
    }
    Float(Float&& other) noexcept {
        mpfr_init2(value_, MPFR_PREC_MIN);
        mpfr_swap(value_, other.value_);
    }
    Float& operator=(Float other) noexcept {
        mpfr_swap(value_, other.value_);
        return *this;
    }
    ~Float() { mpfr_clear(value_); }
    operator mpfr_ptr() { return value_; }
    operator mpfr_srcptr() const { return value_; }

  private:
    mpfr_t value_;
};

struct Interval {
    explicit Interval(mpfr_prec_t precision) : lo(precision), hi(precision) {}
    Interval(const mpq_class& value, mpfr_prec_t precision);
    mpfr_prec_t precision() const { return mpfr_get_prec(lo); }
    bool contains_zero() const {
        return mpfr_sgn(static_cast<mpfr_srcptr>(lo)) <= 0 && mpfr_sgn(static_cast<mpfr_srcptr>(hi)) >= 0;
    }
    bool is_zero() const {
        return mpfr_zero_p(static_cast<mpfr_srcptr>(lo)) && mpfr_zero_p(static_cast<mpfr_srcptr>(hi));
    }
    bool positive() const { return mpfr_sgn(static_cast<mpfr_srcptr>(lo)) > 0; }
    bool negative() const { return mpfr_sgn(static_cast<mpfr_srcptr>(hi)) < 0; }
    Float lo, hi;
};

Interval operator-(const Interval& a);
Interval operator+(const Interval& a, const Interval& b);
Interval operator-(const Interval& a, const Interval& b);
Interval operator*(const Interval& a, const Interval& b);
Interval operator/(const Interval& a, const Interval& b);
Interval pi(mpfr_prec_t precision);
Interval exp(const Interval& x);
Interval log(const Interval& x);                        // x > 0
Interval root(const Interval& x, unsigned long index);  // x >= 0
Interval sin(const Interval& x);
Interval cos(const Interval& x);
Interval atan(const Interval& x);
Interval asin(const Interval& x);  // Undefined outside [-1, 1]
Interval acos(const Interval& x);
bool disjoint(const Interval& a, const Interval& b);
long exponent(const Interval& x);        // e with |x| < 2^e; very small for zero
long width_exponent(const Interval& x);  // e with hi - lo < 2^e

struct Complex {
    explicit Complex(mpfr_prec_t precision) : re(precision), im(precision) {}
    Complex(Interval real, Interval imaginary) : re(std::move(real)), im(std::move(imaginary)) {}
    explicit Complex(Interval real) : re(std::move(real)), im(re.precision()) {}
    bool is_real() const { return im.is_zero(); }
    bool is_zero() const { return re.is_zero() && im.is_zero(); }
    bool contains_zero() const { return re.contains_zero() && im.contains_zero(); }
    mpfr_prec_t precision() const { return re.precision(); }
    Interval re, im;
};

Complex operator-(const Complex& a);
Complex operator+(const Complex& a, const Complex& b);
Complex operator*(const Complex& a, const Complex& b);
Complex operator/(const Complex& a, const Complex& b);
Complex exp(const Complex& z);
Complex log(const Complex& z);  // principal
Complex power(const Complex& z, unsigned long exponent);
Complex sin(const Complex& z);
Complex cos(const Complex& z);
Interval modulus(const Complex& z);

}  // namespace r1::algebra
