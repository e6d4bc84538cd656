// Attention backward, from the forward's out and lse:
//   p[i,j] = exp(scale · q[i]·k[j] − lse[i]),  delta[i] = dout[i] · out[i],
//   ds[i,j] = p (dout[i]·v[j] − delta[i]),
//   dq[i] = scale Σ_j ds k[j],  dk[j] = scale Σ_i ds q[i],  dv[j] = Σ_i p dout[i]
// Two passes recompute p: over query tiles for dq, and over pairs of pages for dk and dv (ops/key_work.h), so
// that each gradient has one owner, which adds in ascending order: nothing is summed by atomics. A row's dq
// depends on its own sequence alone; a key's dk and dv on the segments that read it.
#include "ops/cuda/attention_block.cuh"
#include "ops/cuda/wgmma.cuh"

namespace r1::ops::cuda {
namespace {

using namespace attention;

constexpr int kThreads = 128;  // one warpgroup
constexpr int kRows = 64;      // query rows of a tile

struct Backward {
    bf16* dqkv;
    float* dk;
    float* dv;
    const bf16* dout;
    const bf16* qkv;
    const bf16* k;
    const bf16* v;
    const float2* stats;  // [N, H]: lse · log2 e, delta
    float* partials;      // [key_partials][Hkv][dk, dv][64][D]
    Batch batch;
    Shape shape;
    float scale, c;  // c = scale · log2 e
    int tiles;       // upper bound of the query tiles
};

// ---- delta: 8 lanes a row

__global__ void __launch_bounds__(256)
    deltas(float2* stats, const bf16* dout, const bf16* out, const float* lse, int64_t rows, int d) {
    begin();
    const int64_t row = int64_t{blockIdx.x} * 32 + threadIdx.x / 8;
    const int lane = threadIdx.x % 8;
    float sum = 0.0f;
    if (row < rows) {
        for (int column = lane * 8; column < d; column += 64) {
            const auto a = load<8>(dout + row * d + column), b = load<8>(out + row * d + column);
#pragma unroll
            for (int i = 0; i < 8; ++i) sum = fmaf(a.v[i], b.v[i], sum);
        }
    }
    sum = warp_sum<8>(sum);
    if (lane == 0 && row < rows) stats[row] = make_float2(lse[row] * kLog2E, sum);
}

// ---- dq: a warpgroup takes 64 query rows and walks their key blocks.

template <int D>
constexpr size_t kQueryShared = 1024 + 6 * kBlock* D * sizeof(bf16);

template <int D>
__global__ void __launch_bounds__(kThreads, kResident<D>) query_gradients(const Backward at) {
    constexpr uint32_t kTileBytes = kBlock * D * sizeof(bf16);
    constexpr int kWidth = D < 128 ? D : 128;  // columns that one product writes
    begin();
    const Shape& shape = at.shape;
    const int tile_index = static_cast<int>(blockIdx.x) / shape.hkv;
    const QueryTile tile = find_tile<kRows>(at.batch, shape, at.tiles - 1 - tile_index, 1);
    if (tile.segment < 0) return;
    const int thread = threadIdx.x, warp = thread / kWarp, lane = thread % kWarp;
    const Rows rows = segment_rows(at.batch, shape, tile.segment, static_cast<int>(blockIdx.x) % shape.hkv);
    const int last_row = min(tile.row + kRows, rows.count) - 1;
    const int end = rows.position_of(shape, last_row) + 1;
    const int blocks = (end + kBlock - 1) / kBlock;
    const int32_t* table = at.batch.table + at.batch.table_offsets[tile.segment];

    extern __shared__ uint8_t unaligned[];
    uint8_t* memory = tiles_begin(unaligned);
    const uint32_t queries = shared_address(memory), douts = queries + kTileBytes;
    const auto stage_of = [&](int block) {  // keys, then values
        return queries + (2 + block % 2 * 2) * kTileBytes;
    };
    load_rows<D, kThreads>(shape, rows, tile.row, thread, RowSource{queries, at.qkv, shape.qkv_stride()},
                           RowSource{douts, at.dout, int64_t{shape.heads} * shape.d});
    BlockPages pages = block_pages(table, 0, end);
    const auto load = [&](int block) {
        if (block < blocks) {
            const uint32_t stage = stage_of(block);
            const int count = end - block * kBlock;
            load_keys<D, kThreads>(stage, at.k, shape, pages, rows.kv_head, count, thread);
            load_keys<D, kThreads>(stage + kTileBytes, at.v, shape, pages, rows.kv_head, count, thread);
            pages = block_pages(table, block + 1, end);
        }
        end_copies();
    };
    load(0);

    int position[2];
    float2 stat[2];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        const int row = min(tile.row + warp * 16 + half * 8 + lane / 4, last_row);
        position[half] = rows.position_of(shape, row);
        stat[half] = at.stats[rows.stat(shape, row)];
    }
    const int first_position = rows.position_of(shape, tile.row);
    float dq[D / kWidth][kWidth / 8][4] = {};
    for (int block = 0; block < blocks; ++block) {
        wait_copies<0>();
        publish_copies();
        __syncthreads();  // the block has come, and all are done with the stage that the next one takes
        const uint32_t stage = stage_of(block);
        float z[8][4], g[8][4], p[8][4];
        begin_products();
        multiply_transposed<D>(z, queries, stage);
        end_products();
        multiply_transposed<D>(g, douts, stage + kTileBytes);
        end_products();
        load(block + 1);
        wait_products<1>(z);
        const int first = block * kBlock;
        const bool masked = first + kBlock - 1 > first_position;
#pragma unroll
        for (int j = 0; j < 8; ++j) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                p[j][i] = exp2_fast(fmaf(z[j][i], at.c, -stat[i / 2].x));
                if (masked && first + j * 8 + lane % 4 * 2 + i % 2 > position[i / 2]) p[j][i] = 0.0f;
            }
        }
        wait_products<0>(g);
        Weights ds;
#pragma unroll
        for (int j = 0; j < 8; ++j) {
#pragma unroll
            for (int half = 0; half < 2; ++half)
                ds[j / 2][j % 2 * 2 + half] =
                    narrow2(p[j][2 * half] * (g[j][2 * half] - stat[half].y),
                            p[j][2 * half + 1] * (g[j][2 * half + 1] - stat[half].y));
        }
        begin_products();
#pragma unroll
        for (int part = 0; part < D / kWidth; ++part)
            multiply_rows<true, kWidth>(dq[part], ds, stage, part * kWidth);
        end_products();
#pragma unroll
        for (int part = 0; part < D / kWidth; ++part) wait_products<0>(dq[part]);
    }

    // Through the warp's own rows of the query tile, which no product reads any more.
    __syncthreads();
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        const int local = warp * 16 + half * 8 + lane / 4;
#pragma unroll
        for (int n = 0; n < D / 8; ++n) {
            const float(&from)[4] = dq[n / (kWidth / 8)][n % (kWidth / 8)];
            *reinterpret_cast<uint32_t*>(memory + tile_offset<kRows>(local, n) + lane % 4 * 4) =
                narrow2(from[2 * half] * at.scale, from[2 * half + 1] * at.scale);
        }
    }
    __syncwarp();
