#include <algorithm>

#include "ops/cuda/columns.cuh"
#include "ops/cuda/norms.cuh"

namespace r1::ops::cuda {
namespace {

constexpr int64_t kWidest = 8192;

// How a row is given to threads: a function of its width alone.
int warps_of_row(int64_t c) {
    return c <= kWarpRow ? 1 : 8;
}

// A row belongs to blockDim.x threads (1 or 8 warps), kVectors × 8 elements each, which stay in registers.
template <int kVectors, bool kAligned, bool kResidual>
__global__ void __launch_bounds__(256)
    rmsnorm_forward_kernel(bf16* y, bf16* sum, float* rstd, const bf16* x, const bf16* residual,
                           const bf16* w, int64_t n, int c, float eps) {
    __shared__ float shared[8];
    begin();
    const int64_t row = int64_t{blockIdx.x} * blockDim.y + threadIdx.y;
    if (row >= n) return;
    const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);

    Floats<8> values[kVectors];
#pragma unroll
    for (int k = 0; k < kVectors; ++k) {
        const int column = (thread + k * threads) * 8;
        values[k] = load_upto<kAligned>(x + row * c + column, c - column);
    }
    if constexpr (kResidual) {
        Floats<8> other[kVectors];  // all loads before the first store, which may be to the same place
#pragma unroll
        for (int k = 0; k < kVectors; ++k) {
            const int column = (thread + k * threads) * 8;
            other[k] = load_upto<kAligned>(residual + row * c + column, c - column);
        }
#pragma unroll
        for (int k = 0; k < kVectors; ++k) {
            const int column = (thread + k * threads) * 8;
#pragma unroll
            for (int i = 0; i < 8; ++i) values[k].v[i] = widen(narrow(values[k].v[i] + other[k].v[i]));
            store_upto<kAligned>(sum + row * c + column, values[k], c - column);
        }
    }
    float squares = 0.0f;
#pragma unroll
    for (int k = 0; k < kVectors; ++k) squares = add_squares(squares, values[k]);
    Floats<8> weight[kVectors];  // asked for before the wait for the sum
#pragma unroll
    for (int k = 0; k < kVectors; ++k) {
        const int column = (thread + k * threads) * 8;
        weight[k] = load_upto<kAligned>(w + column, c - column);
    }
    squares = block_sum(squares, shared, thread, threads / kWarp);
    const float scale = norm_scale(squares, c, eps);
#pragma unroll
    for (int k = 0; k < kVectors; ++k) {
        const int column = (thread + k * threads) * 8;
#pragma unroll
        for (int i = 0; i < 8; ++i) values[k].v[i] = values[k].v[i] * scale * weight[k].v[i];
        store_upto<kAligned>(y + row * c + column, values[k], c - column);
    }
    if (rstd && thread == 0) rstd[row] = scale;
}

template <bool kResidual>
void forward(const char* name, cudaStream_t stream, bf16* y, bf16* sum, float* rstd, const bf16* x,
             const bf16* residual, const bf16* w, int64_t n, int64_t c, float eps) {
    check(c <= kWidest, name, ": rows of ", c, " are wider than the ", kWidest,
          " that the CUDA backend takes");
    const int warps = warps_of_row(c);
    const int64_t vectors = ceil_div(c, 8 * kWarp * warps);
    const auto kernel = !aligned_rows(c, y, sum, x, residual, w) ? rmsnorm_forward_kernel<8, false, kResidual>
                        : vectors <= 1                           ? rmsnorm_forward_kernel<1, true, kResidual>
                        : vectors <= 2                           ? rmsnorm_forward_kernel<2, true, kResidual>
                        : vectors <= 3                           ? rmsnorm_forward_kernel<3, true, kResidual>
                        : vectors <= 4                           ? rmsnorm_forward_kernel<4, true, kResidual>
                        : vectors <= 6                           ? rmsnorm_forward_kernel<6, true, kResidual>
                                                                 : rmsnorm_forward_kernel<8, true, kResidual>;
    // few rows over many multiprocessors, or many rows in few blocks: a row's bits are the same
    const int rows = warps > 1 || n <= 2048 ? 1 : 4;
    launch(name, stream, kernel, ceil_div(n, rows),
           dim3(static_cast<unsigned>(warps * kWarp), static_cast<unsigned>(rows)), 0, y, sum, rstd, x,
           residual, w, n, static_cast<int>(c), eps);
}

int threads_of_backward(int64_t c) {
    return static_cast<int>(ceil_div(c, 8 * kWarp)) * kWarp;
}
// Blocks over rows: what an H200 runs at once. It is part of the order of dw's sum.
int64_t backward_parts(int64_t n, int64_t c) {
    return std::min<int64_t>(n, kMultiprocessors * (1024 / threads_of_backward(c)));
}

// Block p does rows p, p + gridDim.x, …, a vector of 8 columns a thread, and keeps its part of dw in
// registers:
//   dx += rstd · (w dy − x · rstd² · mean(w dy x)),  dw += dy · x · rstd
template <bool kAligned>
__global__ void __launch_bounds__(1024)
    rmsnorm_backward_kernel(bf16* dx, float* partials, const bf16* dy, const bf16* x, const bf16* w,
                            const float* rstd, int64_t n, int c) {
    __shared__ float shared[2][kWarp];
    begin();
    const int thread = static_cast<int>(threadIdx.x), warps = static_cast<int>(blockDim.x) / kWarp;
    const int column = thread * 8, left = c - column;
    const Floats<8> weight = load_upto<kAligned>(w + column, left);
    Floats<8> dw{};
    int turn = 0;  // two sets of partial sums take turns, so that one barrier a row is enough
    for (int64_t row = blockIdx.x; row < n; row += gridDim.x, turn ^= 1) {
        const int64_t at = row * c + column;
        const float scale = rstd[row];
        Floats<8> g = load_upto<kAligned>(dy + at, left);
        const Floats<8> v = load_upto<kAligned>(x + at, left);
        Floats<8> out = load_upto<kAligned>(dx + at, left);
        float dot = 0.0f;
#pragma unroll
        for (int i = 0; i < 8; ++i) {
            dw.v[i] = fmaf(g.v[i], v.v[i] * scale, dw.v[i]);
            g.v[i] *= weight.v[i];
            dot = fmaf(g.v[i], v.v[i], dot);
        }
        const float shift =
            block_sum(dot, shared[turn], thread, warps) / static_cast<float>(c) * scale * scale;
#pragma unroll
        for (int i = 0; i < 8; ++i) out.v[i] = fmaf(fmaf(-v.v[i], shift, g.v[i]), scale, out.v[i]);
        store_upto<kAligned>(dx + at, out, left);
    }
    if (partials) store_upto<kAligned>(partials + int64_t{blockIdx.x} * c + column, dw, left);
}

}  // namespace

