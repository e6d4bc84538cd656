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

constexpr int kDepth = 64;       // of k in a stage: a row of 128 bytes
constexpr int kRows = 64;        // of the weight, a warpgroup's products
constexpr int kConsumers = 128;  // threads; one more warp brings the tiles
constexpr int kMostStages = 24;
// Stages whose products are enqueued together. Where stages are used again, their number is a multiple of it
// and at least three times as large: one group is computed, one waited for, one brought.
constexpr int kGroup = 2;
constexpr int kStagingPad = 4;  // floats, so that a warp's stores fall into different banks

struct Few {
    CUtensorMap weights, tokens;
    void* d;
    const bf16 *bias, *residual;
    int64_t ldd;
    int m, n;         // of D
    int chunks;       // of kDepth, over k
    int stages;       // in shared memory
    int token_tiles;  // blocks that share 64 rows of the weight
    bool d_f32, swiglu;
    bool early;  // whether the weight may be read before the kernels before this one have ended
};

#if R1_HOPPER

// Keeps a value in a register, where the compiler would compute it again and again.
__device__ inline uint32_t pinned(uint32_t x) {
    asm volatile("" : "+r"(x));
    return x;
}
__device__ inline void wait_for_consumers() {
    asm volatile("bar.sync 1, %0;" ::"n"(kConsumers) : "memory");
}

