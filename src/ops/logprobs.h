// Log-softmax at chosen targets. With z = logits · inv_temperature:
//   lse = max z + log Σ_v exp(z[v] − max z),  logprob = z[target] − lse,  entropy = lse − Σ_v p[v] z[v]
// The sampler, the scorer and the trainer all use this one function.
// Ref     torch.log_softmax; TRL's selective_log_softmax and entropy_from_logits
#pragma once
#include "core/buffer.h"
#include "core/stream.h"
#include "core/tensor.h"
#include "ops/batch.h"

namespace r1::ops {

// Elements from one row of logits [R, V] to the next: V, on CUDA rounded up to a multiple of 8.
inline int64_t logits_stride(const Stream& stream, int64_t v) {
    return stream.on_cuda() ? (v + 7) / 8 * 8 : v;
}
// Logits [R, V] from the arena; and rows of them.
TensorView take_logits(Stream& stream, int64_t rows, int64_t v, Arena& arena);
TensorView logits_rows(Stream& stream, TensorView logits, int64_t begin, int64_t count);

void logprobs_forward(Stream& stream,
                      TensorView logprobs,     // out [R] f32, or empty (then no targets are needed)
                      TensorView lse,          // out [R] f32, of the scaled logits
                      TensorView entropy,      // out [R] f32, or empty
                      ConstTensorView logits,  // in  [R, V] f32; −inf marks what a filter removed
                      Indices targets,         // [R]
                      float inv_temperature);
// dlogits[v] = dlogprob · (1[v = target] − exp(z[v] − lse)) · inv_temperature
void logprobs_backward(Stream& stream,
                       TensorView dlogits,         // out [R, V], may be logits
                       ConstTensorView logits,     // in  [R, V]
                       Indices targets,            // [R]
                       ConstTensorView lse,        // in  [R]
                       ConstTensorView dlogprobs,  // in  [R]
                       float inv_temperature);

}  // namespace r1::ops
