// The packed batch: the ragged sequences of one forward, without padding, and where their keys and values
// lie.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/device.h"

namespace r1::ops {

namespace cuda {
struct Batch;
struct RowGroups;
}  // namespace cuda

// Keys and values are kept in pages of kPage tokens at absolute positions 0, kPage, 2·kPage, … of their
// sequence. A page is also the block of the attention's online softmax, so no cut of a sequence moves a
// block's edge.
inline constexpr int kPage = 32;

// N tokens in B segments. A segment is a run of consecutive tokens of one sequence; it attends to that
// sequence's pages from position 0 to each token's own position. Pages may be shared: a group's prompt is
// written once and read by each of its samples. A token whose page every sample must own (the last,
// part-filled one of a prompt) is written to several slots.
struct PackedBatch {
    std::vector<int32_t> ids;           // [N]
    std::vector<int32_t> positions;     // [N]
    std::vector<int32_t> slot_offsets;  // [N+1] token n writes its key and value to
    std::vector<int32_t>
        slots;  //       slots[slot_offsets[n] … slot_offsets[n+1]), slot = page·kPage + offset
    std::vector<int32_t> cu_seqlens;     // [B+1] segment b is the tokens cu_seqlens[b] … cu_seqlens[b+1]
    std::vector<int32_t> table_offsets;  // [B+1] page p of segment b is
    std::vector<int32_t> table;          //       table[table_offsets[b] + p]

    PackedBatch() { clear(); }
    void clear() {
        ids.clear(), positions.clear(), slots.clear(), table.clear();
        slot_offsets.assign(1, 0), cu_seqlens.assign(1, 0), table_offsets.assign(1, 0);
    }
    int64_t tokens() const { return static_cast<int64_t>(ids.size()); }
    int64_t segments() const { return static_cast<int64_t>(cu_seqlens.size()) - 1; }
};

// Throws if the batch is inconsistent or reaches outside of a cache of `pages`.
void check_batch(const PackedBatch& batch, int64_t pages);

// What ops take: the batch on the host, and on CUDA its copy there (ops/uploaded_batch.h).
struct BatchView {
    BatchView(const PackedBatch& batch) : host(&batch) {}
    BatchView(const PackedBatch& batch, const cuda::Batch& on_device) : host(&batch), device(&on_device) {}
    const PackedBatch* host;
    const cuda::Batch* device = nullptr;
};

// Token ids or rows, by which an op reads or adds. On CUDA they lie there as well; an op that adds also needs
// them sorted by destination.
struct Indices {
    Indices() = default;
    Indices(std::span<const int32_t> values) : host(values) {}
    Indices(const std::vector<int32_t>& values) : host(values) {}
    Indices(std::span<const int32_t> values, const int32_t* on_device,
            const cuda::RowGroups* by_row = nullptr)
        : host(values), device(on_device), groups(by_row) {}
    int64_t size() const { return static_cast<int64_t>(host.size()); }
    Indices part(int64_t begin, int64_t count) const {
        return {host.subspan(static_cast<size_t>(begin), static_cast<size_t>(count)),
                device ? device + begin : nullptr};
    }
    std::span<const int32_t> host;
    const int32_t* device = nullptr;
    const cuda::RowGroups* groups = nullptr;
};

// Keys and values of one layer. On the CPU in panels of 16 columns, so that both products of the attention
// run on the tile kernel of the matrix products: k [pages][Hkv][kPage/16][D][16] and v
// [pages][Hkv][ceil(D/16)][kPage][16]. On CUDA as bf16 [pages][Hkv][kPage][D]; their gradients are k and v,
// fp32 [pages][Hkv][kPage][D].
struct KvPages {
    float* k = nullptr;
    float* v = nullptr;
    int64_t pages = 0;
    int hkv = 0, d = 0;
    uint16_t* k_bf16 = nullptr;
    uint16_t* v_bf16 = nullptr;
    int64_t k_stride() const { return int64_t{hkv} * kPage * d; }  // floats a page
    int64_t v_stride() const { return int64_t{hkv} * kPage * ((d + 15) / 16 * 16); }
};

}  // namespace r1::ops
