#include <algorithm>
#include <bit>

#include "ops/cuda/columns.cuh"

namespace r1::ops::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kParts = 512;  // blocks over rows; the same on every GPU, as it is part of dw's order

// A head belongs to kLanes neighbouring lanes, 8 elements each.
template <int kLanes>
__global__ void __launch_bounds__(kThreads)
    qk_norm_forward_kernel(bf16* y, float* rstd, const bf16* x, const bf16* wq, const bf16* wk, int count,
                           int heads, int hkv, int d, float eps) {
    begin();
    const int item = static_cast<int>(blockIdx.x * (kThreads / kLanes) + threadIdx.x / kLanes);
    const int column = static_cast<int>(threadIdx.x % kLanes) * 8;
    const int all = heads + 2 * hkv, token = item / all, head = item - token * all;
    const int left = item < count ? d - column : 0;
    const int64_t at = int64_t{item} * d + column;
    Floats<8> v = load_upto<true>(x + at, left);
    float squares = 0.0f;
#pragma unroll
    for (int i = 0; i < 8; ++i) squares = fmaf(v.v[i], v.v[i], squares);
    squares = warp_sum<kLanes>(squares);
    const float scale = __frcp_rn(__fsqrt_rn(squares / static_cast<float>(d) + eps));
    if (head < heads + hkv) {
        const Floats<8> weight = load_upto<true>((head < heads ? wq : wk) + column, left);
#pragma unroll
        for (int i = 0; i < 8; ++i) v.v[i] = v.v[i] * scale * weight.v[i];
        if (rstd && column == 0 && left > 0) rstd[int64_t{token} * (heads + hkv) + head] = scale;
    }
    store_upto<true>(y + at, v, left);
}

// blockIdx.y: 0 the heads of q, 1 those of k, 2 the copy of v.
template <int kLanes>
__global__ void __launch_bounds__(kThreads)
    qk_norm_backward_kernel(bf16* dx, float* partials, const bf16* dy, const bf16* x, const bf16* wq,
                            const bf16* wk, const float* rstd, int64_t n, int heads, int hkv, int d) {
    constexpr int kGroups = kThreads / kLanes;
    __shared__ float shared[kGroups][kLanes * 8 + 4];
    begin();
    const int group = static_cast<int>(threadIdx.x / kLanes);
    const int column = static_cast<int>(threadIdx.x % kLanes) * 8;
    const int part = static_cast<int>(blockIdx.x % kParts), kind = static_cast<int>(blockIdx.x / kParts);
    const int first = kind == 0 ? 0 : kind == 1 ? heads : heads + hkv;
    const int width = kind == 0 ? heads : hkv, all = heads + 2 * hkv;
    const int count = static_cast<int>(n) * width;
    const Floats<8> weight = load_upto<true>((kind == 0 ? wq : wk) + column, d - column);
    Floats<8> dw{};
    for (int base = part * kGroups; base < count; base += static_cast<int>(kParts) * kGroups) {
        const int item = base + group, token = item / width, head = first + item - token * width;
        const int left = item < count ? d - column : 0;
        const int64_t at = (int64_t{token} * all + head) * d + column;
        Floats<8> g = load_upto<true>(dy + at, left);
        if (kind < 2) {
            const Floats<8> v = load_upto<true>(x + at, left);
            const float scale = left > 0 ? rstd[int64_t{token} * (heads + hkv) + head] : 0.0f;
            float dot = 0.0f;
#pragma unroll
            for (int i = 0; i < 8; ++i) {
                dw.v[i] = fmaf(g.v[i], v.v[i] * scale, dw.v[i]);
                g.v[i] *= weight.v[i];
                dot = fmaf(g.v[i], v.v[i], dot);
            }
            const float shift = warp_sum<kLanes>(dot) / static_cast<float>(d) * scale * scale;
#pragma unroll
            for (int i = 0; i < 8; ++i) g.v[i] = fmaf(-v.v[i], shift, g.v[i]) * scale;
        }
        store_upto<true>(dx + at, g, left);
    }
    if (kind == 2) return;
    store<8>(&shared[group][column], dw);
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < d; i += kThreads) {
        float sum = 0.0f;
        for (int other = 0; other < kGroups; ++other) sum += shared[other][i];
        partials[int64_t{blockIdx.x} * d + i] = sum;
    }
}

// Lanes of a head: the power of two that holds d / 8.
int lanes_of_head(const char* name, int64_t n, int all, int d) {
    check(d % 8 == 0 && d <= 256, name, ": head_dim ", d,
          " is not a multiple of 8 of at most 256, as the CUDA backend needs it");
    check(n * all <= INT32_MAX, name, ": ", n, " tokens of ", all, " heads are too many; cut the batch");
    return static_cast<int>(std::bit_ceil(static_cast<unsigned>(d) / 8));
}

}  // namespace

void qk_norm_forward(cudaStream_t stream, bf16* y, float* rstd, const bf16* x, const bf16* wq, const bf16* wk,
                     int64_t n, int heads, int hkv, int d, float eps) {
    const int all = heads + 2 * hkv, lanes = lanes_of_head("qk_norm", n, all, d);
    const auto kernel = lanes <= 8    ? qk_norm_forward_kernel<8>
                        : lanes <= 16 ? qk_norm_forward_kernel<16>
                                      : qk_norm_forward_kernel<32>;
    const int64_t items = kThreads / std::max(lanes, 8);
    launch("qk_norm", stream, kernel, ceil_div(n * all, items), dim3(kThreads), 0, y, rstd, x, wq, wk,
           static_cast<int>(n * all), heads, hkv, d, eps);
}

size_t qk_norm_workspace(int64_t, int, int, int d) {
    return static_cast<size_t>(2 * kParts * d) * sizeof(float);
}

void qk_norm_backward(cudaStream_t stream, bf16* dx, float* dwq, float* dwk, const bf16* dy, const bf16* x,
                      const bf16* wq, const bf16* wk, const float* rstd, int64_t n, int heads, int hkv, int d,
                      void* workspace) {
    if (n == 0) return;
    const int lanes = lanes_of_head("qk_norm backward", n, heads + 2 * hkv, d);
    const auto kernel = lanes <= 8    ? qk_norm_backward_kernel<8>
                        : lanes <= 16 ? qk_norm_backward_kernel<16>
                                      : qk_norm_backward_kernel<32>;
    auto* partials = static_cast<float*>(workspace);
    launch("qk_norm backward", stream, kernel, 3 * kParts, dim3(kThreads), 0, dx, partials, dy, x, wq, wk,
           rstd, n, heads, hkv, d);
    if (dwq) add_partials(stream, dwq, partials, kParts, d);
    if (dwk) add_partials(stream, dwk, partials + kParts * d, kParts, d);
}

}  // namespace r1::ops::cuda
