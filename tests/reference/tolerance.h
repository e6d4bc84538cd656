// The one table of tolerances. A value that is compared with a double-precision reference is accepted when
// |got − want| ≤ abs + rel·|want|; NaN and infinities must be in the same places. Raising a value needs a
// reason here.
#pragma once
#include <cfloat>

namespace r1::reference {

struct Tolerance {
    double abs = 0.0, rel = 0.0;
};

inline constexpr Tolerance kCopy{0.0, 0.0};   // gather, layout changes, filters
inline constexpr Tolerance kRow{1e-5, 1e-5};  // fp32 row ops: RMSNorm, RoPE, SwiGLU, softmax, AdamW
// Gradients of attention sum over up to a hundred queries, keys and samples, each term with an error of a row
// op.
inline constexpr Tolerance kAttentionGradient{2e-5, 1e-5};
inline constexpr Tolerance kDifference{1e-7, 1e-6};  // a reference's backward against its central differences

// Sums of products (matrix products, gradients of weights): 20 · ‖a‖ · ‖b‖ · eps.
inline constexpr double product_bound(double norm_a, double norm_b) {
    return 20.0 * norm_a * norm_b * FLT_EPSILON;
}

}  // namespace r1::reference
