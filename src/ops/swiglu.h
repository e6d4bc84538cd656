// SwiGLU:  y = silu(gate) · up,  silu(g) = g / (1 + exp(−g)),  with gate and up side by side.
// Ref     transformers' LlamaMLP
#pragma once
#include "core/stream.h"
#include "core/tensor.h"
#include "ops/linear.h"

namespace r1::ops {

void swiglu_forward(Stream& stream,
                    TensorView y,              // out [N, F] f32
                    ConstTensorView gate_up);  // in  [N, 2F]: gate, then up
// The same behind the linear that makes gate_up; in one kernel where that is faster and gate_up is not kept.
void linear_swiglu_forward(Stream& stream,
                           TensorView y,        // out [N, F]
                           TensorView gate_up,  // out [N, 2F], unless `keep` is false
                           bool keep,
                           ConstTensorView x,      // in  [N, K]
                           const PackedWeight& w,  // in  [2F, K]
                           ConstTensorView bias);  // in  [2F], or empty
void swiglu_backward(Stream& stream,
                     TensorView dgate_up,       // out [N, 2F]
                     ConstTensorView dy,        // in  [N, F]
                     ConstTensorView gate_up);  // in  [N, 2F]

}  // namespace r1::ops
