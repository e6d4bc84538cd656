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
    const auto size = static_cast<size_t>(n);
    check(batch.positions.size() == size && batch.slot_offsets.size() == size + 1 &&
              batch.cu_seqlens.back() == n && batch.table_offsets.size() == batch.cu_seqlens.size(),
          "attention: the packed batch of ", n, " tokens is inconsistent");
    for (int32_t slot : batch.slots) {
        check(slot >= 0 && slot / kPage < kv.pages, "attention: slot ", slot, " is outside ", kv.pages,
              " pages");
    }
    for (int32_t page : batch.table) {
        check(page >= 0 && page < kv.pages, "attention: page ", page, " is outside ", kv.pages, " pages");
    }
    for (int64_t b = 0; b < batch.segments(); ++b) {
        const auto i = static_cast<size_t>(b);
        const int32_t end = batch.cu_seqlens[i + 1];
        if (end <= batch.cu_seqlens[i]) continue;
        const int32_t last = batch.positions[static_cast<size_t>(end) - 1];
        const int32_t pages = batch.table_offsets[i + 1] - batch.table_offsets[i];
        check(last / kPage < pages, "attention: segment ", b, " reaches position ", last, " but has ", pages,
              " pages");
    }
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
