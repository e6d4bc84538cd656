// What the attention kernels share: tiles of 64 keys or query rows in shared memory, and where rows, keys and
// query tiles lie.
//
// A tile is [rows][D] bf16 in panels of 64 columns: rows of 128 bytes whose 16-byte chunks are permuted by
// the row, chunk c of row r at c ^ (r % 8). That is the 128-byte swizzle of the Hopper matrix instructions,
// and ldmatrix reads it without bank conflicts.
#pragma once
#include "ops/batch.h"
#include "ops/cuda/common.cuh"
#include "ops/key_work.h"

namespace r1::ops::cuda::attention {

inline constexpr int kBlock = 64;  // keys of a block, at absolute positions 0, 64, 128, …

// Warpgroups that a multiprocessor has registers and shared memory for, in kernels that keep tiles of 64 × D.
template <int D>
inline constexpr int kResident = D == 64    ? 3
                                 : D == 128 ? 2
                                            : 1;

// ---- Tiles in shared memory

template <int kRows>
__device__ inline uint32_t tile_offset(int row, int chunk) {
    return static_cast<uint32_t>((chunk / 8) * (kRows * 128) + row * 128 + ((chunk ^ row) & 7) * 16);
}
// Copies 16 bytes to shared memory in the background, or zeros where nothing is to be read.
__device__ inline void copy16(uint32_t to, const void* from, bool read) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(read ? 16 : 0)
                 : "memory");
}
__device__ inline void copy8(uint32_t to, const void* from, bool read) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(to), "l"(from), "r"(read ? 8 : 0)
                 : "memory");
}
__device__ inline void end_copies() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}
// Waits until at most kPending of this thread's groups of copies are under way.
template <int kPending>
__device__ inline void wait_copies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