void rmsnorm_forward(cudaStream_t stream, bf16* y, float* rstd, const bf16* x, const bf16* w, int64_t n,
                     int64_t c, float eps) {
    forward<false>("rmsnorm", stream, y, nullptr, rstd, x, nullptr, w, n, c, eps);
}

void rmsnorm_residual_forward(cudaStream_t stream, bf16* y, bf16* sum, float* rstd, const bf16* x,
                              const bf16* residual, const bf16* w, int64_t n, int64_t c, float eps) {
    forward<true>("rmsnorm with residual", stream, y, sum, rstd, x, residual, w, n, c, eps);
}

size_t rmsnorm_workspace(int64_t n, int64_t c) {
    return static_cast<size_t>(backward_parts(n, c) * c) * sizeof(float);
}

void rmsnorm_backward(cudaStream_t stream, bf16* dx, float* dw, const bf16* dy, const bf16* x, const bf16* w,
                      const float* rstd, int64_t n, int64_t c, void* workspace) {
    check(c <= kWidest, "rmsnorm backward: rows of ", c, " are wider than the ", kWidest,
          " that the CUDA backend takes");
    if (n == 0) return;
    const auto kernel =
        aligned_rows(c, dx, dy, x, w) ? rmsnorm_backward_kernel<true> : rmsnorm_backward_kernel<false>;
    const int64_t parts = backward_parts(n, c);
    auto* partials = dw ? static_cast<float*>(workspace) : nullptr;
    launch("rmsnorm backward", stream, kernel, parts, dim3(static_cast<unsigned>(threads_of_backward(c))), 0,
           dx, partials, dy, x, w, rstd, n, static_cast<int>(c));
    if (dw) add_partials(stream, dw, partials, parts, c);
}

}  // namespace r1::ops::cuda
