// Matrix products of at most 8 rows, the columns of one mma: the decode steps of few sequences. The bits are
// those of gemm_few.cu and of cuBLASLt, one fp32 accumulator for each output over ascending k in steps of 16.
//
// What counts is the number of kernels and that all multiprocessors bring weights all the time. So a pair of
// warps has 16 rows of the weight and goes on to other 16: one warp brings them to shared memory, as far
// ahead as there is room, the other multiplies. All rows of A lie in shared memory, normalised on the way if
// that is asked for. What the next kernels would have to read again is computed at the end: SwiGLU, or the
// rotation and the write of keys and values, for which the 16 rows are 8 and the 8 that go with them.
//
// The next kernel, which would bring its weights at once, may begin when what this one waits for is there: a
// load of a few bytes takes several times as long behind the weights of the next.
#include <algorithm>

#include "ops/cuda/gemm_eight.cuh"
#include "ops/cuda/mma.cuh"

namespace r1::ops::cuda {
namespace {

constexpr int kMostRows = 8;
constexpr int kPanels = 2;                        // of a stage
constexpr int kMostPairs = 10, kMostStages = 32;  // of all pairs of a block
constexpr int kSteps = kPanel / kStep;
constexpr uint32_t kStage = kPanels * kPanelBytes;
constexpr int kLongest = 4096;  // k, of which all rows of A lie in shared memory
constexpr int kPad = 8;         // of a row in shared memory, so that 8 rows fall into different banks

// Of one panel, as multiply() has them.
struct Operands {
    uint32_t weights[kSteps][4], tokens[kSteps / 2][4];
};

__global__ void __launch_bounds__(2 * kMostPairs * kWarp)
    gemm_eight_kernel(const __grid_constant__ Eight at) {
#if R1_HOPPER
    extern __shared__ uint8_t unaligned[];
    __shared__ uint64_t barriers[2 * kMostStages + 1];
    const int thread = static_cast<int>(threadIdx.x), warp = thread / kWarp, lane = thread % kWarp;
    const int pairs = at.pairs, pair = warp % pairs;
    const bool multiplies = warp < pairs, brings = !multiplies && warp < 2 * pairs;  // others normalise
    const int first_tile = static_cast<int>(blockIdx.x) * pairs + pair;
    const int next_tile = static_cast<int>(gridDim.x) * pairs;
    const int stages = at.stages, panels = at.k / kPanel;
    const int row_size = at.k + kPad;
    uint8_t* memory = tiles_begin(unaligned);
    const uint32_t ring = shared_address(memory) + pair * stages * kStage;
    const uint32_t full = shared_address(barriers) + pair * stages * 8, empty = full + kMostStages * 8;
    const uint32_t arrived = shared_address(barriers + 2 * kMostStages);
    bf16* rows = reinterpret_cast<bf16*>(memory + pairs * stages * kStage);
    bf16* norm = rows + at.m * row_size;

    if (thread == 0) make_barrier(arrived, 1);
    if (brings && lane < stages) make_barrier(full + lane * 8, 1), make_barrier(empty + lane * 8, 1);
    publish_barriers();
    __syncthreads();

    struct {
        int tile, panel = 0, stage = 0;
        uint32_t parity = 1;
    } next{first_tile};  // what is brought next, and where to
    const auto bring_weights = [&] {
        const uint32_t barrier = full + next.stage * 8;
        arrive_expecting(barrier, kStage);
        copy_weights(ring + next.stage * kStage, at, barrier, next.tile, next.panel);
        next.panel += kPanels;
        if (next.panel >= panels) next.panel = 0, next.tile += next_tile;
        if (++next.stage == stages) next.stage = 0, next.parity ^= 1;
    };
    Ending ending;
    // All that no other kernel of a graph writes.
    const auto begin = [&] {
        if (at.norm && thread == 0) {
            const uint32_t bytes = at.k * sizeof(bf16);
            arrive_expecting(arrived, bytes);
            copy_bytes(shared_address(norm), at.norm, bytes, arrived);
        }
        if (brings && lane == 0) {
            for (int i = 0; i < stages && next.tile < at.tiles; ++i) bring_weights();
        }
        if (multiplies && first_tile < at.tiles) ending.begin(at, first_tile);
    };
    if (at.early) begin();
    await();
    if (!at.early) begin();
    if (at.norm) {
        for (int row = warp; row < at.m; row += static_cast<int>(blockDim.x) / kWarp) {
            bf16* to = rows + row * row_size;
            normalise([&](int column) { return to + column; }, at.a + row * at.lda, norm, arrived, at.k,
                      at.eps);
        }
        __syncthreads();
    } else if (thread == 0) {
        const uint32_t bytes = at.k * sizeof(bf16);
        arrive_expecting(arrived, at.m * bytes);
        for (int row = 0; row < at.m; ++row)
            copy_bytes(shared_address(rows + row * row_size), at.a + row * at.lda, bytes, arrived);
    }
    if (!multiplies) {
        if (!brings || lane > 0) return;
        while (next.tile < at.tiles) {
            wait_barrier(empty + next.stage * 8, next.parity);
            bring_weights();
        }
        return;
    }

    // Where the matrices lie that this lane names: of the weight in swizzled rows of 128 bytes.
    uint32_t weights_at[kSteps];
#pragma unroll
    for (int i = 0; i < kSteps; ++i)
        weights_at[i] = lane / 8 % 2 * 1024 + lane % 8 * 128 + ((2 * i + lane / 16) ^ (lane % 8)) * 16;
    const uint32_t tokens_at = shared_address(rows + min(lane % 8, at.m - 1) * row_size) + lane / 8 * 16;
    int stage = 0;
    uint32_t parity = 0;
    const auto load = [&](Operands& to, int step, int of_stage, int of_all) {
        load_matrices(to.weights[step], ring + stage * kStage + of_stage * kPanelBytes + weights_at[step]);
        if (step % 2 == 0) load_matrices(to.tokens[step / 2], tokens_at + of_all * 128 + step / 2 * 64);
    };
    const auto add = [](float(&sums)[4], const Operands& x, int step) {
        multiply(sums, x.weights[step], x.tokens[step / 2][step % 2 * 2],
                 x.tokens[step / 2][step % 2 * 2 + 1]);
    };
    const auto release = [&](int which) {
        __syncwarp();
        if (lane == 0) arrive(empty + which * 8);
    };
    const auto next_stage = [&] {
        if (++stage == stages) stage = 0, parity ^= 1;
    };

    if (!at.norm) wait_barrier(arrived, 0);
    announce();
    for (int tile = first_tile; tile < at.tiles; tile += next_tile) {
        if (tile != first_tile) ending.begin(at, tile);
        ending.begin_residual(at);
        float sums[4] = {};
        Operands x[2];  // of a stage's two panels
        wait_barrier(full + stage * 8, parity);
#pragma unroll
        for (int step = 0; step < kSteps; ++step) load(x[0], step, 0, 0);
        // A panel is multiplied while the next is loaded. Two branches, as branches between the products
        // would have each wait for the loads.
        for (int panel = 0; panel < panels; panel += kPanels) {
            const int before = stage;
            if (panel + 1 == panels) {
#pragma unroll
                for (int step = 0; step < kSteps; ++step) add(sums, x[0], step);
                break;
            }
#pragma unroll
            for (int step = 0; step < kSteps; ++step) {
                add(sums, x[0], step);
                load(x[1], step, 1, panel + 1);
            }
            const bool more = panel + kPanels < panels;
            if (more) {
                next_stage();
                wait_barrier(full + stage * 8, parity);
            }
#pragma unroll
            for (int step = 0; step < kSteps; ++step) {
                add(sums, x[1], step);
                if (more) load(x[0], step, 0, panel + kPanels);
            }
            if (more) release(before);
        }
        release(stage);
        next_stage();
        ending.write(at, sums);
    }
#endif
}

// How the work is cut. It changes no bit.
constexpr int64_t kMultiprocessors = 132;
constexpr int64_t kStages = 80 << 10;  // bytes; the rest of shared memory is for the kernels around

void compute(cudaStream_t stream, Eight at, const Gemm& g) {
    constexpr int64_t kSize = sizeof(bf16);
    // All multiprocessors, and all of their pairs, in as few rounds as there can be.
    const int64_t rounds = ceil_div(at.tiles, kMultiprocessors * kMostPairs);
    at.pairs = static_cast<int>(ceil_div(at.tiles, kMultiprocessors * rounds));
    const int64_t blocks = std::min(kMultiprocessors, ceil_div(at.tiles, at.pairs));
    const int64_t chunks = ceil_div(g.k / kPanel, kPanels) * ceil_div(at.tiles, blocks * at.pairs);
    at.stages =
        static_cast<int>(std::min({kStages / kStage / at.pairs, chunks, int64_t{kMostStages / at.pairs}}));
    at.weights = weights_map(at, g, kPanels);
    const size_t shared =
        static_cast<size_t>(at.pairs * at.stages * kStage + (g.m * (g.k + kPad) + g.k) * kSize + 1024);
    allow_shared("a matrix product of at most 8 rows", gemm_eight_kernel, shared);
    const int64_t warps = std::max<int64_t>(2 * at.pairs, g.norm ? g.m : 0);
    launch("a matrix product of at most 8 rows", stream, gemm_eight_kernel, blocks,
           dim3(static_cast<unsigned>(warps * kWarp)), shared, at);
}

Eight describe(const Gemm& g) {
    Eight at{};
    at.a = g.a, at.norm = g.norm, at.d = g.d, at.bias = g.bias, at.residual = g.residual;
    at.lda = g.lda, at.ldd = g.ldd;
    at.m = static_cast<int>(g.m), at.n = static_cast<int>(g.n), at.k = static_cast<int>(g.k);
    at.tiles = at.n / 16;
    at.turn = 1, at.stride = 16, at.second = 8;
    if (g.swiglu) at.turn = at.tiles, at.second = at.n / 2;
    if (g.rope.heads > 0) at.turn = g.rope.kv.d / 16, at.stride = g.rope.kv.d, at.second = at.stride / 2;
    at.eps = g.eps, at.d_f32 = g.d_f32, at.swiglu = g.swiglu, at.rope = g.rope;
    return at;
}

}  // namespace

bool is_eight(const Gemm& g) {
    return g.m <= kMostRows && g.k % kPanel == 0 && g.n % 16 == 0 && (!g.norm || g.k <= kWarpRow) &&
           (g.rope.heads == 0 || g.rope.kv.d % 16 == 0) && (g.k <= kLongest || is_wide(describe(g)));
}

void gemm_eight(cudaStream_t stream, const Gemm& g) {
    Eight at = describe(g);
    at.early = is_recorded(stream);
    is_wide(at) ? gemm_eight_wide(stream, at, g) : compute(stream, at, g);
}

}  // namespace r1::ops::cuda
