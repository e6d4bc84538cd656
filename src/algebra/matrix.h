// Matrices of expressions: sums, products and determinants are carried out while reading.
#pragma once
#include "algebra/expr.h"

namespace r1::algebra {

bool contains_matrix(const Expr& e);   // among the direct operands
Expr add_matrices(Expr sum);           // the sum itself where the shapes do not fit
Expr multiply_matrices(Expr product);  // scalars and matrices
Expr determinant(const Expr& matrix);  // to 4 × 4; the function det beyond

}  // namespace r1::algebra
