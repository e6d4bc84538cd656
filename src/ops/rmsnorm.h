// RMSNorm over the last dimension:  y = (x · rstd) · w,  rstd = 1 / sqrt(mean_c(x[c]²) + eps)
// Sums run in 16 lanes (element c in lane c mod 16, ascending), then a fixed tree. Row n depends on row n
// alone. Ref     torch.nn.functional.rms_norm, transformers' LlamaRMSNorm
#pragma once
#include "core/stream.h"
#include "core/tensor.h"

namespace r1::ops {

void rmsnorm_forward(Stream& stream,
                     TensorView y,       // out [N, C] f32
                     TensorView rstd,    // out [N] f32, kept for the backward
                     ConstTensorView x,  // in  [N, C] f32
                     ConstTensorView w,  // in  [C] f32
                     float eps);
void rmsnorm_backward(Stream& stream,
                      TensorView dx,          // acc [N, C] f32: added to the gradient of the residual stream
                      TensorView dw,          // acc [C] f32, for n = 0, 1, 2, …
                      ConstTensorView dy,     // in  [N, C]
                      ConstTensorView x,      // in  [N, C]
                      ConstTensorView w,      // in  [C]
                      ConstTensorView rstd);  // in  [N]

// The same over each head of q and k in qkv [N, H+2·Hkv, D] (Qwen3); v is copied.
void qk_norm_forward(Stream& stream,
                     TensorView y,        // out [N, H+2·Hkv, D]
                     TensorView rstd,     // out [N, H+Hkv]
                     ConstTensorView x,   // in  [N, H+2·Hkv, D], not y
                     ConstTensorView wq,  // in  [D]
                     ConstTensorView wk,  // in  [D]
                     int heads,           //     H
                     float eps);
void qk_norm_backward(Stream& stream,
                      TensorView dx,         // out [N, H+2·Hkv, D]
                      TensorView dwq,        // acc [D]
                      TensorView dwk,        // acc [D]
                      ConstTensorView dy,    // in  [N, H+2·Hkv, D], not dx
                      ConstTensorView x,     // in
                      ConstTensorView wq,    // in
                      ConstTensorView wk,    // in
                      ConstTensorView rstd,  // in  [N, H+Hkv]
                      int heads);

}  // namespace r1::ops