#pragma unroll 4
    for (int i = lane; i < 16 * (D / 8); i += kWarp) {
        const int local = warp * 16 + i / (D / 8), chunk = i % (D / 8), row = tile.row + local;
        if (row > last_row || chunk * 8 >= shape.d) continue;
        const int token = shape.token(row);
        bf16* to = at.dqkv + (rows.begin + token) * shape.qkv_stride() +
                   (int64_t{rows.kv_head} * shape.group + row - token * shape.group) * shape.d + chunk * 8;
        *reinterpret_cast<uint4*>(to) =
            *reinterpret_cast<const uint4*>(memory + tile_offset<kRows>(local, chunk));
    }
}

// ---- dk, dv: a warpgroup takes up to 64 keys of one reader and walks its query rows. Scores are transposed,
// [key][row], so that p and ds come out as left operands of the products with dout and q.

template <int D>
constexpr int kKeyColumns = D < 128 ? D : 128;  // of dk and dv that one thread block sums

template <int D>
constexpr size_t kKeyShared = 1024 + 6 * kBlock* D * sizeof(bf16) + 2 * kRows * sizeof(float2);

template <int D>
__global__ void __launch_bounds__(kThreads, kResident<D>) key_gradients(const Backward at) {
    constexpr uint32_t kTileBytes = kBlock * D * sizeof(bf16);
    constexpr int kColumns = kKeyColumns<D>, kParts = D / kColumns;
    begin();
    const Shape& shape = at.shape;
    const int unit = static_cast<int>(blockIdx.x) / kParts;
    const int column = static_cast<int>(blockIdx.x) % kParts * kColumns;
    const KeyItem item = at.batch.key_items[unit / shape.hkv];
    const int kv_head = unit % shape.hkv;
    const int thread = threadIdx.x, warp = thread / kWarp, lane = thread % kWarp;
    const Rows rows = segment_rows(at.batch, shape, item.segment, kv_head);
    const int start = item.index * kPage, keys_count = item.page[1] < 0 ? kPage : kBlock;
    // Tiles begin at multiples of kRows, so that a key's sums do not depend on how pages were paired.
    const int begin_row = max(0, start - rows.position) * shape.group / kRows * kRows;
    const int tiles = max(0, (rows.count - begin_row + kRows - 1) / kRows);

    extern __shared__ uint8_t unaligned[];
    uint8_t* memory = tiles_begin(unaligned);
    const uint32_t keys = shared_address(memory), values = keys + kTileBytes, queries = values + kTileBytes;
    float2* stats = reinterpret_cast<float2*>(memory + 6 * kTileBytes);
    const auto load = [&](int tile) {
        if (tile < tiles) {
            const int stage = tile % 2, row = begin_row + tile * kRows;
            const uint32_t to = queries + stage * 2 * kTileBytes;
            load_rows<D, kThreads>(shape, rows, row, thread, RowSource{to, at.qkv, shape.qkv_stride()},
                                   RowSource{to + kTileBytes, at.dout, int64_t{shape.heads} * shape.d});
            if (thread < kRows) {
                const bool read = row + thread < rows.count;
                copy8(shared_address(stats + stage * kRows + thread),
                      at.stats + (read ? rows.stat(shape, row + thread) : 0), read);
            }
        }
        end_copies();
    };
    if (tiles > 0) {
        const BlockPages pages{item.page[0], item.page[1]};
        // Keys behind the reader's last row may never have been written: zeros, for 0 · NaN is not 0.
        const int seen = min(keys_count, rows.position_of(shape, rows.count - 1) + 1 - start);
        load_keys<D, kThreads>(keys, at.k, shape, pages, kv_head, seen, thread);
        load_keys<D, kThreads>(values, at.v, shape, pages, kv_head, seen, thread);
        load(0);
    }

    // The first row that sees each of this thread's two keys, and the first that sees all keys.
    int first_row[2];
#pragma unroll
    for (int half = 0; half < 2; ++half)
        first_row[half] = max(0, start + warp * 16 + half * 8 + lane / 4 - rows.position) * shape.group;
    const int all_see = max(0, start + kBlock - 1 - rows.position) * shape.group;

    float dk[kColumns / 8][4] = {}, dv[kColumns / 8][4] = {};
    for (int tile = 0; tile < tiles; ++tile) {
        wait_copies<0>();
        publish_copies();
        __syncthreads();  // the tile has come, and all are done with the stage that the next one takes
        const uint32_t q = queries + tile % 2 * 2 * kTileBytes, dout = q + kTileBytes;
        float z[8][4], g[8][4], p[8][4];
        begin_products();
        multiply_transposed<D>(z, keys, q);
        end_products();
        multiply_transposed<D>(g, values, dout);
        end_products();
        load(tile + 1);
        wait_products<1>(z);
        const int row = begin_row + tile * kRows;
        const bool masked = row < all_see || row + kRows > rows.count;
        const float2* stat = stats + tile % 2 * kRows + lane % 4 * 2;
        Weights weights;
#pragma unroll
        for (int j = 0; j < 8; ++j) {
            const float lse[2] = {stat[j * 8].x, stat[j * 8 + 1].x};
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                p[j][i] = exp2_fast(fmaf(z[j][i], at.c, -lse[i % 2]));
                const int r = row + j * 8 + lane % 4 * 2 + i % 2;
                if (masked && (r < first_row[i / 2] || r >= rows.count)) p[j][i] = 0.0f;
            }
        }
        pack(weights, p);
        begin_products();
        multiply_rows<true, kColumns>(dv, weights, dout, column);
        end_products();
        wait_products<1>(g);
        Weights ds;
#pragma unroll
        for (int j = 0; j < 8; ++j) {
            const float delta[2] = {stat[j * 8].y, stat[j * 8 + 1].y};
#pragma unroll
            for (int half = 0; half < 2; ++half)
                ds[j / 2][j % 2 * 2 + half] = narrow2(p[j][2 * half] * (g[j][2 * half] - delta[0]),
                                                      p[j][2 * half + 1] * (g[j][2 * half + 1] - delta[1]));
        }
        begin_products();
        multiply_rows<true, kColumns>(dk, ds, q, column);
        end_products();
        wait_products<0>(dk, dv);
    }

