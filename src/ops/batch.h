// The packed batch: the ragged sequences of one forward, without padding, and where their keys and values
// lie.
#pragma once
#include <cstdint>
#include <vector>

namespace r1::ops {

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

// Keys and values of one layer. Panels of 16 columns, so that both products of the attention run on the tile
// kernel of the matrix products: k [pages][Hkv][kPage/16][D][16] and v [pages][Hkv][ceil(D/16)][kPage][16].
struct KvPages {
    float* k = nullptr;
    float* v = nullptr;
    int64_t pages = 0;
    int hkv = 0, d = 0;
    int64_t k_stride() const { return int64_t{hkv} * kPage * d; }  // floats a page
    int64_t v_stride() const { return int64_t{hkv} * kPage * ((d + 15) / 16 * 16); }
};

}  // namespace r1::ops
