// Sums over rows in two steps: every block leaves its columns' sums in a row of `partials` [parts, N] fp32.
#pragma once
#include "ops/cuda/common.cuh"

namespace r1::ops::cuda {

// out[n] += Σ_p partials[p, n]: p = i, i+32, … for i = 0 … 31 in ascending order, then a tree over i.
void add_partials(cudaStream_t stream, float* out, const float* partials, int64_t parts, int64_t n);

}  // namespace r1::ops::cuda