#pragma unroll
    for (int half = 0; half < 2; ++half) {
        const int key = warp * 16 + half * 8 + lane / 4;
        if (key >= keys_count) continue;
        float *dk_row, *dv_row;
        if (item.partial < 0) {
            const int64_t offset =
                ((int64_t{key < kPage ? item.page[0] : item.page[1]} * shape.hkv + kv_head) * kPage +
                 key % kPage) *
                shape.d;
            dk_row = at.dk + offset;
            dv_row = at.dv + offset;
        } else {
            dk_row =
                at.partials + ((int64_t{item.partial} * shape.hkv + kv_head) * 2 * kBlock + key) * shape.d;
            dv_row = dk_row + kBlock * shape.d;
        }
#pragma unroll
        for (int n = 0; n < kColumns / 8; ++n) {
            const int to = column + n * 8 + lane % 4 * 2;
            if (to >= shape.d) continue;
            *reinterpret_cast<float2*>(dk_row + to) =
                make_float2(dk[n][2 * half] * at.scale, dk[n][2 * half + 1] * at.scale);
            *reinterpret_cast<float2*>(dv_row + to) = make_float2(dv[n][2 * half], dv[n][2 * half + 1]);
        }
    }
}

// ---- Pages with several readers: their partial results in ascending order

__global__ void __launch_bounds__(256) key_sums(const Backward at) {
    begin();
    const Shape& shape = at.shape;
    const KeySum sum = at.batch.key_sums[blockIdx.x / shape.hkv];
    const int kv_head = static_cast<int>(blockIdx.x) % shape.hkv;
    const int vectors = shape.d / 4, keys = sum.page[1] < 0 ? kPage : kBlock;
    for (int i = threadIdx.x; i < 2 * keys * vectors; i += blockDim.x) {
        const int which = i / (keys * vectors), rest = i % (keys * vectors);
        const int key = rest / vectors, column = rest % vectors * 4;
        const float* from =
            at.partials +
            ((int64_t{sum.first} * shape.hkv + kv_head) * 2 * kBlock + which * kBlock + key) * shape.d +
            column;
        float4 total = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        for (int reader = 0; reader < sum.count; ++reader) {
            const float4 x = *reinterpret_cast<const float4*>(from);
            total = make_float4(total.x + x.x, total.y + x.y, total.z + x.z, total.w + x.w);
            from += int64_t{shape.hkv} * 2 * kBlock * shape.d;
        }
        float* to =
            (which == 0 ? at.dk : at.dv) +
            ((int64_t{key < kPage ? sum.page[0] : sum.page[1]} * shape.hkv + kv_head) * kPage + key % kPage) *
                shape.d +
            column;
        *reinterpret_cast<float4*>(to) = total;
    }
}