// Warps 0 to 3 multiply, warp 4 brings the tiles.
template <int kTokens>
__global__ void __launch_bounds__(kConsumers + kWarp) gemm_few_kernel(const __grid_constant__ Few at) {
    constexpr uint32_t kWeightBytes = kRows * kDepth * sizeof(bf16);
    constexpr uint32_t kTokenBytes = kTokens * kDepth * sizeof(bf16);
    extern __shared__ uint8_t unaligned[];
    __shared__ uint64_t barriers[2 * kMostStages];
    announce();
    const int thread = static_cast<int>(threadIdx.x), warp = thread / kWarp, lane = thread % kWarp;
    const int tile = static_cast<int>(blockIdx.x) / at.token_tiles;
    const int first_token = (static_cast<int>(blockIdx.x) - tile * at.token_tiles) * kTokens;
    uint8_t* memory = tiles_begin(unaligned);
    const uint32_t weights = shared_address(memory), tokens = weights + at.stages * kWeightBytes;
    const uint32_t full = pinned(shared_address(barriers)), empty = full + kMostStages * 8;

    const auto bring_weights = [&](int chunk, int stage) {
        const uint32_t to = weights + stage * kWeightBytes, barrier = full + stage * 8;
        if (at.swiglu) {
            copy_box(to, at.weights, barrier, chunk * kDepth, 0, 0, tile * (kRows / 16));
        } else {
            copy_box(to, at.weights, barrier, chunk * kDepth, tile * kRows);
        }
    };
    const auto bring_tokens = [&](int chunk, int stage) {
        copy_box(tokens + stage * kTokenBytes, at.tokens, full + stage * 8, chunk * kDepth, first_token);
    };
    if (thread == kConsumers) {
        for (int stage = 0; stage < at.stages; ++stage) {
            make_barrier(full + stage * 8, 1);
            make_barrier(empty + stage * 8, kConsumers / kWarp);
        }
        publish_barriers();
        for (int stage = 0; stage < at.stages; ++stage) {
            arrive_expecting(full + stage * 8, kWeightBytes + kTokenBytes);
            if (at.early) bring_weights(stage, stage);
        }
    }
    if (thread == 0) prefetch_map(at.tokens);
    __syncthreads();
    await();

    if (lane == 0) {  // one thread could not ask for so many copies fast enough
        for (int stage = warp; stage < at.stages; stage += kConsumers / kWarp + 1) bring_tokens(stage, stage);
    }
    if (warp == kConsumers / kWarp) {
        if (lane > 0) return;
        if (!at.early) {
            for (int stage = 0; stage < at.stages; ++stage) bring_weights(stage, stage);
        }
        int stage = 0;
        uint32_t parity = 0;
        for (int chunk = at.stages; chunk < at.chunks; ++chunk) {
            wait_barrier(empty + stage * 8, parity);
            arrive_expecting(full + stage * 8, kWeightBytes + kTokenBytes);
            bring_weights(chunk, stage);
            bring_tokens(chunk, stage);
            if (++stage == at.stages) stage = 0, parity ^= 1;
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
    const int chunks = at.chunks, stages = at.stages;
    const uint32_t first_weight = matrix_low(weights), first_tokens = matrix_low(tokens);
    int chunk = 0, stage = 0, before = 0;  // `before`: the first stage of the group before
    uint32_t parity = 0, a = uniform(first_weight), b = uniform(first_tokens);
    const auto wait_for_stages = [&] {
#pragma unroll
        for (int i = 0; i < kGroup; ++i) {
            if (chunk + i < chunks) wait_barrier(full + (stage + i) * 8, parity);
        }
    };
    const auto multiply_stage = [&](uint32_t i) {
#pragma unroll
        for (uint32_t step = 0; step < kDepth / 16; ++step)
            add_product(sums, matrix_at(a + i * (kWeightBytes / 16) + 2 * step),
                        matrix_at(b + i * (kTokenBytes / 16) + 2 * step));
    };
    wait_for_stages();
    while (chunk + kGroup <= chunks) {
        begin_products();
#pragma unroll
        for (uint32_t i = 0; i < kGroup; ++i) multiply_stage(i);
        end_products();
        // while they run, all that the next ones need
        const int now = stage;
        chunk += kGroup, stage += kGroup;
        if (stage == stages) stage = 0, parity ^= 1;
        a = uniform(first_weight + stage * (kWeightBytes / 16));
        b = uniform(first_tokens + stage * (kTokenBytes / 16));
        wait_for_stages();
        wait_products<1>();  // those of the group before
        if (chunk > kGroup && lane < kGroup) arrive(empty + (before + lane) * 8);
        before = now;
    }
    for (uint32_t i = 0; chunk < chunks; ++chunk, ++i) {
        begin_products();
        multiply_stage(i);
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
    constexpr int64_t kMultiprocessors = 132;
    constexpr int64_t kShared = 220 << 10;  // of a multiprocessor
    Cut cut{};
    for (const int tokens : {8, 16, 32, 64}) {
        cut.tokens = tokens;
        cut.blocks = ceil_div(g.m, tokens) * ceil_div(g.n, kRows);
        if (tokens >= g.m || cut.blocks <= kMultiprocessors / 2) break;
    }
    const int64_t stage = (cut.tokens + kRows) * kDepth * static_cast<int64_t>(sizeof(bf16));
    const int64_t outputs = cut.tokens * (kRows + kStagingPad) * static_cast<int64_t>(sizeof(float));
    int64_t each = std::clamp<int64_t>(ceil_div(cut.blocks, kMultiprocessors), 1, 3), fit = 0;
    do {
        fit = (kShared / each - 1024) / stage;
    } while (fit < 3 * kGroup && --each > 0);
    cut.stages = static_cast<int>(std::min({fit, ceil_div(g.k, kDepth), int64_t{kMostStages}}));
    if (cut.stages < ceil_div(g.k, kDepth)) cut.stages -= cut.stages % kGroup;
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
                         {{g.k, 1, kDepth}, {8, g.ldb, 8}, {2, f * g.ldb, 2}, {f / 8, 8 * g.ldb, kRows / 16}})
            : tensor_map(g.b, {{g.k, 1, kDepth}, {g.n, g.ldb, kRows}});
    at.tokens = tensor_map(g.a, {{g.k, 1, kDepth}, {g.m, g.lda, cut.tokens}});
    at.d = g.d, at.bias = g.bias, at.residual = g.residual, at.ldd = g.ldd;
    at.m = static_cast<int>(g.m), at.n = static_cast<int>(g.swiglu ? f : g.n);
    at.chunks = static_cast<int>(ceil_div(g.k, kDepth)), at.stages = cut.stages;
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
