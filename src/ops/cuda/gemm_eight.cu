// Matrix products of at most 8 rows, the columns of one matrix instruction: the decode steps of few
// sequences. The bits are those of gemm_few.cu and of cuBLASLt, one fp32 accumulator for each output over
// ascending k in steps of 16.
//
// What counts is the number of kernels and that all multiprocessors bring weights all the time. So a block
// takes 16 rows of the weight at a time where that keeps all of them busy, else up to 64, and goes on to
// others; they come to a ring in shared memory as far ahead as there is room, and a warpgroup multiplies. Of
// the matrix unit's 64 rows those that are not the block's are whatever lies behind, and nobody reads their
// sums: it waits for nothing between the steps of a long chain, where a warp's own products would wait for
// their loads.
//
// What the next kernels would have to read again is computed on the way: the norm of A's rows; at the end
// SwiGLU, or the rotation and the write of keys and values, for which 16 rows are 8 and the 8 that go with
// them.
//
// The next kernel, which would bring its weights at once, may begin when what this one waits for is there: a
// load of a few bytes takes several times as long behind the weights of the next. As in gemm_few.cu, loops
// that ask for copies are not unrolled.
#include <algorithm>

#include "ops/cuda/norms.cuh"
#include "ops/cuda/ring.cuh"
#include "ops/cuda/rope.cuh"

namespace r1::ops::cuda {
namespace {

constexpr int kMostRows = 8;
constexpr int kTile = 16;                        // rows of the weight
constexpr int kTileBytes = kTile * 128;          // of a panel
constexpr int kTokenPanel = kMostRows * kPanel;  // elements, of which m rows are there
constexpr int kLongest = 4096;                   // k, of which all rows of A may lie in shared memory
constexpr int kMostStages = 32;
constexpr int kConsumers = 4;  // warps that multiply
constexpr int kMostTiles = kConsumers;
constexpr int panels_of_stage(int tiles) {  // 8 KB or more, or the matrix unit would rest between stages
    return tiles == 1 ? 4 : 2;
}

struct Eight {
    CUtensorMap weights, tokens;
    const bf16 *a, *norm;
    void* d;
    const bf16 *bias, *residual;
    int64_t lda, ldd;
    int m, k;   // as in Gemm
    int tiles;  // of 16 rows of the weight: 8 from `tile / turn · stride + tile % turn · 8` on and 8 …
    int turn, stride, second;  // … that lie `second` rows further
    int step;                  // rows from one tile to the next in a box
    int stages;
    float eps;
    bool d_f32, swiglu;
    bool early;  // whether weights may be read before the kernels before this one have ended
    Rope rope;
};

// The weight as boxes of some tiles and a stage's panels: 16 rows of 128 bytes, swizzled, after one another.
CUtensorMap weights_map(const Eight& at, const Gemm& g, int tiles) {
    return tensor_map(g.b, {{kPanel, 1, kPanel},
                            {8, g.ldb, 8},
                            {2, at.second * g.ldb, 2},
                            {(at.swiglu ? g.n / 2 : g.n) / at.step, at.step * g.ldb, tiles},
                            {g.k / kPanel, kPanel, panels_of_stage(tiles)}});
}

// What a stage of the ring holds: the tiles, panel by panel, and behind them the rows of A where these come
// by stages.
template <bool kResident, int kTiles>
struct Stage {
    static constexpr int kPanels = panels_of_stage(kTiles);
    static constexpr uint32_t kWeights = kPanels * kTiles * kTileBytes;
    static constexpr uint32_t kTokens = kResident ? 0 : kPanels * kTokenPanel * sizeof(bf16);
    static constexpr uint32_t kBytes = kWeights + kTokens;
    static constexpr uint32_t kBehind = (kMostTiles - kTiles) * kTileBytes;  // read beyond a panel
};

#if R1_HOPPER

__device__ inline int first_row(const Eight& at, int tile) {
    return tile / at.turn * at.stride + tile % at.turn * 8;
}

// A row of A, normalised by one warp as norms.cu does it. The 8 columns from c on go to address(c).
template <class Address>
__device__ inline void normalise(Address address, const bf16* x, const bf16* w, uint32_t w_arrived, int c,
                                 float eps) {
    constexpr int kVectors = kWarpRow / (8 * kWarp);
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    Packed<8> values[kVectors];
    float squares = 0.0f;
#pragma unroll
    for (int i = 0; i < kVectors; ++i) {
        const int column = (lane + i * kWarp) * 8;
        values[i] = {};
        if (column < c) values[i] = load_packed<8>(x + column);
    }
#pragma unroll
    for (int i = 0; i < kVectors; ++i) squares = add_squares(squares, unpack(values[i]));
    const float scale = norm_scale(warp_sum(squares), c, eps);
    wait_barrier(w_arrived, 0);
#pragma unroll
    for (int i = 0; i < kVectors; ++i) {
        const int column = (lane + i * kWarp) * 8;
        if (column >= c) break;
        Floats<8> y = unpack(values[i]);
        const Floats<8> weight = load<8>(w + column);
#pragma unroll
        for (int j = 0; j < 8; ++j) y.v[j] = y.v[j] * scale * weight.v[j];
        store<8>(address(column), y);
    }
}

// What becomes of a lane's sums: those of two rows of A with one of the first and one of the second eight
// rows of the tile.
struct Ending {
    int column, head, pair;  // of the first; pair: of the head
    float bias[2], residual[2][2], cos[2], sin[2];
    int slot[2];

