// Are two scalars the same number, or the same function of their unknowns?
//
// Constants: exact rationals are compared as such. Otherwise both are enclosed in rectangles: rectangles that
// do not meet prove a difference; if they meet, the precision grows until both are known to far more bits
// than the numbers written in them have, relative to their size (or, for a difference that cancels to zero,
// relative to its terms). Expressions in unknowns: the same at sample points of several sizes and signs,
// where both are real.
#pragma once
#include "algebra/expr.h"

namespace r1::algebra {

enum class Equality : uint8_t { equal, different, undecided };

Equality equal_scalars(const Expr& a, const Expr& b, Budget& budget);

// a = c·b with one constant c for all values of the unknowns; the sign of c, or 0 where there is none.
int constant_ratio_sign(const Expr& a, const Expr& b, Budget& budget);

// The sign of a real constant: -1, 0, 1; nothing where it is not real or cannot be told. `name` (if any)
// stands for `value`.
std::optional<int> sign_of(const Expr& e, Budget& budget, const std::string& name = "",
                           const mpq_class& value = 0);

// A rational close to a real constant.
std::optional<mpq_class> near_value(const Expr& e, Budget& budget);

// The value of a constant that comes out exactly: 42.1875 + 10^{-20}, but not √2.
std::optional<mpq_class> exact_value(const Expr& e, Budget& budget);

bool is_defined(const Expr& e, Budget& budget);  // a constant that has a value

}  // namespace r1::algebra
