// Matrix products of few rows, as a decode step has them, with the bits of cuBLASLt's: one fp32 accumulator
// for each output, over ascending k in steps of 16. The matrix unit's 64 rows are rows of the weight, its
// columns are the tokens.
//
// What counts is latency: a step is a chain of small kernels. So in a recorded graph a block brings its part
// of the weight before it waits for the kernel before it.
#include <algorithm>

#include "ops/cuda/tensor_copy.cuh"
#include "ops/cuda/wgmma.cuh"

namespace r1::ops::cuda {
namespace {

constexpr int kPanel = 64;       // columns of k, a row of 128 bytes
constexpr int kPanels = 2;       // of a stage
constexpr int kRows = 64;        // of the weight, a warpgroup's products
constexpr int kConsumers = 128;  // threads; one more warp brings the tiles
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
    int token_tiles;  // blocks that share 64 rows of the weight
    bool d_f32, swiglu;
    bool early;  // whether the weight may be read before the kernels before this one have ended
};

#if R1_HOPPER

__device__ inline void wait_for_consumers() {
    asm volatile("bar.sync 1, %0;" ::"n"(kConsumers) : "memory");
}

// Warps 0 to 3 multiply, warp 4 brings the tiles.
template <int kTokens>
__global__ void __launch_bounds__(kConsumers + kWarp) gemm_few_kernel(const __grid_constant__ Few at) {
    constexpr uint32_t kWeightPanel = kRows * kPanel * sizeof(bf16), kWeightBytes = kPanels * kWeightPanel;
    constexpr uint32_t kTokenPanel = kTokens * kPanel * sizeof(bf16), kTokenBytes = kPanels * kTokenPanel;
    extern __shared__ uint8_t unaligned[];
    __shared__ uint64_t barriers[2 * kMostStages];
    announce();
    const int thread = static_cast<int>(threadIdx.x), warp = uniform(thread / kWarp), lane = thread % kWarp;
    const int panels = at.panels, chunks = (panels + kPanels - 1) / kPanels, stages = at.stages;
    const int tile = static_cast<int>(blockIdx.x) / at.token_tiles;
    const int first_token = (static_cast<int>(blockIdx.x) - tile * at.token_tiles) * kTokens;
    uint8_t* memory = tiles_begin(unaligned);
    const uint32_t weights = shared_address(memory), tokens = weights + stages * kWeightBytes;
    const uint32_t full = pinned(shared_address(barriers)), empty = full + kMostStages * 8;

    const auto bring_weights = [&](int chunk, int stage) {
        const uint32_t barrier = full + stage * 8;
#pragma unroll
        for (int p = 0; p < kPanels; ++p) {
            const uint32_t to = weights + stage * kWeightBytes + p * kWeightPanel;
            const int column = (chunk * kPanels + p) * kPanel;
            if (at.swiglu) {
                copy_box(to, at.weights, barrier, column, 0, 0, tile * (kRows / 16));
            } else {
                copy_box(to, at.weights, barrier, column, tile * kRows);
            }
        }
    };
    const auto bring_tokens = [&](int chunk, int stage) {
#pragma unroll
        for (int p = 0; p < kPanels; ++p)
            copy_box(tokens + stage * kTokenBytes + p * kTokenPanel, at.tokens, full + stage * 8,
                     (chunk * kPanels + p) * kPanel, first_token);
    };
    if (thread == kConsumers) {
        for (int stage = 0; stage < stages; ++stage) {
            make_barrier(full + stage * 8, 1);
            make_barrier(empty + stage * 8, kConsumers / kWarp);
        }
        publish_barriers();
        for (int stage = 0; stage < stages; ++stage) {
            arrive_expecting(full + stage * 8, kWeightBytes + kTokenBytes);
            if (at.early) bring_weights(stage, stage);
        }
    }
    if (thread == 0) prefetch_map(at.tokens);
    __syncthreads();
    await();

    if (lane == 0) {  // one thread could not ask for so many copies fast enough
        for (int stage = warp; stage < stages; stage += kConsumers / kWarp + 1) bring_tokens(stage, stage);
    }
    if (warp == kConsumers / kWarp) {
        if (lane > 0) return;
        if (!at.early) {
            for (int stage = 0; stage < stages; ++stage) bring_weights(stage, stage);
        }
        int stage = 0;
        uint32_t parity = 0;
        for (int chunk = stages; chunk < chunks; ++chunk) {
            wait_barrier(empty + stage * 8, parity);
            arrive_expecting(full + stage * 8, kWeightBytes + kTokenBytes);
            bring_weights(chunk, stage);
            bring_tokens(chunk, stage);
            if (++stage == stages) stage = 0, parity ^= 1;
        }
        return;
    }

    // What is added to the outputs is fetched before the products. Eight outputs of a token a thread and
    // turn.
    const int width = at.swiglu ? kRows / 2 : kRows, vectors = width / 8;
    const int column = tile * width + thread % vectors * 8;
    const auto token_of = [&](int turn) { return (turn * kConsumers + thread) / vectors; };
    constexpr int kTurns = (kTokens * kRows / 8 + kConsumers - 1) / kConsumers;
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
    const auto add_panel = [&](uint32_t p) {
#pragma unroll
        for (uint32_t step = 0; step < kPanel / 16; ++step)
            add_product(sums, matrix_at(weight_at + p * (kWeightPanel / 16) + 2 * step),
                        matrix_at(tokens_at + p * (kTokenPanel / 16) + 2 * step));
    };
    int chunk = 0, stage = 0, before = 0;
    uint32_t parity = 0;
    wait_barrier(full, 0);
#pragma unroll 1
    while ((chunk + 1) * kPanels <= panels) {
        begin_products();
        add_panel(0);
        // Few products are under way at a time, so what the next chunk needs is asked for in between.
        const int now = stage;
        ++chunk;
        if (++stage == stages) stage = 0, parity ^= 1;
        const uint32_t next = stage - now;
        const bool there = chunk == chunks || test_barrier(full + stage * 8, parity);
#pragma unroll
        for (uint32_t p = 1; p < kPanels; ++p) add_panel(p);
        end_products();
        if (!there) wait_barrier(full + stage * 8, parity);
        weight_at += next * (kWeightBytes / 16);
        tokens_at += next * (kTokenBytes / 16);
        wait_products<1>();  // those of the chunk before
        if (chunk > 1 && lane == 0) arrive(empty + before * 8);
        before = now;
    }
#pragma unroll 1
    for (uint32_t p = 0; chunk * kPanels + static_cast<int>(p) < panels; ++p) {
        begin_products();
        add_panel(p);
        end_products();
    }
    wait_products<0>(sums);

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
    if (at.bias && !at.swiglu && column < at.n)
        bias = at.n % 8 == 0 ? load<8>(at.bias + column) : load_upto<false>(at.bias + column, at.n - column);
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
        if (!at.d_f32) {
            store<8>(static_cast<bf16*>(at.d) + to, out);
        } else if (at.n - column >= 8) {
            store<8>(static_cast<float*>(at.d) + to, out);
        } else {
            store_upto<false>(static_cast<float*>(at.d) + to, out, at.n - column);
        }
    }
}

