#include "ops/blocks.h"

#include "ops/cuda/dispatch.h"

namespace r1::ops {

void add_block(Stream& stream, Block<float> to, Block<const float> from, int64_t rows, int64_t columns,
               float scale) {
    if constexpr (kCuda) {
        if (stream.on_cuda())
            return cuda::add_block(cuda::stream_of(stream), to.data, to.stride, from.data, from.stride, rows,
                                   columns, scale);
    }
    for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < columns; ++c)
            to.data[r * to.stride + c] += scale * from.data[r * from.stride + c];
    }
}

}  // namespace r1::ops
