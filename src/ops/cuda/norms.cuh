// What the kernels that normalise rows share: 1 / sqrt(mean x² + eps) of a row whose squares sum to so much.
#pragma once
#include "ops/cuda/common.cuh"

namespace r1::ops::cuda {

// The widest row that belongs to one warp: lane l has the vectors of 8 at l, l + 32, … and adds their squares
// in ascending order; warp_sum adds the lanes.
inline constexpr int64_t kWarpRow = 2048;

__device__ inline float add_squares(float squares, const Floats<8>& x) {
#pragma unroll
    for (int i = 0; i < 8; ++i) squares = fmaf(x.v[i], x.v[i], squares);
    return squares;
}
__device__ inline float norm_scale(float squares, int c, float eps) {
    return __frcp_rn(__fsqrt_rn(squares / static_cast<float>(c) + eps));
}

}  // namespace r1::ops::cuda