#else
template <int kTokens>
__global__ void gemm_few_kernel(const __grid_constant__ Few) {}
#endif

// How the work is cut. It changes no bit.
struct Cut {
    int tokens, stages;
    size_t shared;
    int64_t blocks;
};

// The fewest tokens a block with which at most half of the multiprocessors are busy: the tokens are what
// comes last, and the other half can bring the weights of the next kernels.
Cut cut_of(const Gemm& g) {
    constexpr int64_t kShared = 220 << 10;  // of a multiprocessor
    Cut cut{};
    for (const int tokens : {8, 16, 32, 64}) {
        cut.tokens = tokens;
        cut.blocks = ceil_div(g.m, tokens) * ceil_div(g.n, kRows);
        if (tokens >= g.m || cut.blocks <= kMultiprocessors / 2) break;
    }
    const int64_t stage = (cut.tokens + kRows) * kPanels * kPanel * static_cast<int64_t>(sizeof(bf16));
    const int64_t outputs = cut.tokens * (kRows + kStagingPad) * static_cast<int64_t>(sizeof(float));
    int64_t each = std::clamp<int64_t>(ceil_div(cut.blocks, kMultiprocessors), 1, 3), fit = 0;
    do {
        fit = (kShared / each - 1024) / stage;
    } while (fit < kLeastStages && --each > 0);
    cut.stages = static_cast<int>(std::min({fit, ceil_div(g.k, kPanels * kPanel), int64_t{kMostStages}}));
    cut.shared = static_cast<size_t>(std::max(cut.stages * stage, outputs) + 1024);
    return cut;
}

template <int kTokens>
void launch_few(cudaStream_t stream, const Cut& cut, const Few& at) {
    allow_shared("a matrix product of few rows", gemm_few_kernel<kTokens>, cut.shared);
    launch("a matrix product of few rows", stream, gemm_few_kernel<kTokens>, cut.blocks,
           dim3(kConsumers + kWarp), cut.shared, at);
}

void compute(cudaStream_t stream, const Gemm& g, const Cut& cut) {
    Few at{};
    const int64_t f = g.n / 2;
    // With swiglu 8 rows of the one half and 8 of the other take turns.
    at.weights =
        g.swiglu
            ? tensor_map(g.b,
                         {{g.k, 1, kPanel}, {8, g.ldb, 8}, {2, f * g.ldb, 2}, {f / 8, 8 * g.ldb, kRows / 16}})
            : tensor_map(g.b, {{g.k, 1, kPanel}, {g.n, g.ldb, kRows}});
    at.tokens = tensor_map(g.a, {{g.k, 1, kPanel}, {g.m, g.lda, cut.tokens}});
    at.d = g.d, at.bias = g.bias, at.residual = g.residual, at.ldd = g.ldd;
    at.m = static_cast<int>(g.m), at.n = static_cast<int>(g.swiglu ? f : g.n);
    at.panels = static_cast<int>(ceil_div(g.k, kPanel)), at.stages = cut.stages;
    at.token_tiles = static_cast<int>(ceil_div(g.m, cut.tokens));
    at.d_f32 = g.d_f32, at.swiglu = g.swiglu;
    at.early = is_recorded(stream);
    switch (cut.tokens) {
        case 8:
            return launch_few<8>(stream, cut, at);
        case 16:
            return launch_few<16>(stream, cut, at);
        case 32:
            return launch_few<32>(stream, cut, at);
        default:
            return launch_few<64>(stream, cut, at);
    }
}

}  // namespace

void gemm_few(cudaStream_t stream, const Gemm& g) {
    if (is_eight(g)) return gemm_eight(stream, g);
    compute(stream, g, cut_of(g));
}

}  // namespace r1::ops::cuda
