// Matrix products of at most 8 rows of few tiles: one a block, by a warpgroup. The matrix unit's 64 rows are
// the 16 of the tile and 48 of whatever lies behind them in shared memory, whose sums nobody reads: it waits
// for nothing between the steps of a long chain, where a warp's own products (gemm_eight.cu) wait for its
// loads.
#include <algorithm>

#include "ops/cuda/gemm_eight.cuh"
#include "ops/cuda/wgmma.cuh"

namespace r1::ops::cuda {
namespace {

constexpr int kPanels = 4;  // of a stage
constexpr int kConsumers = 4, kMostStages = 32;
constexpr uint32_t kWeights = kPanels * kPanelBytes;         // bytes of a stage
constexpr uint32_t kTokenPanel = 8 * kPanel * sizeof(bf16);  // bytes: 8 rows of A, of which m are there
constexpr uint32_t kBehind = 64 * kPanel * sizeof(bf16) - kPanelBytes;  // read beyond a panel

// With a norm all rows of A lie in shared memory, else they come by stages with the weight. Warps 0 to 3
// multiply, warp 4 brings.
template <bool kNorm>
__global__ void __launch_bounds__((kConsumers + 1) * kWarp)
    gemm_eight_wide_kernel(const __grid_constant__ Eight at) {
#if R1_HOPPER
    constexpr uint32_t kStage = kWeights + (kNorm ? 0 : kPanels * kTokenPanel);
    extern __shared__ uint8_t unaligned[];
    __shared__ uint64_t barriers[2 * kMostStages + 1];
    const int thread = static_cast<int>(threadIdx.x), warp = thread / kWarp, lane = thread % kWarp;
    const bool brings = warp == kConsumers;
    const int tile = static_cast<int>(blockIdx.x), stages = at.stages;
    const int panels = at.k / kPanel, chunks = (panels + kPanels - 1) / kPanels;
    uint8_t* memory = tiles_begin(unaligned);
    const uint32_t ring = shared_address(memory);
    const uint32_t full = shared_address(barriers), empty = full + kMostStages * 8;
    const uint32_t arrived = shared_address(barriers + 2 * kMostStages);
    bf16* rows = reinterpret_cast<bf16*>(memory + stages * kStage);  // of all panels, as tokens of a stage
    bf16* norm = rows + panels * (8 * kPanel);

    if (thread == 0) make_barrier(arrived, 1);
    if (brings && lane < stages) make_barrier(full + lane * 8, 1), make_barrier(empty + lane * 8, kConsumers);
    publish_barriers();
    __syncthreads();

    const uint32_t token_bytes = at.m * kPanel * sizeof(bf16);  // of a panel
    const auto bring_weights = [&](int chunk, int stage) {
        const uint32_t barrier = full + stage * 8;
        arrive_expecting(barrier, kWeights + (kNorm ? 0 : kPanels * token_bytes));
        copy_weights(ring + stage * kStage, at, barrier, tile, chunk * kPanels);
    };
    const auto bring_tokens = [&](int chunk, int stage) {
#pragma unroll
        for (int p = 0; p < kPanels; ++p)
            copy_box(ring + stage * kStage + kWeights + p * kTokenPanel, at.tokens, full + stage * 8, 0, 0,
                     chunk * kPanels + p);
    };
    Ending ending;
    // All that no other kernel of a graph writes.
    const auto begin = [&] {
        if (kNorm && thread == 0) {
            const uint32_t bytes = at.k * sizeof(bf16);
            arrive_expecting(arrived, bytes);
            copy_bytes(shared_address(norm), at.norm, bytes, arrived);
        }
        if (brings && lane == 0) {
            for (int i = 0; i < stages; ++i) bring_weights(i, i);
        }
        if (warp == 0) ending.begin(at, tile);
    };
    if (at.early) begin();
    await();
    if (!at.early) begin();
    if constexpr (kNorm) {
        for (int r = warp; r < at.m; r += kConsumers + 1) {
            const auto place = [&](int column) {  // swizzled
                return rows + column / kPanel * (8 * kPanel) + r * kPanel + ((column % kPanel / 8) ^ r) * 8;
            };
            normalise(place, at.a + r * at.lda, norm, arrived, at.k, at.eps);
        }
        publish_copies();
        __syncthreads();
    } else if (brings) {
        __syncwarp();  // the barriers expect the tokens' bytes by now
        if (lane < stages) bring_tokens(lane, lane);
    }
    if (brings) {
        if (lane > 0) return;
        int stage = 0;
        uint32_t parity = 0;
        for (int chunk = stages; chunk < chunks; ++chunk) {
            wait_barrier(empty + stage * 8, parity);
            bring_weights(chunk, stage);
            if (!kNorm) bring_tokens(chunk, stage);
            if (++stage == stages) stage = 0, parity ^= 1;
        }
        return;
    }

    if (warp == 0) ending.begin_residual(at);
    float sums[1][4] = {};
    const uint32_t first_weights = matrix_low(ring);
    const uint32_t first_tokens = matrix_low(kNorm ? shared_address(rows) : ring + kWeights);
    uint32_t weights = uniform(first_weights), tokens = uniform(first_tokens);
    const auto add_panel = [&](uint32_t p) {
#pragma unroll
        for (uint32_t step = 0; step < kPanel / kStep; ++step)
            add_product(sums, matrix_at(weights + p * (kPanelBytes / 16) + 2 * step),
                        matrix_at(tokens + p * (kTokenPanel / 16) + 2 * step));
    };
    int stage = 0, before = 0, chunk = 0;
    uint32_t parity = 0;
    wait_barrier(full, 0);
    announce();
    while ((chunk + 1) * kPanels <= panels) {
        begin_products();
#pragma unroll
        for (uint32_t p = 0; p < kPanels; ++p) add_panel(p);
        end_products();
        // while they run, all that the next ones need
        const int now = stage;
        ++chunk;
        if (++stage == stages) stage = 0, parity ^= 1;
        weights = uniform(first_weights + stage * (kStage / 16));
        tokens =
            uniform(first_tokens + (kNorm ? chunk * (kPanels * kTokenPanel / 16) : stage * (kStage / 16)));
        if (chunk < chunks) wait_barrier(full + stage * 8, parity);
        wait_products<1>();  // those of the stage before
        if (chunk > 1 && lane == 0) arrive(empty + before * 8);
        before = now;
    }
    for (uint32_t p = 0; chunk * kPanels + static_cast<int>(p) < panels; ++p) {
        begin_products();
        add_panel(p);
        end_products();
    }
    wait_products<0>(sums);
    if (warp == 0) ending.write(at, sums[0]);
#endif
}

// How the work is cut. It changes no bit.
constexpr int64_t kFewTiles = 132;          // the multiprocessors
constexpr int64_t kShared = 132 << 10;      // bytes of a block's stages
constexpr int64_t kSharedOfTwo = 88 << 10;  // where a multiprocessor has two blocks

template <bool kNorm>
void compute(cudaStream_t stream, Eight at, const Gemm& g) {
    constexpr int64_t kStage = kWeights + (kNorm ? 0 : kPanels * kTokenPanel);
    const int64_t chunks = ceil_div(g.k / kPanel, kPanels);
    const int64_t fit = (at.tiles <= kFewTiles ? kShared : kSharedOfTwo) / kStage;
    at.stages = static_cast<int>(std::min({fit, chunks, int64_t{kMostStages}}));
    at.weights = weights_map(at, g, kPanels);
    if (!kNorm)
        at.tokens = tensor_map(g.a, {{kPanel, 1, kPanel}, {g.m, g.lda, at.m}, {g.k / kPanel, kPanel, 1}});
    const int64_t rows = kNorm ? 9 * g.k * static_cast<int64_t>(sizeof(bf16)) : 0;  // and the norm's weights
    const auto shared = static_cast<size_t>(at.stages * kStage + std::max<int64_t>(rows, kBehind) + 1024);
    const auto kernel = gemm_eight_wide_kernel<kNorm>;
    allow_shared("a matrix product of at most 8 rows", kernel, shared);
    launch("a matrix product of at most 8 rows", stream, kernel, at.tiles, dim3((kConsumers + 1) * kWarp),
           shared, at);
}

}  // namespace

bool is_wide(const Eight& at) {
    return at.tiles <= kFewTiles || (!at.norm && at.tiles <= 2 * kFewTiles);
}

void gemm_eight_wide(cudaStream_t stream, Eight at, const Gemm& g) {
    g.norm ? compute<true>(stream, at, g) : compute<false>(stream, at, g);
}

}  // namespace r1::ops::cuda
