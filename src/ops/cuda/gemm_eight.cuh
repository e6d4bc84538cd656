// What the two kernels of matrix products of at most 8 rows share: the product's description, the rows
// normalised on the way, and what becomes of the sums. Both take 16 rows of the weight at a time, and a
// step's 8 columns are the tokens.
#pragma once
#include "ops/cuda/norms.cuh"
#include "ops/cuda/rope.cuh"
#include "ops/cuda/tensor_copy.cuh"

namespace r1::ops::cuda {

inline constexpr int kPanel = 64;         // columns of the weight, a row of 128 bytes
inline constexpr int kPanelBytes = 2048;  // of 16 rows
inline constexpr int kStep = 16;          // columns of one product

struct Eight {
    CUtensorMap weights, tokens;  // tokens: of the rows of A, where they come by stages
    const bf16 *a, *norm;
    void* d;
    const bf16 *bias, *residual;
    int64_t lda, ldd;
    int m, n, k;  // as in Gemm
    int tiles;    // of 16 rows of the weight: 8 from `tile / turn · stride + tile % turn · 8` on and 8 …
    int turn, stride, second;  // … that lie `second` rows further
    int pairs, stages;         // of warps of a block, and of a pair (gemm_eight.cu); stages of a block
    float eps;
    bool d_f32, swiglu;
    bool early;  // whether weights may be read before the kernels before this one have ended
    Rope rope;

    __device__ int first_row(int tile) const { return tile / turn * stride + tile % turn * 8; }
};

// The weight as boxes of 16 rows and `panels` panels: 16 rows of 128 bytes, swizzled, after one another.
inline CUtensorMap weights_map(const Eight& at, const Gemm& g, int panels) {
    return tensor_map(g.b, {{kPanel, 1, kPanel},
                            {8, g.ldb, 8},
                            {2, at.second * g.ldb, 2},
                            {g.n / 8, 8 * g.ldb, 1},
                            {g.k / kPanel, kPanel, panels}});
}
__device__ inline void copy_weights(uint32_t to, const Eight& at, uint32_t barrier, int tile, int panel) {
    copy_box(to, at.weights, barrier, 0, 0, 0, at.first_row(tile) / 8, panel);
}

// A row of A, normalised by one warp as norms.cu does it. The 8 columns from c on go to place(c).
template <class Place>
__device__ inline void normalise(Place place, const bf16* x, const bf16* w, uint32_t w_arrived, int c,
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
        store<8>(place(column), y);
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
        column = at.first_row(tile) + static_cast<int>(threadIdx.x) % kWarp / 4;
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

// ---- gemm_eight_wide.cu: for few tiles, one a block
bool is_wide(const Eight&);
void gemm_eight_wide(cudaStream_t, Eight, const Gemm&);

}  // namespace r1::ops::cuda