    __device__ static int row_of(int i) { return static_cast<int>(threadIdx.x) % 4 * 2 + i; }
    __device__ void begin(const Eight& at, int tile) {
        column = first_row(at, tile) + static_cast<int>(threadIdx.x) % kWarp / 4;
        head = at.rope.heads > 0 ? tile / at.turn : 0;
        pair = column - head * at.stride;
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            if (at.bias) bias[i] = widen(at.bias[column + i * at.second]);
            if (at.rope.heads == 0 || row_of(i) >= at.m) continue;
            const int64_t angle = int64_t{at.rope.positions[row_of(i)]} * at.second + pair;
            slot[i] = at.rope.slots[row_of(i)];
            cos[i] = at.rope.cos[angle], sin[i] = at.rope.sin[angle];
        }
    }
    __device__ void begin_residual(const Eight& at) {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            if (!at.residual || row_of(i) >= at.m) continue;
#pragma unroll
            for (int half = 0; half < 2; ++half)
                residual[i][half] = widen(at.residual[row_of(i) * at.ldd + column + half * at.second]);
        }
    }
    __device__ void write(const Eight& at, const float (&sums)[4]) const {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            if (row_of(i) >= at.m) continue;
            float out[2] = {sums[i], sums[2 + i]};
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                if (at.residual) out[half] += residual[i][half];
                if (at.bias) out[half] += bias[half];
            }
            const int64_t to = row_of(i) * at.ldd + column;
            if (at.d_f32) {
                float* d = static_cast<float*>(at.d) + to;
                d[0] = out[0], d[at.second] = out[1];
                continue;
            }
            bf16* d = static_cast<bf16*>(at.d) + to;
            if (at.swiglu) {
                d[0] = narrow(swiglu(widen(narrow(out[0])), widen(narrow(out[1]))));
                continue;
            }
            if (at.rope.heads > 0) {
                const KvPages& kv = at.rope.kv;
                const int key = head - at.rope.heads, value = key - kv.hkv;
                if (value < 0) {
                    out[0] = widen(narrow(out[0])), out[1] = widen(narrow(out[1]));
                    turn(out[0], out[1], cos[i], sin[i]);
                }
                if (key >= 0) {
                    if (slot[i] < 0) continue;
                    d = (value < 0 ? kv.k : kv.v) +
                        page_offset(slot[i], kv.hkv, value < 0 ? key : value, kv.d) + pair;
                }
            }
            d[0] = narrow(out[0]), d[at.second] = narrow(out[1]);
        }
    }
};

