#include "ops/cuda/columns.cuh"

#include <algorithm>

namespace r1::ops::cuda {
namespace {

constexpr int64_t kParts = 512;  // blocks over rows; the same on every GPU, as it is part of the sum's order
constexpr int kUnroll = 4;       // rows in flight

__global__ void __launch_bounds__(1024)
    add_partials_kernel(float* out, const float* partials, int parts, int64_t n) {
    __shared__ float sums[kWarp][kWarp + 1];
    begin();
    const int64_t column = int64_t{blockIdx.x} * kWarp + threadIdx.x;
    float sum = 0.0f;
    if (column < n) {
#pragma unroll 8
        for (int p = static_cast<int>(threadIdx.y); p < parts; p += kWarp) sum += partials[p * n + column];
    }
    sums[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    const float total = warp_sum(sums[threadIdx.x][threadIdx.y]);  // of column threadIdx.y
    const int64_t target = int64_t{blockIdx.x} * kWarp + threadIdx.y;
    if (threadIdx.x == 0 && target < n) out[target] += total;
}

// Block (p, chunk): the columns of the chunk over rows p, p + parts, ….
template <bool kAligned>
__global__ void __launch_bounds__(256)
    column_sums_kernel(float* partials, const bf16* x, int64_t m, int64_t n, int parts) {
    begin();
    const int64_t part = blockIdx.x % static_cast<unsigned>(parts);
    const int64_t column =
        (int64_t{blockIdx.x / static_cast<unsigned>(parts)} * blockDim.x + threadIdx.x) * 8;
    const int left = static_cast<int>(min(n - column, int64_t{8}));
    if (left <= 0) return;
    Floats<8> sum{};
    for (int64_t row = part; row < m; row += kUnroll * parts) {
        Floats<8> values[kUnroll];
#pragma unroll
        for (int u = 0; u < kUnroll; ++u) {
            const int64_t at = row + u * parts;
            values[u] = load_upto<kAligned>(x + at * n + column, at < m ? left : 0);
        }
#pragma unroll
        for (int u = 0; u < kUnroll; ++u) {
#pragma unroll
            for (int i = 0; i < 8; ++i) sum.v[i] += values[u].v[i];
        }
    }
#pragma unroll
    for (int i = 0; i < 8; ++i) {
        if (i < left) partials[part * n + column + i] = sum.v[i];
    }
}

}  // namespace

void add_partials(cudaStream_t stream, float* out, const float* partials, int64_t parts, int64_t n) {
    launch("the sum of partial sums", stream, add_partials_kernel, ceil_div(n, kWarp), dim3(kWarp, kWarp), 0,
           out, partials, static_cast<int>(parts), n);
}

size_t column_sums_workspace(int64_t m, int64_t n) {
    return static_cast<size_t>(std::min(m, kParts) * n) * sizeof(float);
}

void column_sums(cudaStream_t stream, float* out, const bf16* x, int64_t m, int64_t n, void* workspace) {
    if (m == 0) return;
    auto* partials = static_cast<float*>(workspace);
    const int64_t parts = std::min(m, kParts);
    const auto kernel = aligned_rows(n, x) ? column_sums_kernel<true> : column_sums_kernel<false>;
    const auto threads = static_cast<unsigned>(std::min<int64_t>(ceil_div(n, 8 * kWarp) * kWarp, 256));
    launch("the sum over rows", stream, kernel, parts * ceil_div(n, int64_t{threads} * 8), dim3(threads), 0,
           partials, x, m, n, static_cast<int>(parts));
    add_partials(stream, out, partials, parts, n);
}

}  // namespace r1::ops::cuda
