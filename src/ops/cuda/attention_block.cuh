// The arithmetic of one key block, which prefill, training and decode share so that they compute the same
// bits. For a query row and the keys j of a block of 64:
//   z[j] = q · k[j]                       products of 16 columns on the matrix unit, ascending in d
//   m = max z[j],  p[j] = 2^(c z[j] − c m),  l = Σ p[j],  o = Σ bf16(p[j]) v[j]   with c = scale · log2 e
// (m, l, o) depend on the block and the row alone: a row of a matrix product does not see the other rows of
// its tile, o starts from zero, and the products of a warp (mma) and of a warpgroup (wgmma) have the same
// bits, which tests/ops/cuda/attention_test.cpp holds them to. Blocks are folded into the row's running (M,
// L, O) in ascending order:
//   M' = max(M, m),  L' = L · 2^(c (M − M')) + l · 2^(c (m − M')),  O' likewise
// so it does not matter which warp or which thread block computed a block. A masked score is −inf; a block
// of which a row sees nothing leaves (M, L, O) as they are. The arithmetic is written with intrinsics that
// the compiler does not fuse or reorder.
#pragma once
#include "ops/cuda/attention.cuh"
#include "ops/cuda/mma.cuh"

namespace r1::ops::cuda::attention {

// Scores of 16 query rows with the 64 keys of a block: lane 4·g + c holds of rows g (values 0 and 1) and g +
// 8 (2 and 3) keys 8·j + 2·c and the next.
using Scores = float[kBlock / 8][4];

// By one warp from tiles of 16 queries and 64 keys. (Prefill has a warpgroup compute 64 rows, wgmma.cuh.)
template <int D>
__device__ inline void block_scores(Scores& z, uint32_t queries, uint32_t keys, int lane) {
    multiply_transposed_by_warp<D, 16>(z, queries, keys, lane);
}

// Scores of keys behind the row's position become −inf; `first` is the block's first key.
__device__ inline void mask(Scores& z, int first, const int (&position)[2], int lane) {
#pragma unroll
    for (int j = 0; j < kBlock / 8; ++j)
#pragma unroll
        for (int i = 0; i < 4; ++i)
            if (first + j * 8 + lane % 4 * 2 + i % 2 > position[i / 2]) z[j][i] = -INFINITY;
}

// z becomes p; max and sum of rows g and g + 8, the same in the four lanes of a row.
__device__ inline void block_softmax(Scores& z, float c, float (&max)[2], float (&sum)[2]) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        float m = -INFINITY;
#pragma unroll
        for (int j = 0; j < kBlock / 8; ++j) m = fmaxf(m, fmaxf(z[j][2 * half], z[j][2 * half + 1]));
        m = fmaxf(m, __shfl_xor_sync(kAllLanes, m, 1));
        m = fmaxf(m, __shfl_xor_sync(kAllLanes, m, 2));
        const float shift = m == -INFINITY ? 0.0f : __fmul_rn(m, -c);
        float l = 0.0f;
#pragma unroll
        for (int j = 0; j < kBlock / 8; ++j) {
#pragma unroll
            for (int i = 2 * half; i < 2 * half + 2; ++i) {
                z[j][i] = exp2_fast(__fmaf_rn(z[j][i], c, shift));
                l = __fadd_rn(l, z[j][i]);
            }
        }
        l = __fadd_rn(l, __shfl_xor_sync(kAllLanes, l, 1));
        l = __fadd_rn(l, __shfl_xor_sync(kAllLanes, l, 2));
        max[half] = m;
        sum[half] = l;
    }
}

// p as the left operand of the product with v: one 16 × 16 fragment a step of 16 keys.
using Weights = uint32_t[kBlock / 16][4];

__device__ inline void pack(Weights& w, const Scores& p) {
#pragma unroll
    for (int step = 0; step < kBlock / 16; ++step) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const float(&tile)[4] = p[2 * step + i / 2];
            w[step][i] = narrow2(tile[i % 2 * 2], tile[i % 2 * 2 + 1]);
        }
    }
}

// Calls take(n, o) with the sums o[4] over the block's keys for columns 8·n … 8·n + 7. Eight such are
// computed together, so that their products overlap.
template <int D, class Take>
__device__ inline void block_values(const Weights& p, uint32_t values, int lane, const Take& take) {
#pragma unroll
    for (int panel = 0; panel < D / 64; ++panel) {
        float o[8][4] = {};
        multiply_rows_by_warp(o, p, values, panel, lane);
#pragma unroll
        for (int j = 0; j < 8; ++j) take(panel * 8 + j, o[j]);
    }
}

// What is left of a row's blocks so far.
struct Running {
    float max = -INFINITY, sum = 0.0f;
    // Takes in a block; returns the factors of the values so far and of the block's.
    __device__ float2 fold(float block_max, float block_sum, float c) {
        const float new_max = fmaxf(max, block_max);
        const float before = exp2_fast(__fmul_rn(__fsub_rn(max, new_max), c));
        const float block = exp2_fast(__fmul_rn(__fsub_rn(block_max, new_max), c));
        sum = __fmaf_rn(block_sum, block, __fmul_rn(sum, before));
        max = new_max;
        return {before, block};
    }
    __device__ float lse(float scale) const {
        return __fmaf_rn(max, scale, __fmul_rn(log2_fast(sum), 0.693147181f));
    }
};

__device__ inline float fold(float before, float block, float2 factors) {
    return __fmaf_rn(block, factors.y, __fmul_rn(before, factors.x));
}
// The sum over the keys, divided; the addition makes −0 a 0, so that folding a block of zeros leaves no
// trace.
__device__ inline float finish(float o, float reciprocal) {
    return __fadd_rn(__fmul_rn(o, reciprocal), 0.0f);
}

}  // namespace r1::ops::cuda::attention