// kResident: all rows of A lie in shared memory, else they come by stages with the weight. Warps 0 to 3
// multiply kTiles tiles at a time, of which each writes one; warp 4 brings A, warp 5 the weight.
template <bool kResident, int kTiles>
__global__ void __launch_bounds__((kConsumers + 2) * kWarp)
    gemm_eight_kernel(const __grid_constant__ Eight at) {
    using Cut = Stage<kResident, kTiles>;
    constexpr int kPanels = Cut::kPanels;
    constexpr uint32_t kStage = Cut::kBytes, kPanelBytes = kTiles * kTileBytes;
    constexpr uint32_t kTokenBytes = kTokenPanel * sizeof(bf16);  // of a panel
    extern __shared__ uint8_t unaligned[];
    __shared__ uint64_t barriers[2 * kMostStages + 2];
    const int thread = static_cast<int>(threadIdx.x), warp = uniform(thread / kWarp), lane = thread % kWarp;
    constexpr int kBringsTokens = kConsumers, kBringsWeights = kConsumers + 1;
    const int block = static_cast<int>(blockIdx.x), blocks = static_cast<int>(gridDim.x);
    const int panels = at.k / kPanel, chunks = (panels + kPanels - 1) / kPanels;
    const int rounds = ((at.tiles - 1) / kTiles - block) / blocks + 1;
    const auto tile_of = [&](int round) { return (block + round * blocks) * kTiles; };  // the first
    uint8_t* memory = tiles_begin(unaligned);
    const uint32_t stages = shared_address(memory), full = pinned(shared_address(barriers));
    const Ring ring{full, full + kMostStages * 8, at.stages};
    const uint32_t rows_there = shared_address(barriers + 2 * kMostStages), norm_there = rows_there + 8;
    bf16* rows = reinterpret_cast<bf16*>(memory + ring.stages * kStage);  // all panels of A
    bf16* norm = rows + panels * kTokenPanel;
    const uint32_t arriving = at.m * kPanel * sizeof(bf16);  // of kTokenBytes

    if (thread == 0) make_barrier(rows_there, at.norm ? kConsumers + 1 : 1), make_barrier(norm_there, 1);
    if (warp == kBringsWeights && lane < ring.stages)
        make_barrier(ring.full + lane * 8, kResident ? 1 : 2),
            make_barrier(ring.empty + lane * 8, kConsumers);
    publish_barriers();
    __syncthreads();
    if (!at.early) await();

    if (warp == kBringsWeights) {
        if (lane > 0) return;
        if (at.norm) {
            const uint32_t bytes = at.k * sizeof(bf16);
            arrive_expecting(norm_there, bytes);
            copy_bytes(shared_address(norm), at.norm, bytes, norm_there);
        }
        Place place;
#pragma unroll 1
        for (int round = 0; round < rounds; ++round) {
#pragma unroll 1
            for (int chunk = 0; chunk < chunks; ++chunk, place.advance(ring)) {
                const uint32_t barrier = ring.full + place.stage * 8;
                wait_barrier(ring.empty + place.stage * 8, place.parity ^ 1);
                arrive_expecting(barrier, Cut::kWeights);
                copy_box(stages + place.stage * kStage, at.weights, barrier, 0, 0, 0,
                         first_row(at, tile_of(round)) / at.step, chunk * kPanels);
            }
        }
        return;
    }

    const auto writes = [&](int round) { return warp < kTiles && tile_of(round) + warp < at.tiles; };
    Ending ending;
    if (writes(0)) ending.begin(at, tile_of(0) + warp);
    await();

    if (kResident && at.norm) {
#pragma unroll 1
        for (int r = warp; r < at.m; r += kConsumers + 1) {
            const auto address = [&](int column) {  // swizzled
                return rows + column / kPanel * kTokenPanel + r * kPanel + ((column % kPanel / 8) ^ r) * 8;
            };
            normalise(address, at.a + r * at.lda, norm, norm_there, at.k, at.eps);
        }
        publish_copies();
        __syncwarp();
        if (lane == 0) arrive(rows_there);
    } else if (kResident && warp == kBringsTokens) {
        if (lane == 0) arrive_expecting(rows_there, panels * arriving);
        __syncwarp();
#pragma unroll 1
        for (int p = lane; p < panels; p += kWarp)
            copy_box(shared_address(rows + p * kTokenPanel), at.tokens, rows_there, 0, 0, p);
    } else if (warp == kBringsTokens) {
        Place place;
#pragma unroll 1
        for (int round = 0; round < rounds; ++round) {
#pragma unroll 1
            for (int chunk = 0; chunk < chunks; ++chunk, place.advance(ring)) {
                const uint32_t barrier = ring.full + place.stage * 8;
                wait_barrier(ring.empty + place.stage * 8, place.parity ^ 1);
                if (lane == 0) arrive_expecting(barrier, kPanels * arriving);
                __syncwarp();
                if (lane < kPanels)
                    copy_box(stages + place.stage * kStage + Cut::kWeights + lane * kTokenBytes, at.tokens,
                             barrier, 0, 0, chunk * kPanels + lane);
            }
        }
    }
    if (warp == kBringsTokens) return;

    const uint32_t first_weights = matrix_low(stages);
    const uint32_t first_tokens = matrix_low(kResident ? shared_address(rows) : stages + Cut::kWeights);
    if (kResident) {
        wait_barrier(rows_there, 0);
        announce();
    }
    Place place;
#pragma unroll 1
    for (int round = 0; round < rounds; ++round) {
        if (writes(round) && round > 0) ending.begin(at, tile_of(round) + warp);
        if (writes(round)) ending.begin_residual(at);
        float sums[1][4] = {};
        wait_barrier(ring.full + place.stage * 8, place.parity);
        if (!kResident && round == 0) announce();
        uint32_t weights = first_weights + place.stage * (kStage / 16);
        uint32_t tokens = kResident ? first_tokens : first_tokens + place.stage * (kStage / 16);
        const auto add = [&](uint32_t p) {
#pragma unroll
            for (uint32_t step = 0; step < kPanel / 16; ++step)
                add_product(sums, matrix_at(weights + p * (kPanelBytes / 16) + 2 * step),
                            matrix_at(tokens + p * (kTokenBytes / 16) + 2 * step));
        };
        add_stages<kPanels>(sums, ring, place, panels, add, [&](int further) {
            weights += further * (kStage / 16);
            tokens += kResident ? kPanels * kTokenBytes / 16 : further * (kStage / 16);
        });
        if (writes(round)) ending.write(at, sums[0]);
    }
}

