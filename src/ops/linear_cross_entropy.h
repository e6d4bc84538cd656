// The language-model head and the log-probabilities of its targets, in chunks of rows: the logits of a batch
// are never held. Results do not depend on the chunk's size.
#pragma once
#include <span>

#include "ops/linear.h"
#include "ops/logprobs.h"
#include "ops/sample.h"

namespace r1::ops {

struct LinearCrossEntropy {
    PackedWeight head;             // [V, C]
    PackedWeight head_transposed;  // [C, V], for the backward
    float inv_temperature = 1.0f;
    LogitFilter filter;  // the set that the sampler drew from, if it was filtered
};

void linear_cross_entropy_forward(Stream& stream,
                                  TensorView logprobs,     // out [R]
                                  TensorView lse,          // out [R]
                                  TensorView entropy,      // out [R], or empty
                                  ConstTensorView hidden,  // in  [R, C]
                                  Indices targets,         // [R]
                                  const LinearCrossEntropy& op, Arena& workspace);
void linear_cross_entropy_backward(Stream& stream,
                                   TensorView dhidden,         // out [R, C]
                                   TensorView dhead,           // acc [V, C], or empty
                                   ConstTensorView hidden,     // in  [R, C]
                                   Indices targets,            // [R]
                                   ConstTensorView lse,        // in  [R]
                                   ConstTensorView dlogprobs,  // in  [R]
                                   const LinearCrossEntropy& op, Arena& workspace);

}  // namespace r1::ops
