#include "ops/batch.h"

#include "core/check.h"

namespace r1::ops {

void check_batch(const PackedBatch& batch, int64_t pages) {
    const int64_t n = batch.tokens();
    const auto size = static_cast<size_t>(n);
    check(batch.positions.size() == size && batch.slot_offsets.size() == size + 1 &&
              batch.cu_seqlens.back() == n && batch.table_offsets.size() == batch.cu_seqlens.size(),
          "attention: the packed batch of ", n, " tokens is inconsistent");
    for (int32_t slot : batch.slots)
        check(slot >= 0 && slot / kPage < pages, "attention: slot ", slot, " is outside ", pages, " pages");
    for (int32_t page : batch.table)
        check(page >= 0 && page < pages, "attention: page ", page, " is outside ", pages, " pages");
    for (int64_t b = 0; b < batch.segments(); ++b) {
        const auto i = static_cast<size_t>(b);
        const int32_t end = batch.cu_seqlens[i + 1];
        if (end <= batch.cu_seqlens[i]) continue;
        const int32_t last = batch.positions[static_cast<size_t>(end) - 1];
        const int32_t own = batch.table_offsets[i + 1] - batch.table_offsets[i];
        check(last / kPage < own, "attention: segment ", b, " reaches position ", last, " but has ", own,
              " pages");
    }
}

}  // namespace r1::ops
