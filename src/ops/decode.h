// Parts of a layer that the decode step of a few sequences on CUDA computes in one kernel each, as what
// counts there is the number of kernels. The bits are those of the ops one by one, of which nothing but the
// result is kept. Each returns false, and does nothing, where there is no such kernel: on the CPU, for many
// tokens, for shapes that it does not take.
#pragma once
#include "core/stream.h"
#include "core/tensor.h"
#include "ops/batch.h"
#include "ops/linear.h"

namespace r1::ops {

struct Norm {  // ops/rmsnorm.h
    ConstTensorView w;
    float eps;
};
// rmsnorm_forward, linear_forward, rope_kv_forward. Of qkv the queries alone are written; keys and values are
// in their pages.
bool norm_qkv_rope(Stream& stream,
                   TensorView qkv,                                          // out [N, H+2·Hkv, D]
                   ConstTensorView x,                                       // in  [N, C]
                   Norm norm, const PackedWeight& w, ConstTensorView bias,  // as linear_forward has them
                   KvPages kv, BatchView batch, ConstTensorView cos,
                   ConstTensorView sin);  // as rope_kv_forward has them
// rmsnorm_forward, linear_swiglu_forward.
bool norm_linear_swiglu(Stream& stream,
                        TensorView y,                                             // out [N, F]
                        ConstTensorView x,                                        // in  [N, C]
                        Norm norm, const PackedWeight& w, ConstTensorView bias);  // of gate_up

}  // namespace r1::ops
