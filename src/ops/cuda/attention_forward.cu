// Attention forward. Two kernels, one arithmetic (attention_block.cuh):
//   prefill   a warpgroup takes 64 rows of a segment (a row is a token and a head of a group) and walks the
//   key
//             blocks from 0, folding each into accumulators in registers
//   decode    a cluster of up to 8 thread blocks takes one token and key-value head; each warp computes
//             another key block, the results meet in shared memory and are folded in ascending order
// Which one runs, and how many warps and thread blocks share a token's keys, is chosen for speed alone.
#include <algorithm>

#include "ops/cuda/attention_block.cuh"
#include "ops/cuda/wgmma.cuh"

namespace r1::ops::cuda {
namespace {

using namespace attention;

struct Forward {
    bf16* out;
    float* lse;
    const bf16* qkv;
    const bf16* k;
    const bf16* v;
    Batch batch;
    Shape shape;
    float scale, c;  // c = scale · log2 e
    int min_tokens;  // prefill takes segments of at least so many tokens …
    int max_tokens;  // … and decode those of at most so many
    int tiles;       // upper bound of the query tiles
    // Whether a decoded token's predecessors may be read before the kernels before have ended: in a graph
    // each segment has one token.
    bool early;
};

// ---- Prefill and training: a warpgroup a tile of 64 rows. While the block's values are folded, the scores
// of the next block are computed; the block after that is on its way.

constexpr int kPrefillThreads = 128, kPrefillRows = 64, kStages = 3;

template <int D>
constexpr size_t kPrefillShared = 1024 + (kPrefillRows + 2 * kStages * kBlock) * D * sizeof(bf16);

template <int D>
__global__ void __launch_bounds__(kPrefillThreads, kResident<D>) prefill(const Forward at) {
    constexpr uint32_t kTileBytes = kBlock * D * sizeof(bf16);
    constexpr int kWidth = D == 128 ? 128 : 64;  // columns that one product writes
    begin();
    const Shape& shape = at.shape;
    const int tile_index = static_cast<int>(blockIdx.x) / shape.hkv;
    const QueryTile tile = find_tile<kPrefillRows>(at.batch, shape, at.tiles - 1 - tile_index, at.min_tokens);
    if (tile.segment < 0) return;
    const int thread = threadIdx.x, warp = thread / kWarp, lane = thread % kWarp;
    const Rows rows = segment_rows(at.batch, shape, tile.segment, static_cast<int>(blockIdx.x) % shape.hkv);
    const int last_row = min(tile.row + kPrefillRows, rows.count) - 1;
    const int end = rows.position_of(shape, last_row) + 1;
    const int blocks = (end + kBlock - 1) / kBlock;
    const int32_t* table = at.batch.table + at.batch.table_offsets[tile.segment];

    extern __shared__ uint8_t unaligned[];
    uint8_t* memory = tiles_begin(unaligned);
    const uint32_t queries = shared_address(memory), keys = queries + kTileBytes,
                   values = keys + kStages * kTileBytes;
    load_rows<D, kPrefillThreads>(shape, rows, tile.row, thread,
                                  RowSource{queries, at.qkv, shape.qkv_stride()});
    BlockPages pages = block_pages(table, 0, end);
    const auto load = [&](int block) {
        if (block < blocks) {
            const uint32_t stage = block % kStages * kTileBytes;
            const int count = end - block * kBlock;
            load_keys<D, kPrefillThreads>(keys + stage, at.k, shape, pages, rows.kv_head, count, thread);
            load_keys<D, kPrefillThreads>(values + stage, at.v, shape, pages, rows.kv_head, count, thread);
            pages = block_pages(table, block + 1, end);
        }
        end_copies();
    };
    load(0);
    load(1);

    // Rows past the last one are computed as if they were it, and not written.
    int position[2];
#pragma unroll
    for (int half = 0; half < 2; ++half)
        position[half] = rows.position_of(shape, min(tile.row + warp * 16 + half * 8 + lane / 4, last_row));
    const int first_position = rows.position_of(shape, tile.row);

    wait_copies<1>();
    publish_copies();
    __syncthreads();
    Scores z;
    begin_products();
    multiply_transposed<D>(z, queries, keys);
    end_products();

    Running running[2];
    float o[D / kWidth][kWidth / 8][4] = {};
    for (int block = 0; block < blocks; ++block) {
        wait_products<0>(z);
        const int first = block * kBlock;
        if (first + kBlock - 1 > first_position) mask(z, first, position, lane);
        float max[2], sum[2];
        block_softmax(z, at.c, max, sum);
        float2 factors[2];
#pragma unroll
        for (int half = 0; half < 2; ++half) factors[half] = running[half].fold(max[half], sum[half], at.c);
        Weights weights;
        pack(weights, z);
        wait_copies<0>();
        publish_copies();
        __syncthreads();  // the next block has come, and all are done with the one before this
        load(block + 2);
#pragma unroll
        for (int part = 0; part < D / kWidth; ++part) {
            float block_o[kWidth / 8][4];
            begin_products();
            multiply_rows<false, kWidth>(block_o, weights, values + block % kStages * kTileBytes,
                                         part * kWidth);
            end_products();
            if (part == D / kWidth - 1 && block + 1 < blocks) {
                begin_products();
                multiply_transposed<D>(z, queries, keys + (block + 1) % kStages * kTileBytes);
                end_products();
                wait_products<1>(block_o);
            } else {
                wait_products<0>(block_o);
            }
#pragma unroll
            for (int n = 0; n < kWidth / 8; ++n)
#pragma unroll
                for (int i = 0; i < 4; ++i)
                    o[part][n][i] = fold(o[part][n][i], block_o[n][i], factors[i / 2]);
        }
    }

    // Through the warp's own rows of the query tile, so that global memory is written 16 bytes at a time.
    wait_products<0>();
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        const int local = warp * 16 + half * 8 + lane / 4;
        const float reciprocal = __frcp_rn(running[half].sum);
#pragma unroll
        for (int n = 0; n < D / 8; ++n) {
            const float(&from)[4] = o[n / (kWidth / 8)][n % (kWidth / 8)];
            *reinterpret_cast<uint32_t*>(memory + tile_offset<kPrefillRows>(local, n) + lane % 4 * 4) =
                narrow2(finish(from[2 * half], reciprocal), finish(from[2 * half + 1], reciprocal));
        }
        if (lane % 4 == 0 && tile.row + local <= last_row)
            at.lse[rows.stat(shape, tile.row + local)] = running[half].lse(at.scale);
    }
    __syncwarp();
#pragma unroll 4
    for (int i = lane; i < 16 * (D / 8); i += kWarp) {
        const int local = warp * 16 + i / (D / 8), chunk = i % (D / 8);
        if (tile.row + local > last_row || chunk * 8 >= shape.d) continue;
        *reinterpret_cast<uint4*>(at.out + rows.stat(shape, tile.row + local) * shape.d + chunk * 8) =
            *reinterpret_cast<const uint4*>(memory + tile_offset<kPrefillRows>(local, chunk));
    }
}

// ---- Decode

constexpr int kMaxHeads = 16;  // heads of a group that one cluster takes: the rows of a matrix product

// Shared memory of a decode block: a tile of keys and one of values a warp, the queries, then fp32.
template <int D>
struct DecodeLayout {
    static constexpr int kStride = D + 8;  // of a block's values: rows 8 banks apart
    int warps, cluster, heads;
    __host__ __device__ size_t values() const { return size_t(warps) * kBlock * D * sizeof(bf16); }
    __host__ __device__ size_t queries() const { return 2 * values(); }
    __host__ __device__ size_t parts() const { return queries() + 16 * D * sizeof(bf16); }
    __host__ __device__ size_t stats() const {
        return parts() + size_t(warps) * heads * kStride * sizeof(float);
    }
    __host__ __device__ size_t factors() const { return stats() + size_t(warps) * heads * sizeof(float2); }
    __host__ __device__ size_t sums() const {
        return (factors() + size_t(cluster) * warps * heads * sizeof(float2) + 15) / 16 * 16;
    }
    __host__ __device__ size_t bytes() const { return sums() + size_t(heads) * (D + 4) * sizeof(float); }
};

// The key and the value of the token itself, which a kernel of the same graph has written.
template <int D>
struct Newest {
    static constexpr int kChunks = D / 8, kVectors = (2 * kChunks + kWarp - 1) / kWarp;
    uint4 x[kVectors];
    __device__ void load(const Forward& at, BlockPages pages, int kv_head, int position, int lane) {
        const int page = position % kBlock < kPage ? pages.page[0] : pages.page[1];
        const int64_t row = (int64_t{page} * at.shape.hkv + kv_head) * kPage + position % kPage;
#pragma unroll
        for (int i = 0; i < kVectors; ++i) {
            const int vector = lane + i * kWarp, chunk = vector % kChunks;
            const bf16* from = vector < kChunks ? at.k : at.v;
            x[i] = {};
            if (vector < 2 * kChunks && chunk * 8 < at.shape.d)
                x[i] = *reinterpret_cast<const uint4*>(from + row * at.shape.d + chunk * 8);
        }
    }
    // Into tiles of keys and values.
    __device__ void store(uint8_t* keys, uint8_t* values, int row, int lane) const {
#pragma unroll
        for (int i = 0; i < kVectors; ++i) {
            const int vector = lane + i * kWarp;
            if (vector < 2 * kChunks)
                *reinterpret_cast<uint4*>((vector < kChunks ? keys : values) +
                                          tile_offset<kBlock>(row, vector % kChunks)) = x[i];
        }
    }
};

template <int D>
__global__ void __launch_bounds__(128) decode(const Forward at) {
    constexpr uint32_t kTileBytes = kBlock * D * sizeof(bf16);
    constexpr int kVectors = D / 4;
    using Layout = DecodeLayout<D>;
    if (!at.early) await();
    const Cluster cluster = this_cluster();
    const int members = static_cast<int>(gridDim.x), rank = static_cast<int>(blockIdx.x);
    const int warps = static_cast<int>(blockDim.x) / kWarp;
    const int thread = threadIdx.x, warp = thread / kWarp, lane = thread % kWarp;
    const Shape& shape = at.shape;
    const int chunks = (shape.group + kMaxHeads - 1) / kMaxHeads;
    const int kv_head = static_cast<int>(blockIdx.y) / chunks;
    const int first_head = static_cast<int>(blockIdx.y) % chunks * kMaxHeads;
    const int heads = min(kMaxHeads, shape.group - first_head);  // of this cluster
    const int segment = static_cast<int>(blockIdx.z);
    const int begin_token = at.batch.cu_seqlens[segment], end_token = at.batch.cu_seqlens[segment + 1];
    if (end_token - begin_token > at.max_tokens) return;
    const int32_t* table = at.batch.table + at.batch.table_offsets[segment];

    extern __shared__ __align__(128) uint8_t memory[];
    const Layout layout{warps, members, min(kMaxHeads, shape.group)};
    const uint32_t keys = shared_address(memory) + warp * kTileBytes,
                   values = keys + static_cast<uint32_t>(layout.values()),
                   queries = shared_address(memory + layout.queries());
    float* parts = reinterpret_cast<float*>(memory + layout.parts());
    float2* stats = reinterpret_cast<float2*>(memory + layout.stats());
    float2* factors = reinterpret_cast<float2*>(memory + layout.factors());
    float* sums = reinterpret_cast<float*>(memory + layout.sums());
    float* row_sums = sums + layout.heads * D;
    const auto meet = [&] {
        if (members == 1) {
            __syncthreads();
        } else {
            cluster.sync();
        }
    };
    const auto of = [&](auto* p, int member) {
        return members == 1 ? p : cluster.map_shared_rank(p, static_cast<unsigned>(member));
    };

    for (int token = begin_token; token < end_token; ++token) {
        const int position = at.batch.positions[token], end = position + 1;
        const int blocks = position / kBlock + 1, round = members * warps;
        const int own = rank * warps + warp;  // this warp's block of each round
        const bf16* q =
            at.qkv + token * shape.qkv_stride() + (int64_t{kv_head} * shape.group + first_head) * shape.d;
        BlockPages pages = block_pages(table, own, end);
        const auto load = [&](uint32_t tile, const bf16* from, int block, int known) {
            if (block < blocks)
                load_keys<D, kWarp>(tile, from, shape, pages, kv_head, known - block * kBlock, lane);
            end_copies();
        };
        const int known = at.early ? position : end;
        load(keys, at.k, own, known);
        load(values, at.v, own, known);
        if (at.early) await();
        for (int i = thread; i < 16 * (D / 8); i += static_cast<int>(blockDim.x)) {
            const int row = i / (D / 8), chunk = i % (D / 8);
            const bool read = row < heads && chunk * 8 < shape.d;
            copy16(queries + tile_offset<16>(row, chunk), q + (read ? row * shape.d + chunk * 8 : 0), read);
        }
        end_copies();
        Newest<D> newest;
        const bool has_newest = at.early && own == blocks - 1;
        if (has_newest) newest.load(at, pages, kv_head, position, lane);
        wait_copies<0>();
        __syncwarp();
        if (has_newest)
            newest.store(memory + warp * kTileBytes, memory + layout.values() + warp * kTileBytes,
                         position % kBlock, lane);
        __syncthreads();
        // what the next kernel brings would delay the loads before
        announce();

        Running running;  // of row `thread`
        for (int base = 0; base < blocks; base += round) {
            const int block = base + own;
            wait_copies<1>();
            __syncwarp();
            Scores z;
            if (block < blocks) block_scores<D>(z, queries, keys, lane);
            __syncwarp();
            pages = block_pages(table, block + round, end);
            load(keys, at.k, block + round, end);
            wait_copies<1>();
            __syncwarp();
            if (block < blocks) {
                const int positions[2] = {position, position};
                if (block * kBlock + kBlock - 1 > position) mask(z, block * kBlock, positions, lane);
                float max[2], sum[2];
                block_softmax(z, at.c, max, sum);
                Weights weights;
                pack(weights, z);
                block_values<D>(weights, values, lane, [&](int n, const float(&o)[4]) {
#pragma unroll
                    for (int half = 0; half < 2; ++half) {
                        const int row = half * 8 + lane / 4;
                        if (row < heads)
                            *reinterpret_cast<float2*>(parts + (warp * layout.heads + row) * Layout::kStride +
                                                       n * 8 + lane % 4 * 2) =
                                make_float2(o[2 * half], o[2 * half + 1]);
                    }
                });
#pragma unroll
                for (int half = 0; half < 2; ++half) {
                    const int row = half * 8 + lane / 4;
                    if (lane % 4 == 0 && row < heads)
                        stats[warp * layout.heads + row] = make_float2(max[half], sum[half]);
                }
            }
            __syncwarp();
            load(values, at.v, block + round, end);
            meet();
            const int count = min(round, blocks - base);
            for (int i = thread; i < count * heads; i += static_cast<int>(blockDim.x)) {
                const int j = i / heads, row = i % heads;
                factors[j * layout.heads + row] = of(stats, j / warps)[j % warps * layout.heads + row];
            }
            __syncthreads();
            if (thread < heads) {
                for (int j = 0; j < count; ++j) {
                    float2& factor = factors[j * layout.heads + thread];
                    factor = running.fold(factor.x, factor.y, at.c);
                }
                row_sums[thread] = running.sum;
            }
            __syncthreads();
            // Each thread block of the cluster folds every members-th vector of the outputs.
            const bool last = base + round >= blocks;
            for (int i = rank * static_cast<int>(blockDim.x) + thread; i < heads * kVectors;
                 i += round * kWarp) {
                const int row = i / kVectors, column = i % kVectors * 4;
                float4* sum = reinterpret_cast<float4*>(sums + row * D + column);
                float4 o = base == 0 ? make_float4(0.0f, 0.0f, 0.0f, 0.0f) : *sum;
                for (int j = 0; j < count; j += 4) {  // four loads at a time: they may come from far
                    float4 part[4];
                    int member = j / warps, w = j % warps;
#pragma unroll
                    for (int u = 0; u < 4; ++u) {
                        if (j + u < count)
                            part[u] = *reinterpret_cast<const float4*>(
                                of(parts, member) + (w * layout.heads + row) * Layout::kStride + column);
                        if (++w == warps) w = 0, ++member;
                    }
#pragma unroll
                    for (int u = 0; u < 4; ++u) {
                        if (j + u >= count) break;
                        const float2 factor = factors[(j + u) * layout.heads + row];
                        o = make_float4(fold(o.x, part[u].x, factor), fold(o.y, part[u].y, factor),
                                        fold(o.z, part[u].z, factor), fold(o.w, part[u].w, factor));
                    }
                }
                if (!last) {
                    *sum = o;
                } else if (column < shape.d) {
                    const float r = __frcp_rn(row_sums[row]);
                    const int64_t stat =
                        int64_t{token} * shape.heads + kv_head * shape.group + first_head + row;
                    *reinterpret_cast<uint2*>(at.out + stat * shape.d + column) = make_uint2(
                        narrow2(finish(o.x, r), finish(o.y, r)), narrow2(finish(o.z, r), finish(o.w, r)));
                }
            }
            meet();
        }
        if (rank == 0 && thread < heads)
            at.lse[int64_t{token} * shape.heads + kv_head * shape.group + first_head + thread] =
                running.lse(at.scale);
    }
}

// ---- Launches

template <int D>
void launch_prefill(cudaStream_t stream, const Forward& at) {
    allow_shared("attention forward", prefill<D>, kPrefillShared<D>);
    Forward tiled = at;
    tiled.tiles = static_cast<int>(tile_bound(at.batch, at.shape, kPrefillRows));
    launch("attention forward", stream, prefill<D>, int64_t{tiled.tiles} * at.shape.hkv,
           dim3(kPrefillThreads), kPrefillShared<D>, tiled);
}

// As many warps as let the tiles of several thread blocks lie in a multiprocessor's shared memory, and thread
// blocks a token until the device is full or every key block of the longest has a warp.
template <int D>
void launch_decode(cudaStream_t stream, const Forward& at) {
    const int64_t longest = std::max<int64_t>(1, ceil_div(at.batch.longest, kBlock));
    const int chunks = static_cast<int>(ceil_div(at.shape.group, kMaxHeads));
    const int64_t units = at.batch.segments * at.shape.hkv * chunks;
    constexpr int64_t kFull = 264;  // thread blocks that keep a device busy
    const int64_t most_warps = D > 128 ? 1 : units < kFull ? 4 : D == 64 ? 2 : 3;
    constexpr int kMostMembers = 8;
    int warps = static_cast<int>(std::min(most_warps, longest)), members = 1;
    const auto shared_of = [&](int of_members) {
        return DecodeLayout<D>{warps, of_members, std::min(kMaxHeads, at.shape.group)}.bytes();
    };
    while (warps > 1 && shared_of(kMostMembers) > static_cast<size_t>(most_shared())) --warps;
    while (has_dependent_launch() && members < kMostMembers && members * warps < longest &&
           units * members * 2 <= kFull)
        members *= 2;
    const size_t shared = shared_of(members);
    allow_shared("attention decode", decode<D>, shared);
    launch_clusters("attention decode", stream, decode<D>,
                    dim3(static_cast<unsigned>(members), static_cast<unsigned>(at.shape.hkv * chunks),
                         static_cast<unsigned>(at.batch.segments)),
                    static_cast<unsigned>(members), dim3(static_cast<unsigned>(warps * kWarp)), shared, at);
}

// Segments of one token go to decode where there are many of them, all others to prefill.
template <int D>
void launch_forward(cudaStream_t stream, Forward at) {
    const int64_t tokens = at.batch.tokens, segments = at.batch.segments;
    constexpr int64_t kMostSegments = 65535;  // of a grid's third dimension
    at.min_tokens = 1, at.max_tokens = INT32_MAX;
    if (segments > kMostSegments || tokens > 64 * segments) return launch_prefill<D>(stream, at);
    if (tokens <= segments) {
        at.early = is_recorded(stream);
        return launch_decode<D>(stream, at);
    }
    at.min_tokens = 2, at.max_tokens = 1;
    launch_prefill<D>(stream, at);
    launch_decode<D>(stream, at);
}

}  // namespace

void attention_forward(cudaStream_t stream, bf16* out, float* lse, const bf16* qkv, KvPages kv,
                       const Batch& batch, int heads, float scale) {
    if (batch.tokens == 0) return;
    const Forward at{
        out, lse,       qkv, kv.k, kv.v, batch, Shape(heads, kv.hkv, kv.d), scale, scale * kLog2E,
        1,   INT32_MAX, 0,   false};
    if (kv.d <= 64) return launch_forward<64>(stream, at);
    if (kv.d <= 128) return launch_forward<128>(stream, at);
    launch_forward<256>(stream, at);
}

}  // namespace r1::ops::cuda
