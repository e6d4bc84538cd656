// SwiGLU:  y = silu(gate) · up,  silu(g) = g / (1 + exp(−g)),  with gate and up side by side.
// Ref     transformers' LlamaMLP
#pragma once
#include "core/stream.h"
#include "core/tensor.h"

namespace r1::ops {

void swiglu_forward(Stream& stream,
                    TensorView y,              // out [N, F] f32
                    ConstTensorView gate_up);  // in  [N, 2F]: gate, then up
void swiglu_backward(Stream& stream,
                     TensorView dgate_up,       // out [N, 2F]
                     ConstTensorView dy,        // in  [N, F]
                     ConstTensorView gate_up);  // in  [N, 2F]

}  // namespace r1::ops