// 2^x to about 2 ulp, subnormal results are 0; 2^−inf = 0.
__device__ inline float exp2_fast(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// log2 x to about 2^−22; NaN of a NaN.
__device__ inline float log2_fast(float x) {
    float y;
    asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// ---- Where things lie

struct Shape {
    int heads, hkv, d;
    int group;            // heads that share a key-value head
    uint32_t reciprocal;  // ceil(2^32 / group)

    Shape(int heads_, int hkv_, int d_)
        : heads(heads_),
          hkv(hkv_),
          d(d_),
          group(heads_ / hkv_),
          reciprocal(static_cast<uint32_t>((uint64_t{1} << 32) / static_cast<uint64_t>(group) +
                                           ((uint64_t{1} << 32) % static_cast<uint64_t>(group) != 0))) {}
    // The query rows of a segment and a key-value head: row = token · group + head of the group. Exact below
    // 2^32 / group.
    __device__ int token(int row) const {
        return group == 1 ? row : static_cast<int>(__umulhi(static_cast<uint32_t>(row), reciprocal));
    }
    __device__ int64_t qkv_stride() const { return int64_t{heads + 2 * hkv} * d; }
};

struct Rows {
    int begin;     // the segment's first token
    int position;  // its position
    int count;     // rows of the segment
    int kv_head;

    // Index of (token, head) in arrays [N, H].
    __device__ int64_t stat(const Shape& shape, int row) const {
        const int token = shape.token(row);
        return int64_t{begin + token} * shape.heads + kv_head * shape.group + row - token * shape.group;
    }
    __device__ int position_of(const Shape& shape, int row) const { return position + shape.token(row); }
};

__device__ inline Rows segment_rows(const Batch& batch, const Shape& shape, int segment, int kv_head) {
    const int begin = batch.cu_seqlens[segment], tokens = batch.cu_seqlens[segment + 1] - begin;
    return {begin, tokens > 0 ? batch.positions[begin] : 0, tokens * shape.group, kv_head};
}

struct QueryTile {
    int segment = -1, row = 0;
};

// At most how many tiles of kRows rows a batch has.
inline int64_t tile_bound(const Batch& batch, const Shape& shape, int rows) {
    return batch.tokens * shape.group / rows +
           (batch.segments < batch.tokens ? batch.segments : batch.tokens);
}

// The tile with this index among the tiles of all segments that have at least `min_tokens` tokens; called by
// whole warps.
template <int kRows>
__device__ QueryTile find_tile(const Batch& batch, const Shape& shape, int index, int min_tokens) {
    const int lane = threadIdx.x % kWarp, segments = static_cast<int>(batch.segments);
    for (int base = 0; base < segments; base += kWarp) {
        const int segment = base + lane;
        int tiles = 0;
        if (segment < segments) {
            const int tokens = batch.cu_seqlens[segment + 1] - batch.cu_seqlens[segment];
            if (tokens >= min_tokens) tiles = (tokens * shape.group + kRows - 1) / kRows;
        }
        int sum = tiles;
#pragma unroll
        for (int width = 1; width < kWarp; width *= 2) {
            const int other = __shfl_up_sync(kAllLanes, sum, width);
            if (lane >= width) sum += other;
        }
        const unsigned later = __ballot_sync(kAllLanes, index < sum);
        if (later != 0) {
            const int source = __ffs(static_cast<int>(later)) - 1;
            const int before = __shfl_sync(kAllLanes, sum - tiles, source);
            return {base + source, (index - before) * kRows};
        }
        index -= __shfl_sync(kAllLanes, sum, kWarp - 1);
    }
    return {};
}

// ---- Loads of tiles by kThreads threads; each ends with nothing committed

// The pages of a key block of a sequence whose keys from `end` on are not there; page[1] < 0: none.
struct BlockPages {
    int page[2];
};
__device__ inline BlockPages block_pages(const int32_t* table, int block, int end) {
    const int left = end - block * kBlock;
    return {left > 0 ? table[block * 2] : 0, left > kPage ? table[block * 2 + 1] : -1};
}

// 64 keys of one head from two pages; keys from `count` on are zeros, and so are columns from d on.
template <int D, int kThreads>
__device__ inline void load_keys(uint32_t tile, const bf16* from, const Shape& shape, BlockPages pages,
                                 int kv_head, int count, int thread) {
    constexpr int kChunks = D / 8, kStep = kThreads / kChunks;
    const int chunk = thread % kChunks, first = thread / kChunks;
    const bool inside = chunk * 8 < shape.d;
    const int column = inside ? chunk * 8 : 0;
    const int64_t stride = int64_t{kPage} * shape.d;
    const int second = pages.page[1] < 0 ? pages.page[0] : pages.page[1];
    from += int64_t{kv_head} * stride + first * shape.d + column;
    const bf16* p = from + int64_t{pages.page[0]} * shape.hkv * stride;
    const uint32_t to = tile + tile_offset<kBlock>(first, chunk);
#pragma unroll
    for (int i = 0; i < kBlock; i += kStep) {
        if (i == kPage) p = from + int64_t{second} * shape.hkv * stride;
        copy16((to ^ (i % 8 * 16)) + i * 128, p, inside && first + i < count);
        p += kStep * shape.d;
    }
}

// 64 query rows from `row` on of one or several arrays, x[N][heads][d] with tokens `stride` elements apart;
// rows past the segment's are zeros.
struct RowSource {
    uint32_t tile;
    const bf16* x;
    int64_t stride;
};
template <int D, int kThreads, class... Sources>
__device__ inline void load_rows(const Shape& shape, const Rows& rows, int row, int thread,
                                 Sources... sources) {
    constexpr int kChunks = D / 8, kStep = kThreads / kChunks;
    const int chunk = thread % kChunks, first = thread / kChunks;
    const bool inside = chunk * 8 < shape.d;
    const int column = rows.kv_head * shape.group * shape.d + (inside ? chunk * 8 : 0);
    const uint32_t to = tile_offset<64>(first, chunk);
#pragma unroll
    for (int i = 0; i < 64; i += kStep) {
        const int r = min(row + first + i, rows.count - 1), token = shape.token(r);
        const bool read = inside && row + first + i < rows.count;
        const int offset = column + (r - token * shape.group) * shape.d;
        const int64_t n = rows.begin + token;
        (copy16(sources.tile + (to ^ (i % 8 * 16)) + i * 128, sources.x + (n * sources.stride + offset),
                read),
         ...);
    }
}

}  // namespace r1::ops::cuda::attention
