// Rotary position embedding, and the write of keys and values into their pages.
//   y[i] = x[i]·cos − x[i+D/2]·sin,  y[i+D/2] = x[i+D/2]·cos + x[i]·sin,  angle = position · inv_freq[i]
// Ref     transformers' apply_rotary_pos_emb (halves, not interleaved pairs); inv_freq and angle are rounded
// to
//         fp32 as there, cosine and sine are correct to fp32.
#pragma once
#include <span>

#include "core/stream.h"
#include "core/tensor.h"
#include "ops/batch.h"

namespace r1::ops {

// cos, sin [T, D/2] for positions 0 … T-1.
void rope_table(TensorView cos, TensorView sin, std::span<const float> inv_freq);

void rope_kv_forward(Stream& stream,
                     TensorView qkv,  // i/o [N, H+2·Hkv, D]: q and k are rotated in place
                     KvPages kv,      // out the batch's slots
                     BatchView batch,
                     ConstTensorView cos,  // in  [T, D/2], T above every position
                     ConstTensorView sin);
// Gathers the gradients of k and v from the pages' gradients (summed over a token's slots in their order)
// into dqkv, and rotates dq and dk back.
void rope_kv_backward(Stream& stream,
                      TensorView dqkv,  // i/o [N, H+2·Hkv, D]: dq in, dq dk dv out
                      KvPages dkv,      // in
                      BatchView batch, ConstTensorView cos, ConstTensorView sin);

}  // namespace r1::ops
