// SwiGLU and conversions.
#include "ops/cuda/common.cuh"

namespace r1::ops::cuda {
namespace {

template <bool kAligned>
__global__ void __launch_bounds__(256)
    swiglu_forward_kernel(bf16* y, const bf16* gate_up, int64_t n, int f, int chunks) {
    begin();
    const RowPlace place(chunks);
    const int left = f - place.column;
    if (place.row >= n || left <= 0) return;
    const bf16* gate = gate_up + place.row * 2 * f + place.column;
    const Floats<8> g = load_upto<kAligned>(gate, left), u = load_upto<kAligned>(gate + f, left);
    Floats<8> out;
#pragma unroll
    for (int i = 0; i < 8; ++i) out.v[i] = swiglu(g.v[i], u.v[i]);
    store_upto<kAligned>(y + place.row * f + place.column, out, left);
}

template <bool kAligned>
__global__ void __launch_bounds__(256)
    swiglu_backward_kernel(bf16* dgate_up, const bf16* dy, const bf16* gate_up, int64_t n, int f,
                           int chunks) {
    begin();
    const RowPlace place(chunks);
    const int left = f - place.column;
    if (place.row >= n || left <= 0) return;
    const int64_t at = place.row * 2 * f + place.column;
    const Floats<8> g = load_upto<kAligned>(gate_up + at, left),
                    u = load_upto<kAligned>(gate_up + at + f, left),
                    d = load_upto<kAligned>(dy + place.row * f + place.column, left);
    Floats<8> dgate, dup;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
        const float s = sigmoid(g.v[i]);
        dgate.v[i] = d.v[i] * u.v[i] * (s * fmaf(g.v[i], 1.0f - s, 1.0f));
        dup.v[i] = d.v[i] * (g.v[i] * s);
    }
    store_upto<kAligned>(dgate_up + at, dgate, left);
    store_upto<kAligned>(dgate_up + at + f, dup, left);
}

template <bool kAligned, class Out, class In>
__global__ void __launch_bounds__(256) convert_kernel(Out* y, const In* x, int64_t count) {
    begin();
    const int64_t at = (int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * 8;
    if (at >= count) return;
    const int left = static_cast<int>(min(count - at, int64_t{8}));
    if (kAligned && left == 8) {
        store<8>(y + at, load<8>(x + at));
    } else {
        store_upto<false>(y + at, load_upto<false>(x + at, left), left);
    }
}

template <class Out, class In>
void convert(const char* name, cudaStream_t stream, Out* y, const In* x, int64_t count) {
    const bool aligned = aligned16(y) && aligned16(x);
    launch(name, stream, aligned ? convert_kernel<true, Out, In> : convert_kernel<false, Out, In>,
           ceil_div(count, 256 * 8), dim3(256), 0, y, x, count);
}

}  // namespace

void swiglu_forward(cudaStream_t stream, bf16* y, const bf16* gate_up, int64_t n, int64_t f) {
    const RowGrid grid(n, f);
    const auto kernel =
        aligned_rows(f, y, gate_up) ? swiglu_forward_kernel<true> : swiglu_forward_kernel<false>;
    launch("swiglu", stream, kernel, grid.blocks, grid.block, 0, y, gate_up, n, static_cast<int>(f),
           grid.chunks);
}

void swiglu_backward(cudaStream_t stream, bf16* dgate_up, const bf16* dy, const bf16* gate_up, int64_t n,
                     int64_t f) {
    const RowGrid grid(n, f);
    const auto kernel =
        aligned_rows(f, dgate_up, dy, gate_up) ? swiglu_backward_kernel<true> : swiglu_backward_kernel<false>;
    launch("swiglu backward", stream, kernel, grid.blocks, grid.block, 0, dgate_up, dy, gate_up, n,
           static_cast<int>(f), grid.chunks);
}

void to_bf16(cudaStream_t stream, bf16* y, const float* x, int64_t count) {
    convert("the conversion to bf16", stream, y, x, count);
}

void to_f32(cudaStream_t stream, float* y, const bf16* x, int64_t count) {
    convert("the conversion to fp32", stream, y, x, count);
}

}  // namespace r1::ops::cuda
