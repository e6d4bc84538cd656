// Parts of matrices: rows that lie a stride apart.
#pragma once
#include "core/stream.h"

namespace r1::ops {

template <class T>
struct Block {
    T* data;
    int64_t stride;  // elements from one row to the next
};
// to[r, c] += scale · from[r, c]
void add_block(Stream& stream, Block<float> to, Block<const float> from, int64_t rows, int64_t columns,
               float scale);

}  // namespace r1::ops
