// y = x Wᵀ + bias + residual, with weights packed for the processor.
// Chain   each output is one fp32 accumulator that starts at 0 and takes x[m,k]·W[n,k] by FMA for k = 0, 1,
// 2, …;
//         then bias, then residual are added. So a row's bits do not depend on M, on the tile or on the
//         threads.
// Ref     torch.nn.functional.linear
#pragma once
#include "core/buffer.h"
#include "core/stream.h"
#include "core/tensor.h"

namespace r1::ops {

// W [N, K]. On the CPU as panels [ceil(N/16)][K][16], fp32 or bf16 (rounded to nearest even); lanes past N
// are 0. On CUDA bf16 as it is, [N][K], or where it is transposed [K][N].
struct PackedWeight {
    const void* data = nullptr;
    DType dtype = DType::f32;
    int64_t n = 0, k = 0;
    bool transposed = false;
};
// What linear_forward takes for dx = dy W, where `w` lies on CUDA: the same memory.
inline PackedWeight transposed(const PackedWeight& w) {
    return {w.data, w.dtype, w.k, w.n, !w.transposed};
}
size_t packed_bytes(DType dtype, int64_t n, int64_t k);

// Packs w [N, K] f32. With `transposed`, packs wᵀ [K, N] instead: the weight of the backward with respect to
// x.
PackedWeight pack_weight(Stream& stream,
                         void* out,          // out packed_bytes(dtype, N, K), or (dtype, K, N)
                         DType dtype,        //     f32 or bf16
                         ConstTensorView w,  // in  [N, K] f32
                         bool transposed);

void linear_forward(Stream& stream,
                    TensorView y,           // out [M, N] f32; on CUDA bf16, or f32 logits (ops/logprobs.h)
                    ConstTensorView x,      // in  [M, K] f32; on CUDA bf16, as bias, residual and dy
                    const PackedWeight& w,  // in  [N, K]
                    ConstTensorView bias,   // in  [N] f32, or empty
                    ConstTensorView residual);  // in  [M, N] f32, or empty; not y

// On CUDA a row's bits rest on cuBLASLt, which promises nothing of the kind. This compares them, of many
// random rows and of fewer, as the forward (with its bias and residual) or as logits; where they differ,
// weights of this shape are multiplied by chains of plain fp32 from then on: exact, and slow. Returns whether
// they agree.
bool confirm_rows(Stream& stream, const PackedWeight& w, ConstTensorView bias, bool residual, bool logits);

// dx = dy W is linear_forward with the transposed pack. The other two, added for m = 0, 1, 2, … to what is
// there:
//   dw[n,k] += Σ_m dy[m,n] x[m,k]      dbias[n] += Σ_m dy[m,n]
void linear_backward_weight(Stream& stream,
                            TensorView dw,       // acc [N, K] f32
                            TensorView dbias,    // acc [N] f32, or empty
                            ConstTensorView dy,  // in  [M, N] f32
                            ConstTensorView x,   // in  [M, K] f32
                            Arena& workspace);

}  // namespace r1::ops
