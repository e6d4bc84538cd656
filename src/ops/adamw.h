// AdamW with fp32 master weights and bias correction, and the norm that clipping needs.
//   m = β1 m + (1−β1) g,  v = β2 v + (1−β2) g²,  w = w − lr·wd·w − lr · (m / (1−β1ᵗ)) / (sqrt(v / (1−β2ᵗ)) +
//   eps)
// Ref     torch.optim.AdamW
#pragma once
#include "core/buffer.h"
#include "core/stream.h"
#include "core/tensor.h"

namespace r1::ops {

struct AdamW {
    float learning_rate = 1e-6f, beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f, weight_decay = 0.0f;
    int64_t step = 1;         // t, from 1
    float grad_scale = 1.0f;  // g is the gradient times this (clipping)
};
void adamw_step(Stream& stream,
                TensorView w,          // i/o [P] f32
                TensorView m,          // i/o [P]
                TensorView v,          // i/o [P]
                ConstTensorView grad,  // in  [P]
                const AdamW& options,
                TensorView rounded = {});  // out [P] bf16: w for the forward; on CUDA alone, or empty

// Σ x², in blocks of 4096 (16 lanes of fp32 and a tree each), added up in double in ascending order.
double sum_of_squares(Stream& stream, ConstTensorView x /* in [P] f32 */, Arena& workspace);

}  // namespace r1::ops
