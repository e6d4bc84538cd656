// Matrix products of any size and stride in plain fp32 arithmetic, for shapes that cuBLASLt does not promise
// anything for. Each output is one chain of fused multiply-adds over ascending k.
#include <cuda_bf16.h>

#include <algorithm>

#include "core/cuda.h"
#include "ops/cuda/kernels.h"

namespace r1::ops::cuda {
namespace {

constexpr int kTile = 64, kDepth = 16, kSide = 16, kEach = kTile / kSide;

__device__ float widen(const bf16* x, int64_t i) {
    return __bfloat162float(reinterpret_cast<const __nv_bfloat16*>(x)[i]);
}

// A tile [kDepth][kTile] of X[row, k], zero outside of it.
__device__ void load_tile(float (*tile)[kTile + 1], const bf16* x, int64_t stride, bool transposed,
                          int64_t row0, int64_t rows, int64_t k0, int64_t depth) {
    for (int i = threadIdx.x; i < kTile * kDepth; i += kSide * kSide) {
        const int row = transposed ? i % kTile : i / kDepth, k = transposed ? i / kTile : i % kDepth;
        const bool inside = row0 + row < rows && k0 + k < depth;
        const int64_t at = transposed ? (k0 + k) * stride + row0 + row : (row0 + row) * stride + k0 + k;
        tile[k][row] = inside ? widen(x, at) : 0.0f;
    }
}

__global__ void __launch_bounds__(kSide* kSide) gemm_tiles_kernel(Gemm g) {
    __shared__ float a[kDepth][kTile + 1], b[kDepth][kTile + 1];
    const int64_t m0 = static_cast<int64_t>(blockIdx.y) * kTile,
                  n0 = static_cast<int64_t>(blockIdx.x) * kTile;
    const int row = threadIdx.x / kSide, column = threadIdx.x % kSide;
    float sums[kEach][kEach] = {};
    for (int64_t k0 = 0; k0 < g.k; k0 += kDepth) {
        load_tile(a, g.a, g.lda, g.a_transposed, m0, g.m, k0, g.k);
        load_tile(b, g.b, g.ldb, g.b_transposed, n0, g.n, k0, g.k);
        __syncthreads();
        for (int k = 0; k < kDepth; ++k) {
#pragma unroll
            for (int i = 0; i < kEach; ++i) {
#pragma unroll
                for (int j = 0; j < kEach; ++j)
                    sums[i][j] = fmaf(a[k][row + i * kSide], b[k][column + j * kSide], sums[i][j]);
            }
        }
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < kEach; ++i) {
#pragma unroll
        for (int j = 0; j < kEach; ++j) {
            const int64_t m = m0 + row + i * kSide, n = n0 + column + j * kSide;
            if (m >= g.m || n >= g.n) continue;
            const int64_t at = m * g.ldd + n;
            float sum = g.alpha * sums[i][j];
            if (g.bias) sum += widen(g.bias, n);
            if (g.residual) sum += widen(g.residual, at);
            if (g.d_f32) {
                float* d = static_cast<float*>(g.d);
                d[at] = g.accumulate ? d[at] + sum : sum;
            } else {
                static_cast<__nv_bfloat16*>(g.d)[at] = __float2bfloat16(sum);
            }
        }
    }
}

}  // namespace

void gemm_tiles(cudaStream_t stream, const Gemm& g) {
    if (g.m == 0 || g.n == 0) return;
    constexpr int64_t kMostRows = int64_t{65535} * kTile;  // of a grid
    for (int64_t m = 0; m < g.m; m += kMostRows) {
        Gemm part = g;
        part.m = std::min(kMostRows, g.m - m);
        part.a += g.a_transposed ? m : m * g.lda;
        if (g.residual) part.residual += m * g.ldd;
        part.d = static_cast<char*>(g.d) + m * g.ldd * (g.d_f32 ? 4 : 2);
        const dim3 grid(static_cast<unsigned>((g.n + kTile - 1) / kTile),
                        static_cast<unsigned>((part.m + kTile - 1) / kTile));
        gemm_tiles_kernel<<<grid, kSide * kSide, 0, stream>>>(part);
    }
    check_launch("gemm_tiles");
}

}  // namespace r1::ops::cuda
