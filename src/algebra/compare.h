// Is an answer the same as the gold? Structure first (lists, tuples, sets, intervals, matrices, relations,
// words), then the scalars in it (scalar.h).
#pragma once
#include "algebra/expr.h"
#include "algebra/scalar.h"

namespace r1::algebra {

struct CompareOptions {
    bool ordered =
        true;  // a plain list "1, 2" is a sequence; with and, or, ±, ; and in braces order never matters
    bool reduced = true;                 // where the gold is a reduced fraction, 2/4 is not 1/2
    bool percent_number = true;          // 60% equals 60 as well as 0.6
    bool units = false;                  // a gold with a unit wants that unit
    bool inequality_as_interval = true;  // the gold 1 < x < 2 is met by (1, 2); never the other way round
    bool names = true;                   // x = 5 is met by 5, and 5 by x = 5
    int rounded_digits = 6;  // a decimal of so many significant digits is met by what rounds to it; 0: never
};

// Symmetric but for inequalities. Throws OutOfBudget.
Equality compare(const Expr& gold, const Expr& answer, const CompareOptions& options, Budget& budget);

}  // namespace r1::algebra
