// The value of a scalar expression: an exact rational where that is cheap, otherwise a rectangle that holds
// it.
#pragma once
#include <optional>

#include "algebra/expr.h"
#include "algebra/interval.h"

namespace r1::algebra {

struct Value {
    std::optional<mpq_class> exact;
    std::optional<Complex> approx;  // where exact is empty
};

bool is_known_function(std::string_view name);  // one whose values are computed: "sin", not "f"

// Symbols have a value at every sample point, a pure function of their name and the point's number: fractions
// of several sizes and signs first, whole numbers from `first_whole_sample` on.
constexpr int first_whole_sample = 8;
mpq_class sample_value(const std::string& name, int sample);

class Evaluator {
  public:
    // `exact_bits` grows to the length of the longest exact number that entered an interval.
    Evaluator(int sample, mpfr_prec_t precision, Budget& budget, size_t& exact_bits)
        : sample_(sample), precision_(precision), budget_(budget), exact_bits_(exact_bits) {}

    // Throws Undefined, Undecided, OutOfBudget.
    Value operator()(const Expr& e);
    Complex approximate(const Value& value);
    void set(std::string name, mpq_class value) { given_.emplace_back(std::move(name), std::move(value)); }

    bool left_reals() const { return left_reals_; }  // a root or a logarithm of a negative number was taken
    long scale() const { return scale_; }            // no intermediate value is above 2^scale

  private:
    Value symbol(const std::string& name);
    Value constant(const std::string& name);
    Value power(const Value& base, const Value& exponent);
    Value root(const Value& base, const Value& index);
    Value function(const Expr& e);
    Value known_function(const std::string& name, const std::vector<Value>& args);
    std::optional<Value> whole_function(const std::string& name, const std::vector<Value>& args);
    Value rounded(const std::string& name, const Value& x);
    Value series(const Expr& e);
    Value unknown_function(const Expr& e, const std::vector<Value>& args);
    Value exact(mpq_class value);
    Value approx(Complex value);
    std::optional<mpq_class> exact_power(const mpq_class& base, const mpz_class& exponent);

    int sample_;
    mpfr_prec_t precision_;
    Budget& budget_;
    bool left_reals_ = false;
    size_t& exact_bits_;
    long scale_ = 0;
    std::vector<std::pair<std::string, mpq_class>> given_;
};

}  // namespace r1::algebra
