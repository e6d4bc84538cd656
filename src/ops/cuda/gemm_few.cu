// Matrix products of few rows, as a decode step has them, with the bits of cuBLASLt's: one fp32 accumulator
// for each output, over ascending k in steps of 16. The matrix unit's rows are rows of the weight, its
// columns are the tokens.
//
// What counts is latency: a step is a chain of small kernels. So in a recorded graph a block brings its part
// of the weight before it waits for the kernel before it. And the code is short, as a kernel's instructions
// are fetched too, those of a layer anew where they do not fit together: loops that ask for copies are not
// unrolled.
#include <algorithm>

#include "ops/cuda/ring.cuh"

namespace r1::ops::cuda {
namespace {

constexpr int kRows = 64;         // of the weight
constexpr int kHalf = kRows / 2;  // where a block has half of them, the others are whatever lies behind
constexpr int kConsumers = 128;   // threads; one more warp brings the tiles
constexpr int kPanels = 2;        // of a stage
constexpr int kMostStages = 12;
constexpr int kLeastStages = 3;  // where they are used again: one is computed, one waited for, one brought
constexpr int kStagingPad = 4;   // floats, so that a warp's stores fall into different banks

struct Few {
    CUtensorMap weights, tokens;
    void* d;
    const bf16 *bias, *residual;
    int64_t ldd;
    int m, n;         // of D
    int panels;       // of k
    int stages;       // in shared memory
    int token_tiles;  // blocks that share rows of the weight
    bool d_f32, swiglu;
    bool early;  // whether the weight may be read before the kernels before this one have ended
};

#if R1_HOPPER

__device__ inline void wait_for_consumers() {
    asm volatile("bar.sync 1, %0;" ::"n"(kConsumers) : "memory");
}

// Warps 0 to 3 multiply, warp 4 brings the tiles.
template <int kTokens, int kTile>
__global__ void __launch_bounds__(kConsumers + kWarp) gemm_few_kernel(const __grid_constant__ Few at) {
    constexpr uint32_t kWeightPanel = kTile * kPanel * sizeof(bf16), kWeightBytes = kPanels * kWeightPanel;
    constexpr uint32_t kTokenPanel = kTokens * kPanel * sizeof(bf16), kTokenBytes = kPanels * kTokenPanel;
    extern __shared__ uint8_t unaligned[];
    __shared__ uint64_t barriers[2 * kMostStages];
    announce();
    const int thread = static_cast<int>(threadIdx.x), warp = uniform(thread / kWarp), lane = thread % kWarp;
    const int panels = at.panels, chunks = (panels + kPanels - 1) / kPanels;
    const int tile = static_cast<int>(blockIdx.x) / at.token_tiles;
    const int first_token = (static_cast<int>(blockIdx.x) - tile * at.token_tiles) * kTokens;
    uint8_t* memory = tiles_begin(unaligned);
    const uint32_t weights = shared_address(memory), tokens = weights + at.stages * kWeightBytes;
    const uint32_t full = pinned(shared_address(barriers));
    const Ring ring{full, full + kMostStages * 8, at.stages};

    // All panels in one copy: a thread could not ask for each as fast as they come.
    const auto bring_weights = [&](int chunk, int stage) {
        const uint32_t to = weights + stage * kWeightBytes, barrier = ring.full + stage * 8;
        if (at.swiglu) {
            copy_box(to, at.weights, barrier, 0, 0, 0, tile * (kTile / 16), chunk * kPanels);
        } else {
            copy_box(to, at.weights, barrier, 0, tile * kTile, chunk * kPanels);
        }
    };
    const auto bring_tokens = [&](int chunk, int stage) {
        copy_box(tokens + stage * kTokenBytes, at.tokens, ring.full + stage * 8, 0, first_token,
                 chunk * kPanels);
    };
    if (thread == kConsumers) {
#pragma unroll 1
        for (int stage = 0; stage < ring.stages; ++stage) {
            make_barrier(ring.full + stage * 8, 1);
            make_barrier(ring.empty + stage * 8, kConsumers / kWarp);
        }
        publish_barriers();
#pragma unroll 1
        for (int stage = 0; stage < ring.stages; ++stage) {
            arrive_expecting(ring.full + stage * 8, kWeightBytes + kTokenBytes);
            if (at.early) bring_weights(stage, stage);
        }
    }
    if (thread == 0) prefetch_map(at.tokens);
    __syncthreads();
    await();

    if (lane == 0) {
#pragma unroll 1
        for (int stage = warp; stage < ring.stages; stage += kConsumers / kWarp + 1)
            bring_tokens(stage, stage);
    }
    if (warp == kConsumers / kWarp) {
        if (lane > 0) return;
        if (!at.early) {
#pragma unroll 1
            for (int stage = 0; stage < ring.stages; ++stage) bring_weights(stage, stage);
        }
        Place place;
#pragma unroll 1
        for (int chunk = ring.stages; chunk < chunks; ++chunk, place.advance(ring)) {
            wait_barrier(ring.empty + place.stage * 8, place.parity);
            arrive_expecting(ring.full + place.stage * 8, kWeightBytes + kTokenBytes);
            bring_weights(chunk, place.stage);
            bring_tokens(chunk, place.stage);
        }
        return;
    }

    // What is added to the outputs is fetched before the products. Eight outputs of a token a thread and
    // turn.
    const int width = at.swiglu ? kTile / 2 : kTile, vectors = width / 8;
    const int column = tile * width + thread % vectors * 8;
    const auto token_of = [&](int turn) { return (turn * kConsumers + thread) / vectors; };
    constexpr int kTurns = (kTokens * kTile / 8 + kConsumers - 1) / kConsumers;
    Packed<8> residual[kTurns];
#pragma unroll
    for (int turn = 0; turn < kTurns; ++turn) {
        const int token = token_of(turn);
        residual[turn] = {};
        if (at.residual && token < kTokens && first_token + token < at.m && column < at.n)
            residual[turn] = load_packed<8>(at.residual + (first_token + token) * at.ldd + column);
    }

    float sums[kTokens / 8][4] = {};
    uint32_t weight_at = matrix_low(weights), tokens_at = matrix_low(tokens);
    const auto add = [&](uint32_t p) {
#pragma unroll
        for (uint32_t step = 0; step < kPanel / 16; ++step)
            add_product(sums, matrix_at(weight_at + p * (kWeightPanel / 16) + 2 * step),
                        matrix_at(tokens_at + p * (kTokenPanel / 16) + 2 * step));
    };
    Place place;
    wait_barrier(ring.full, 0);
    add_stages<kPanels>(sums, ring, place, panels, add, [&](int further) {
        weight_at += further * (kWeightBytes / 16);
        tokens_at += further * (kTokenBytes / 16);
    });

    // Outputs by token, so that rows are written 16 bytes at a time.
    wait_for_consumers();
    float* outputs = reinterpret_cast<float*>(memory);
    const int stride = width + kStagingPad;
    const int row = warp * 16 + lane / 4;  // and row + 8
    const int feature = tile * width + warp * 8 + lane / 4;
    const bool biased = at.swiglu && at.bias && feature < at.n;
    const float gate_bias = biased ? widen(at.bias[feature]) : 0.0f;
    const float up_bias = biased ? widen(at.bias[at.n + feature]) : 0.0f;
#pragma unroll
    for (int j = 0; j < kTokens / 8; ++j) {
        if (warp * 16 >= kTile) break;
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            float* to = outputs + (j * 8 + lane % 4 * 2 + i) * stride;
            float low = sums[j][i], high = sums[j][i + 2];
            if (at.swiglu) {  // low is of the gate, high of the other half, each rounded as D would be
                if (at.bias) low += gate_bias, high += up_bias;
                to[warp * 8 + lane / 4] = swiglu(widen(narrow(low)), widen(narrow(high)));
            } else {
                to[row] = low;
                to[row + 8] = high;
            }
        }
    }
    wait_for_consumers();
    Floats<8> bias{};
    if (at.bias && !at.swiglu && column < at.n) bias = load<8>(at.bias + column);
#pragma unroll
    for (int turn = 0; turn < kTurns; ++turn) {
        const int token = token_of(turn);
        if (token >= kTokens || first_token + token >= at.m || column >= at.n) continue;
        Floats<8> out = load<8>(outputs + token * stride + thread % vectors * 8);
        const Floats<8> added = unpack(residual[turn]);
#pragma unroll
        for (int i = 0; i < 8; ++i) {
            if (at.residual) out.v[i] += added.v[i];
            if (at.bias && !at.swiglu) out.v[i] += bias.v[i];
        }
        const int64_t to = (first_token + token) * at.ldd + column;
        at.d_f32 ? store<8>(static_cast<float*>(at.d) + to, out)
                 : store<8>(static_cast<bf16*>(at.d) + to, out);
    }
}

#else
template <int kTokens, int kTile>
__global__ void gemm_few_kernel(const __grid_constant__ Few at) {}
#endif

// How the work is cut. It changes no bit. Where k is long, all multiprocessors are to bring the weight, each
// at most one tile. Else half of them: the tokens are what comes last, and the other half can bring the
// weights of the next kernels.
constexpr int64_t kLong = 4096;
constexpr int kMostTokens = 32, kMostTokenTiles = 4;

struct Cut {
    int tokens, rows, stages;
    size_t shared;
    int64_t blocks;
};

Cut cut_of(const Gemm& g) {
    constexpr int64_t kShared = 220 << 10;  // of a multiprocessor
    Cut cut{};
    cut.rows = g.k > kLong ? kHalf : kRows;
    for (cut.tokens = 8;; cut.tokens *= 2) {
        const int64_t token_tiles = ceil_div(g.m, cut.tokens);
        cut.blocks = token_tiles * ceil_div(g.n, cut.rows);
        const bool room = cut.blocks <= (g.k > kLong ? kMultiprocessors : kMultiprocessors / 2);
        if (cut.tokens == kMostTokens || (room && token_tiles <= kMostTokenTiles)) break;
    }
    const int64_t stage = (cut.tokens + cut.rows) * kPanels * kPanel * static_cast<int64_t>(sizeof(bf16));
    const int64_t outputs = cut.tokens * (cut.rows + kStagingPad) * static_cast<int64_t>(sizeof(float));
    const int64_t behind = (kRows - cut.rows) * kPanel * static_cast<int64_t>(sizeof(bf16));
    int64_t each = std::clamp<int64_t>(ceil_div(cut.blocks, kMultiprocessors), 1, 3), fit = 0;
    do {
        fit = (kShared / each - 1024 - behind) / stage;
    } while (fit < kLeastStages && --each > 0);
    cut.stages = static_cast<int>(std::min({fit, ceil_div(g.k, kPanels * kPanel), int64_t{kMostStages}}));
    cut.shared = static_cast<size_t>(std::max(cut.stages * stage + behind, outputs) + 1024);
    return cut;
}

template <int kTokens, int kTile>
void launch_few(cudaStream_t stream, const Cut& cut, const Few& at) {
    const auto kernel = gemm_few_kernel<kTokens, kTile>;
    allow_shared("a matrix product of few rows", kernel, cut.shared);
    launch("a matrix product of few rows", stream, kernel, cut.blocks, dim3(kConsumers + kWarp), cut.shared,
           at);
}
template <int kTokens>
void launch_few(cudaStream_t stream, const Cut& cut, const Few& at) {
    cut.rows == kHalf ? launch_few<kTokens, kHalf>(stream, cut, at)
                      : launch_few<kTokens, kRows>(stream, cut, at);
}

void compute(cudaStream_t stream, const Gemm& g, const Cut& cut) {
    Few at{};
    const int64_t f = g.n / 2, panels = g.k / kPanel;
    // With swiglu 8 rows of the one half and 8 of the other take turns.
    at.weights =
        g.swiglu ? tensor_map(g.b, {{kPanel, 1, kPanel},
                                    {8, g.ldb, 8},
                                    {2, f * g.ldb, 2},
                                    {f / 8, 8 * g.ldb, cut.rows / 16},
                                    {panels, kPanel, kPanels}})
                 : tensor_map(g.b, {{kPanel, 1, kPanel}, {g.n, g.ldb, cut.rows}, {panels, kPanel, kPanels}});
    at.tokens = tensor_map(g.a, {{kPanel, 1, kPanel}, {g.m, g.lda, cut.tokens}, {panels, kPanel, kPanels}});
    at.d = g.d, at.bias = g.bias, at.residual = g.residual, at.ldd = g.ldd;
    at.m = static_cast<int>(g.m), at.n = static_cast<int>(g.swiglu ? f : g.n);
    at.panels = static_cast<int>(panels), at.stages = cut.stages;
    at.token_tiles = static_cast<int>(ceil_div(g.m, cut.tokens));
    at.d_f32 = g.d_f32, at.swiglu = g.swiglu;
    at.early = is_recorded(stream);
    switch (cut.tokens) {
        case 8:
            return launch_few<8>(stream, cut, at);
        case 16:
            return launch_few<16>(stream, cut, at);
        default:
            return launch_few<kMostTokens>(stream, cut, at);
    }
}

}  // namespace

bool suits_few(const Gemm& g) {
    constexpr int64_t kMostRows = 256, kMostProducts = int64_t{1} << 29;
    if (g.k % kPanel != 0 || g.n % 8 != 0 || g.m > kMostRows) return false;
    return g.k > kLong ? ceil_div(g.m, kMostTokens) * ceil_div(g.n, kHalf) <= kMultiprocessors
                       : g.m * g.n * g.k <= kMostProducts;
}

void gemm_few(cudaStream_t stream, const Gemm& g) {
    if (is_eight(g)) return gemm_eight(stream, g);
    compute(stream, g, cut_of(g));
}

}  // namespace r1::ops::cuda
