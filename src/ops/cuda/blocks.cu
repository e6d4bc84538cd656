// Parts of matrices, as the fused adapters need them.
#include <algorithm>

#include "core/cuda.h"
#include "ops/cuda/kernels.h"

namespace r1::ops::cuda {
namespace {

__global__ void add_block_kernel(float* to, int64_t to_stride, const float* from, int64_t from_stride,
                                 int64_t columns, float scale) {
    const int64_t row = blockIdx.y, column = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (column < columns) to[row * to_stride + column] += scale * from[row * from_stride + column];
}

}  // namespace

void add_block(cudaStream_t stream, float* to, int64_t to_stride, const float* from, int64_t from_stride,
               int64_t rows, int64_t columns, float scale) {
    constexpr int kThreads = 128;
    constexpr int64_t kMostRows = 65535;  // of a grid
    for (int64_t begin = 0; begin < rows; begin += kMostRows) {
        const dim3 grid(static_cast<unsigned>((columns + kThreads - 1) / kThreads),
                        static_cast<unsigned>(std::min(kMostRows, rows - begin)));
        add_block_kernel<<<grid, kThreads, 0, stream>>>(
            to + begin * to_stride, to_stride, from + begin * from_stride, from_stride, columns, scale);
    }
    check_launch("add_block");
}

}  // namespace r1::ops::cuda
