// Rows by index, and their backward.
#include "ops/cuda/common.cuh"

namespace r1::ops::cuda {
namespace {

constexpr int kChains = 2;           // of a destination's sum, a warp each
constexpr int kUnroll = 8;           // sources in flight a chain
constexpr int kColumns = 8 * kWarp;  // of a block

template <bool kAligned>
__global__ void __launch_bounds__(256)
    gather_rows_kernel(bf16* y, const bf16* x, const int32_t* index, int64_t rows, int c, int chunks) {
    begin();
    const RowPlace place(chunks);
    const int left = c - place.column;
    if (place.row >= rows || left <= 0) return;
    const int64_t from = index[place.row];
    Floats<8> values;
    if (from >= 0) {
        values = load_upto<kAligned>(x + from * c + place.column, left);
    } else {
#pragma unroll
        for (int i = 0; i < 8; ++i) values.v[i] = __int_as_float(0x7fffffff);
    }
    store_upto<kAligned>(y + place.row * c + place.column, values, left);
}

__global__ void copy_numbers_kernel(int4* to, const int4* from, int64_t count, const int32_t* sources,
                                    const int32_t* drawn, int64_t continued) {
    begin();
    const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
    if (i >= count) return;
    const int4 four = from[i];
    int32_t numbers[] = {four.x, four.y, four.z, four.w};
#pragma unroll
    for (int j = 0; j < 4; ++j) {
        if (4 * i + j < continued && sources[4 * i + j] >= 0) numbers[j] = drawn[sources[4 * i + j]];
    }
    to[i] = make_int4(numbers[0], numbers[1], numbers[2], numbers[3]);
}

// A block has one destination and 256 columns of it: warp i sums the sources i, i + 2, …, 8 columns a lane;
// then the first threads add up the warps' sums, 8 columns each.
template <bool kAligned, class Out>
__global__ void __launch_bounds__(kChains* kWarp)
    scatter_add_rows_kernel(Out* dx, const bf16* dy, RowGroups groups, int c, int chunks) {
    __shared__ float sums[kChains][kColumns];
    begin();
    const unsigned group = blockIdx.x / static_cast<unsigned>(chunks);
    const int first = static_cast<int>(blockIdx.x - group * static_cast<unsigned>(chunks)) * kColumns;
    const int thread = static_cast<int>(threadIdx.x), warp = thread / kWarp, lane = thread % kWarp;
    const int left = c - first - lane * 8;
    const int32_t end = groups.offsets[group + 1];
    Out* to = dx + int64_t{groups.rows[group]} * c + first;
    Floats<8> sum{};
    for (int32_t at = groups.offsets[group] + warp; at < end; at += kChains * kUnroll) {
        Floats<8> values[kUnroll];
#pragma unroll
        for (int u = 0; u < kUnroll; ++u) {
            const int32_t source = at + u * kChains;
            const int64_t row = source < end ? groups.order[source] : 0;
            values[u] = load_upto<kAligned>(dy + row * c + first + lane * 8, source < end ? left : 0);
        }
#pragma unroll
        for (int u = 0; u < kUnroll; ++u) {
#pragma unroll
            for (int i = 0; i < 8; ++i) sum.v[i] += values[u].v[i];
        }
    }
    store<8>(&sums[warp][lane * 8], sum);
    __syncthreads();
    for (int column = thread * 8; column < min(kColumns, c - first); column += kChains * kWarp * 8) {
        Floats<8> total = load_upto<kAligned>(to + column, c - first - column);
#pragma unroll
        for (int i = 0; i < 8; ++i) total.v[i] += sums[0][column + i] + sums[1][column + i];
        store_upto<kAligned>(to + column, total, c - first - column);
    }
}

template <class Out>
void scatter_add(cudaStream_t stream, Out* dx, const bf16* dy, RowGroups groups, int64_t c) {
    const auto chunks = static_cast<int>(ceil_div(c, kColumns));
    const auto kernel =
        aligned_rows(c, dx, dy) ? scatter_add_rows_kernel<true, Out> : scatter_add_rows_kernel<false, Out>;
    launch("scatter_add_rows", stream, kernel, groups.count * chunks, dim3(kChains * kWarp), 0, dx, dy,
           groups, static_cast<int>(c), chunks);
}

}  // namespace

void copy_numbers(cudaStream_t stream, int32_t* to, const int32_t* from, int64_t count,
                  const int32_t* sources, const int32_t* drawn, int64_t continued) {
    check(count % 4 == 0 && aligned16(to) && aligned16(from), "copy numbers: ", count,
          " of them are no multiple of 16 bytes, or do not lie at one");
    launch("copy numbers", stream, copy_numbers_kernel, ceil_div(count / 4, 256), dim3(256), 0,
           reinterpret_cast<int4*>(to), reinterpret_cast<const int4*>(from), count / 4, sources, drawn,
           continued);
}

void gather_rows(cudaStream_t stream, bf16* y, const bf16* x, const int32_t* index, int64_t rows, int64_t c) {
    const RowGrid grid(rows, c);
    const auto kernel = aligned_rows(c, y, x) ? gather_rows_kernel<true> : gather_rows_kernel<false>;
    launch("gather_rows", stream, kernel, grid.blocks, grid.block, 0, y, x, index, rows, static_cast<int>(c),
           grid.chunks);
}

void scatter_add_rows(cudaStream_t stream, bf16* dx, const bf16* dy, RowGroups groups, int64_t c) {
    scatter_add(stream, dx, dy, groups, c);
}

void scatter_add_rows(cudaStream_t stream, float* dx, const bf16* dy, RowGroups groups, int64_t c) {
    scatter_add(stream, dx, dy, groups, c);
}

}  // namespace r1::ops::cuda
