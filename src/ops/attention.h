// Causal attention over paged keys and values, grouped heads (H a multiple of Hkv):
//   s[j] = (q · k[j]) · scale for j = 0 … position,  p = softmax(s),  out = Σ_j p[j] v[j],  lse = log Σ_j
//   exp(s[j])
// Online softmax by pages in ascending order: the maximum, 16 lanes of the sum, and fp32 chains over d and
// over j. A query's result depends on its own sequence alone, bit for bit, wherever prefill was cut or pages
// lie. Ref     torch.nn.functional.scaled_dot_product_attention; FlashAttention-2 for the backward
#pragma once
#include "core/buffer.h"
#include "core/stream.h"
#include "core/tensor.h"
#include "ops/batch.h"

namespace r1::ops {

void attention_forward(
    Stream& stream,
    TensorView out,       // out [N, H, D] f32
    TensorView lse,       // out [N, H] f32
    ConstTensorView qkv,  // in  [N, H+2·Hkv, D]: rotated q; k and v are read from the pages
    KvPages kv,           // in
    BatchView batch, float scale);
// Two passes that recompute p from lse: over queries for dq, over pages for dk and dv (each page by one
// thread, its readers in ascending order), so that the sums' order is fixed.
void attention_backward(Stream& stream,
                        TensorView dqkv,       // out [N, H+2·Hkv, D]: the q part; the others are left alone
                        KvPages dkv,           // out every page of the batch's tables
                        ConstTensorView dout,  // in  [N, H, D]
                        ConstTensorView out,   // in  [N, H, D]
                        ConstTensorView lse,   // in  [N, H]
                        ConstTensorView qkv,   // in
                        KvPages kv,            // in
                        BatchView batch, float scale, Arena& workspace);

}  // namespace r1::ops
