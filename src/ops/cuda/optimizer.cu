#include <algorithm>

#include "ops/cuda/common.cuh"

namespace r1::ops::cuda {
namespace {

constexpr int kSquaresBlock = 4096;
constexpr int kThreads = 256;

struct AdamWFactors {
    float decay, b1, b2, step_size, root_correction, eps;
};

// Each operation is rounded as on the CPU, so both give the same bits.
__device__ void update(float& w, float& m, float& v, float grad, float grad_scale, const AdamWFactors& f) {
    const float g = __fmul_rn(grad, grad_scale);
    m = __fadd_rn(m, __fmul_rn(__fadd_rn(g, -m), __fadd_rn(1.0f, -f.b1)));
    v = __fadd_rn(__fmul_rn(v, f.b2), __fmul_rn(__fmul_rn(g, g), __fadd_rn(1.0f, -f.b2)));
    const float root = __fadd_rn(__fdiv_rn(__fsqrt_rn(v), f.root_correction), f.eps);
    w = __fadd_rn(__fmul_rn(w, f.decay), -__fmul_rn(f.step_size, __fdiv_rn(m, root)));
}

// kWidth = 4: 16 bytes of each array a thread; 1 where an array does not start at such a boundary.
template <int kWidth>
__global__ void __launch_bounds__(kThreads)
    adamw_kernel(float* w, bf16* w_bf16, float* m, float* v, const float* grad, int64_t count, AdamWFactors f,
                 const float* grad_scale) {
    begin();
    const int64_t at = (int64_t{blockIdx.x} * kThreads + threadIdx.x) * kWidth;
    if (at >= count) return;
    const float scale = grad_scale ? *grad_scale : 1.0f;
    if (kWidth == 4 && at + 4 <= count) {
        Floats<4> weight = load<4>(w + at), mean = load<4>(m + at), square = load<4>(v + at);
        const Floats<4> g = load<4>(grad + at);
#pragma unroll
        for (int i = 0; i < 4; ++i) update(weight.v[i], mean.v[i], square.v[i], g.v[i], scale, f);
        store<4>(w + at, weight);
        store<4>(m + at, mean);
        store<4>(v + at, square);
        if (w_bf16) store<4>(w_bf16 + at, weight);
        return;
    }
    for (int64_t i = at; i < min(at + kWidth, count); ++i) {
        update(w[i], m[i], v[i], grad[i], scale, f);
        if (w_bf16) w_bf16[i] = narrow(w[i]);
    }
}

// A block of 4096: thread t takes the four at 4·(t + 256 k), k = 0 … 3.
template <bool kAligned>
__global__ void __launch_bounds__(kThreads) block_squares_kernel(float* sums, const float* x, int64_t count) {
    __shared__ float shared[kThreads / kWarp];
    begin();
    const int64_t first = int64_t{blockIdx.x} * kSquaresBlock;
    float sum = 0.0f;
    Floats<4> values[4];
#pragma unroll
    for (int k = 0; k < 4; ++k) {
        const int64_t at = first + (k * kThreads + static_cast<int>(threadIdx.x)) * 4;
        if (kAligned && at + 4 <= count) {
            values[k] = load<4>(x + at);
        } else {
#pragma unroll
            for (int i = 0; i < 4; ++i) values[k].v[i] = at + i < count ? x[at + i] : 0.0f;
        }
    }
#pragma unroll
    for (int k = 0; k < 4; ++k) {
#pragma unroll
        for (int i = 0; i < 4; ++i) sum = fmaf(values[k].v[i], values[k].v[i], sum);
    }
    sum = block_sum(sum, shared, static_cast<int>(threadIdx.x), kThreads / kWarp);
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// One block: thread t takes sums t, t + 1024, …; then a tree over threads.
__global__ void __launch_bounds__(1024) total_kernel(double* total, const float* sums, int64_t count) {
    __shared__ double shared[1024];
    begin();
    const int t = static_cast<int>(threadIdx.x);
    double sum = 0.0;
#pragma unroll 8
    for (int64_t i = t; i < count; i += 1024) sum += static_cast<double>(sums[i]);
    shared[t] = sum;
    for (int width = 512; width >= 1; width /= 2) {
        __syncthreads();
        if (t < width) shared[t] += shared[t + width];
    }
    if (t == 0) *total = shared[0];
}

}  // namespace

void adamw(cudaStream_t stream, float* w, bf16* w_bf16, float* m, float* v, const float* grad, int64_t count,
           float decay, float b1, float b2, float step_size, float root_correction, float eps,
           const float* grad_scale) {
    const bool aligned = aligned16(w) && aligned16(m) && aligned16(v) && aligned16(grad) &&
                         reinterpret_cast<uintptr_t>(w_bf16) % 8 == 0;
    launch("adamw", stream, aligned ? adamw_kernel<4> : adamw_kernel<1>,
           ceil_div(count, kThreads * (aligned ? 4 : 1)), dim3(kThreads), 0, w, w_bf16, m, v, grad, count,
           AdamWFactors{decay, b1, b2, step_size, root_correction, eps}, grad_scale);
}

size_t sum_of_squares_workspace(int64_t count) {
    return static_cast<size_t>(std::max<int64_t>(ceil_div(count, kSquaresBlock), 1)) * sizeof(float);
}

void sum_of_squares(cudaStream_t stream, double* sum, const float* x, int64_t count, void* workspace) {
    auto* sums = static_cast<float*>(workspace);
    const int64_t blocks = ceil_div(count, kSquaresBlock);
    launch("the sum of squares", stream,
           aligned16(x) ? block_squares_kernel<true> : block_squares_kernel<false>, blocks, dim3(kThreads), 0,
           sums, x, count);
    launch("the sum of squares", stream, total_kernel, 1, dim3(1024), 0, sum, sums, blocks);
}

}  // namespace r1::ops::cuda
