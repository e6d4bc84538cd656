// Rounding to bf16 on the device.
#pragma once
#include "core/stream.h"
#include "core/tensor.h"

namespace r1::ops {

// y = x rounded to nearest even. On CUDA alone: on the CPU weights are packed (ops/linear.h).
void to_bf16(Stream& stream, TensorView y /* out [P] bf16 */, ConstTensorView x /* in [P] f32 */);

}  // namespace r1::ops
