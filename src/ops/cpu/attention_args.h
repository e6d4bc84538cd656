// Checks a packed batch against its pages once, and hands it to the kernels as raw pointers.
#pragma once
#include "core/tensor.h"
#include "ops/batch.h"
#include "ops/cpu/kernels.h"

namespace r1::ops::cpu {

// qkv [N, H+2·Hkv, D]
inline Attention attention_args(ConstTensorView qkv, const KvPages& kv, const PackedBatch& batch,
                                float scale) {
    const int64_t n = batch.tokens();
    const auto heads = static_cast<int>(qkv.dim(1)) - 2 * kv.hkv;
    check(qkv.shape.ndim == 3 && qkv.dim(0) == n && qkv.dim(2) == kv.d && kv.hkv > 0 && heads > 0 &&
              heads % kv.hkv == 0 && kv.d <= 512,
          "attention: qkv ", qkv, " does not fit ", n, " tokens, ", kv.hkv, " key-value heads of ", kv.d,
          " (at most 512) and a multiple of that many query heads");
    check_batch(batch, kv.pages);
    return {n,
            batch.segments(),
            heads,
            kv.hkv,
            kv.d,
            qkv.as<float>(),
            kv.k,
            kv.v,
            batch.positions.data(),
            batch.slot_offsets.data(),
            batch.slots.data(),
            batch.cu_seqlens.data(),
            batch.table_offsets.data(),
            batch.table.data(),
            scale};
}

}  // namespace r1::ops::cpu
