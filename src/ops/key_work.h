// How the attention's backward shares out the keys of a packed batch. Keys and values have an owner each, so
// that their gradients are summed in one order without atomics:
//   dk[page] = Σ over the segments that read the page, ascending, of (Σ over the segment's rows)
// Pages are taken two by two where the same segments read both. Pages of one reader are written at once; of
// several, each reader's sum is a partial result of its own (a prompt that 16 samples share is 17 pieces of
// work, not one long one), and the partial results are added afterwards.
#pragma once
#include <cstdint>
#include <vector>

#include "ops/batch.h"

namespace r1::ops {

struct KeyItem {
    int32_t page[2];  // page[1] < 0: only one
    int32_t segment;  // the reader
    int32_t index;    // of page[0] in the reader's table
    int32_t partial;  // where the sums go; < 0: into the pages
};
struct KeySum {
    int32_t page[2];
    int32_t first, count;  // of its partial results
};

struct KeyWork {
    std::vector<KeyItem> items;  // the most work first
    std::vector<KeySum> sums;
    int64_t partials = 0;
    explicit KeyWork(const PackedBatch& batch);
};

}  // namespace r1::ops
