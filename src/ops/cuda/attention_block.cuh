// The arithmetic of one key block, which prefill, training and decode share so that they compute the same
// bits. For a query row and the keys j of a block of 64:
//   z[j] = q · k[j]                       m16n8k16 products, ascending in d
//   m = max z[j],  p[j] = 2^(c z[j] − c m),  l = Σ p[j],  o = Σ bf16(p[j]) v[j]   with c = scale · log2 e
// (m, l, o) depend on the block and the row alone: a row of a matrix product does not see the other rows of
// its tile, and o starts from zero. Blocks are folded into the row's running (M, L, O) in ascending order:
//   M' = max(M, m),  L' = L · 2^(c (M − M')) + l · 2^(c (m − M')),  O' likewise
// so it does not matter which warp or which thread block computed a block. A masked score is −inf; a block
// of which a row sees nothing leaves (M, L, O) as they are. The arithmetic is written with intrinsics that
// the compiler does not fuse or reorder.
#pragma once
#include "ops/cuda/attention.cuh"

namespace r1::ops::cuda::attention {

__device__ inline void load_matrices(uint32_t (&r)[4], uint32_t address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
}
__device__ inline void load_transposed(uint32_t (&r)[4], uint32_t address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
}
// c += a b: a is 16 × 16, b 16 × 8.
__device__ inline void multiply(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Scores of a warp's kTiles · 16 query rows, from first_row on of a tile of kRows, with the 64 keys of a
// block. Lane 4·g + c holds of rows g (values 0 and 1) and g + 8 (2 and 3) keys 8·j + 2·c and the next.
template <int kTiles>
using Scores = float[kTiles][kBlock / 8][4];

template <int D, int kTiles, int kRows>
__device__ inline void block_scores(Scores<kTiles>& z, uint32_t queries, int first_row, uint32_t keys,
                                    int lane) {
#pragma unroll
    for (int t = 0; t < kTiles; ++t)
#pragma unroll
        for (int j = 0; j < kBlock / 8; ++j)
#pragma unroll
            for (int i = 0; i < 4; ++i) z[t][j][i] = 0.0f;
    // Tiles are aligned to 128 bytes: chunk 2·step of a row is its first address with some bits flipped.
    const uint32_t q0 = queries + (first_row + lane % 16) * 128 + ((lane / 16) ^ (lane % 8)) * 16;
    const uint32_t k0 = keys + (lane % 8 + lane / 16 * 8) * 128 + ((lane / 8 % 2) ^ (lane % 8)) * 16;
#pragma unroll
    for (int step = 0; step < D / 16; ++step) {
        const uint32_t flip = step % 4 * 32;
        uint32_t q[kTiles][4];
#pragma unroll
        for (int t = 0; t < kTiles; ++t)
            load_matrices(q[t], (q0 ^ flip) + step / 4 * (kRows * 128) + t * 2048);
#pragma unroll
        for (int j = 0; j < kBlock / 16; ++j) {
            uint32_t k[4];
            load_matrices(k, (k0 ^ flip) + step / 4 * (kBlock * 128) + j * 2048);
#pragma unroll
            for (int t = 0; t < kTiles; ++t) {
                multiply(z[t][2 * j], q[t], k[0], k[1]);
                multiply(z[t][2 * j + 1], q[t], k[2], k[3]);
            }
        }
    }
}

// Scores of keys behind the row's position become −inf; `first` is the block's first key.
__device__ inline void mask(float (&z)[kBlock / 8][4], int first, const int (&position)[2], int lane) {
#pragma unroll
    for (int j = 0; j < kBlock / 8; ++j)
#pragma unroll
        for (int i = 0; i < 4; ++i)
            if (first + j * 8 + lane % 4 * 2 + i % 2 > position[i / 2]) z[j][i] = -INFINITY;
}

// z becomes p; max and sum of rows g and g + 8, the same in the four lanes of a row.
__device__ inline void block_softmax(float (&z)[kBlock / 8][4], float c, float (&max)[2], float (&sum)[2]) {
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

__device__ inline void pack(Weights& w, const float (&p)[kBlock / 8][4]) {
#pragma unroll
    for (int step = 0; step < kBlock / 16; ++step) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const float(&tile)[4] = p[2 * step + i / 2];
            w[step][i] = narrow2(tile[i % 2 * 2], tile[i % 2 * 2 + 1]);
        }
    }
}

// Calls take(t, n, o) with the sums o[4] over the block's keys for row tile t and columns 8·n … 8·n + 7.
// kWidth columns of 8 are computed together; that changes no bit.
template <int D, int kTiles, int kWidth, class Take>
__device__ inline void block_values(const Weights (&p)[kTiles], uint32_t values, int lane, const Take& take) {
    const uint32_t v0 = values + lane % 16 * 128 + ((lane / 16) ^ (lane % 8)) * 16;
#pragma unroll
    for (int n = 0; n < D / 8; n += kWidth) {
        float o[kTiles][kWidth][4];
#pragma unroll
        for (int t = 0; t < kTiles; ++t)
#pragma unroll
            for (int j = 0; j < kWidth; ++j)
#pragma unroll
                for (int i = 0; i < 4; ++i) o[t][j][i] = 0.0f;
#pragma unroll
        for (int step = 0; step < kBlock / 16; ++step) {
#pragma unroll
            for (int j = 0; j < kWidth; j += 2) {
                uint32_t v[4];
                load_transposed(v, (v0 ^ ((n + j) % 8 * 16)) + (n + j) / 8 * (kBlock * 128) + step * 2048);
#pragma unroll
                for (int t = 0; t < kTiles; ++t) {
                    multiply(o[t][j], p[t][step], v[0], v[1]);
                    multiply(o[t][j + 1], p[t][step], v[2], v[3]);
                }
            }
        }
#pragma unroll
        for (int t = 0; t < kTiles; ++t)
#pragma unroll
            for (int j = 0; j < kWidth; ++j) take(t, n + j, o[t][j]);
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
    __device__ float lse(float scale) const { return __fmaf_rn(max, scale, log_f32(sum)); }
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
