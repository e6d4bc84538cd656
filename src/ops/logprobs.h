// Log-softmax at chosen targets. With z = logits · inv_temperature:
//   lse = max z + log Σ_v exp(z[v] − max z),  logprob = z[target] − lse,  entropy = lse − Σ_v p[v] z[v]
// The sampler, the scorer and the trainer all use this one function.
// Ref     torch.log_softmax; TRL's selective_log_softmax and entropy_from_logits
#pragma once
#include <span>

#include "core/stream.h"
#include "core/tensor.h"

namespace r1::ops {

void logprobs_forward(Stream& stream,
                      TensorView logprobs,               // out [R] f32, or empty (then no targets are needed)
                      TensorView lse,                    // out [R] f32, of the scaled logits
                      TensorView entropy,                // out [R] f32, or empty
                      ConstTensorView logits,            // in  [R, V] f32; −inf marks what a filter removed
                      std::span<const int32_t> targets,  // [R]
                      float inv_temperature);
// dlogits[v] = dlogprob · (1[v = target] − exp(z[v] − lse)) · inv_temperature
void logprobs_backward(Stream& stream,
                       TensorView dlogits,                // out [R, V], may be logits
                       ConstTensorView logits,            // in  [R, V]
                       std::span<const int32_t> targets,  // [R]
                       ConstTensorView lse,               // in  [R]
                       ConstTensorView dlogprobs,         // in  [R]
                       float inv_temperature);

}  // namespace r1::ops