template <int D>
void launch_passes(cudaStream_t stream, const Backward& at) {
    const Shape& shape = at.shape;
    allow_shared("attention backward", query_gradients<D>, kQueryShared<D>);
    allow_shared("attention backward", key_gradients<D>, kKeyShared<D>);
    launch("attention backward: dk, dv", stream, key_gradients<D>,
           at.batch.key_item_count * shape.hkv * (D / kKeyColumns<D>), dim3(kThreads), kKeyShared<D>, at);
    launch("attention backward: shared pages", stream, key_sums, at.batch.key_sum_count * shape.hkv,
           dim3(256), 0, at);
    launch("attention backward: dq", stream, query_gradients<D>, int64_t{at.tiles} * shape.hkv,
           dim3(kThreads), kQueryShared<D>, at);
}

size_t stats_bytes(const Batch& batch, int heads) {
    return static_cast<size_t>(ceil_div(batch.tokens * heads * 8, 256) * 256);
}

}  // namespace

size_t attention_backward_workspace(const Batch& batch, int heads, int hkv, int d) {
    return stats_bytes(batch, heads) +
           static_cast<size_t>(batch.key_partials * hkv * 2 * kBlock * d) * sizeof(float);
}

void attention_backward(cudaStream_t stream, bf16* dqkv, float* dk, float* dv, const bf16* dout,
                        const bf16* out, const float* lse, const bf16* qkv, KvPages kv, const Batch& batch,
                        int heads, float scale, void* workspace) {
    auto* stats = static_cast<float2*>(workspace);
    auto* partials = reinterpret_cast<float*>(static_cast<uint8_t*>(workspace) + stats_bytes(batch, heads));
    const Shape shape(heads, kv.hkv, kv.d);
    const Backward at{dqkv,
                      dk,
                      dv,
                      dout,
                      qkv,
                      kv.k,
                      kv.v,
                      stats,
                      partials,
                      batch,
                      shape,
                      scale,
                      scale * kLog2E,
                      static_cast<int>(tile_bound(batch, shape, kRows))};
    const int64_t rows = batch.tokens * heads;
    launch("attention backward: delta", stream, deltas, ceil_div(rows, 32), dim3(256), 0, stats, dout, out,
           lse, rows, kv.d);
    if (kv.d <= 64) return launch_passes<64>(stream, at);
    if (kv.d <= 128) return launch_passes<128>(stream, at);
    launch_passes<256>(stream, at);
}

}  // namespace r1::ops::cuda