#else
template <bool kResident, int kTiles>
__global__ void gemm_eight_kernel(const __grid_constant__ Eight at) {}
#endif

// How the work is cut. It changes no bit.

// Bytes of a block's ring. A multiprocessor's memory has room for a kernel with a norm, of which all rows lie
// there too, and one without: the next one's weights come while this one computes.
constexpr int64_t kNormRing = 80 << 10, kRing = 112 << 10;

Eight describe(const Gemm& g) {
    Eight at{};
    at.a = g.a, at.norm = g.norm, at.d = g.d, at.bias = g.bias, at.residual = g.residual;
    at.lda = g.lda, at.ldd = g.ldd;
    at.m = static_cast<int>(g.m), at.k = static_cast<int>(g.k);
    at.tiles = static_cast<int>(g.n / kTile);
    at.turn = 1, at.stride = 16, at.second = 8, at.step = 16;
    if (g.swiglu) at.turn = at.tiles, at.second = static_cast<int>(g.n / 2), at.step = 8;
    if (g.rope.heads > 0)
        at.turn = g.rope.kv.d / 16, at.stride = g.rope.kv.d, at.second = at.stride / 2, at.step = 8;
    at.eps = g.eps, at.d_f32 = g.d_f32, at.swiglu = g.swiglu, at.rope = g.rope;
    return at;
}

// Of blocks that take `tiles` at a time.
int64_t rounds_of(const Eight& at, int tiles) {
    return ceil_div(ceil_div(at.tiles, tiles), kMultiprocessors);
}

template <bool kResident, int kTiles>
void compute(cudaStream_t stream, Eight at, const Gemm& g) {
    using Cut = Stage<kResident, kTiles>;
    const int64_t rounds = rounds_of(at, kTiles), panels = g.k / kPanel;
    at.stages = static_cast<int>(std::min({(g.norm ? kNormRing : kRing) / Cut::kBytes,
                                           ceil_div(panels, Cut::kPanels) * rounds, int64_t{kMostStages}}));
    at.weights = weights_map(at, g, kTiles);
    at.tokens = tensor_map(g.a, {{kPanel, 1, kPanel}, {g.m, g.lda, at.m}, {panels, kPanel, 1}});
    const int64_t rows = (panels * kTokenPanel + (g.norm ? g.k : 0)) * static_cast<int64_t>(sizeof(bf16));
    const auto shared = static_cast<size_t>(at.stages * Cut::kBytes +
                                            std::max<int64_t>(kResident ? rows : 0, Cut::kBehind) + 1024);
    const auto kernel = gemm_eight_kernel<kResident, kTiles>;
    allow_shared("a matrix product of at most 8 rows", kernel, shared);
    launch("a matrix product of at most 8 rows", stream, kernel, ceil_div(ceil_div(at.tiles, kTiles), rounds),
           dim3((kConsumers + 2) * kWarp), shared, at);
}

template <int kTiles>
void compute(cudaStream_t stream, const Eight& at, const Gemm& g) {
    const bool resident = g.norm || (rounds_of(at, kTiles) > 1 && g.k <= kLongest);
    resident ? compute<true, kTiles>(stream, at, g) : compute<false, kTiles>(stream, at, g);
}

}  // namespace

bool is_eight(const Gemm& g) {
    return g.m <= kMostRows && g.k % kPanel == 0 && g.n % kTile == 0 && (!g.norm || g.k <= kWarpRow) &&
           (g.rope.heads == 0 || g.rope.kv.d % kTile == 0);
}

void gemm_eight(cudaStream_t stream, const Gemm& g) {
    Eight at = describe(g);
    at.early = is_recorded(stream);
    // One tile a multiprocessor where that is all, else as many at a time as leave the busiest with the
    // fewest. A box's tiles are of one head.
    int tiles = 1;
    for (int i = 2; i <= kMostTiles; ++i) {
        if (g.rope.heads > 0 && at.turn % i != 0) continue;
        const bool several = tiles == 1 && rounds_of(at, 1) > 1;
        if (several || i * rounds_of(at, i) <= tiles * rounds_of(at, tiles)) tiles = i;
    }
    switch (tiles) {
        case 1:
            return compute<1>(stream, at, g);
        case 2:
            return compute<2>(stream, at, g);
        case 3:
            return compute<3>(stream, at, g);
        default:
            return compute<4>(stream, at, g);
    }
}

}  // namespace r1::ops::cuda
