// Matrix products of one warp, of operands in registers: ldmatrix and mma.m16n8k16.
#pragma once
#include "ops/cuda/common.cuh"

namespace r1::ops::cuda {

// Four 8 × 8 matrices; lane 8·i + r names row r of matrix i.
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
// c += a b: a is 16 × 16, b 16 × 8. Lane 4·g + q holds of c rows g (values 0 and 1) and g + 8 (2 and 3),
// columns 2·q and the next. The bits are those of the products of a warpgroup (wgmma.cuh), as was measured on
// an H200 (docs/results/cuda.md).
__device__ inline void multiply(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// ---- Of tiles in panels of 64 columns with the 128-byte swizzle (attention.cuh). Tiles are aligned to 128
// bytes: chunk 2·step of a row is its first address with some bits flipped.

// c = a bᵀ over D columns: 16 rows of a tile of kRows, from a row that 8 divides, and all 64 of b.
template <int D, int kRows>
__device__ inline void multiply_transposed_by_warp(float (&c)[8][4], uint32_t a, uint32_t b, int lane) {
#pragma unroll
    for (int j = 0; j < 8; ++j)
#pragma unroll
        for (int i = 0; i < 4; ++i) c[j][i] = 0.0f;
    const uint32_t a0 = a + lane % 16 * 128 + ((lane / 16) ^ (lane % 8)) * 16;
    const uint32_t b0 = b + (lane % 8 + lane / 16 * 8) * 128 + ((lane / 8 % 2) ^ (lane % 8)) * 16;
#pragma unroll
    for (int step = 0; step < D / 16; ++step) {
        const uint32_t flip = step % 4 * 32;
        uint32_t left[4];
        load_matrices(left, (a0 ^ flip) + step / 4 * (kRows * 128));
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            uint32_t right[4];
            load_matrices(right, (b0 ^ flip) + step / 4 * (64 * 128) + j * 2048);
            multiply(c[2 * j], left, right[0], right[1]);
            multiply(c[2 * j + 1], left, right[2], right[3]);
        }
    }
}
// c += a b: a [16][64] in registers, b a panel of a tile of 64 rows.
__device__ inline void multiply_rows_by_warp(float (&c)[8][4], const uint32_t (&a)[4][4], uint32_t b,
                                             int panel, int lane) {
    const uint32_t b0 = b + lane % 16 * 128 + ((lane / 16) ^ (lane % 8)) * 16;
#pragma unroll
    for (int step = 0; step < 4; ++step) {
#pragma unroll
        for (int j = 0; j < 8; j += 2) {
            uint32_t right[4];
            load_transposed(right, (b0 ^ j * 16) + panel * (64 * 128) + step * 2048);
            multiply(c[j], a[step], right[0], right[1]);
            multiply(c[j + 1], a[step], right[2], right[3]);
        }
    }
}

}  // namespace r1::ops::cuda
