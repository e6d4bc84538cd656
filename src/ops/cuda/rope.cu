#include <algorithm>

#include "ops/batch.h"
#include "ops/cuda/common.cuh"

namespace r1::ops::cuda {
namespace {

constexpr int kThreads = 256;

// Pairs (x[i], x[i + D/2]) of a head, kWidth of them a thread, turned by the angle, or back.
template <int kWidth>
struct Pairs {
    Floats<kWidth> low, high;
    template <class T>
    __device__ static Pairs from(const T* p, int half) {
        return {load<kWidth>(p), load<kWidth>(p + half)};
    }
    template <class T>
    __device__ void to(T* p, int half) const {
        store<kWidth>(p, low);
        store<kWidth>(p + half, high);
    }
    __device__ void turn(const Floats<kWidth>& cos, const Floats<kWidth>& sin, float direction) {
#pragma unroll
        for (int i = 0; i < kWidth; ++i) {
            const float a = low.v[i], b = high.v[i], c = cos.v[i], s = direction * sin.v[i];
            low.v[i] = a * c - b * s;
            high.v[i] = b * c + a * s;
        }
    }
    __device__ void add(const Pairs& other) {
#pragma unroll
        for (int i = 0; i < kWidth; ++i) low.v[i] += other.low.v[i], high.v[i] += other.high.v[i];
    }
};

// The slots of a token.
struct Slots {
    int32_t begin, end;
    __device__ Slots(const Batch& batch, int64_t token) : begin(static_cast<int32_t>(token)), end(begin + 1) {
        if (batch.slot_offsets) begin = batch.slot_offsets[token], end = batch.slot_offsets[token + 1];
    }
};
__device__ int64_t page_offset(int32_t slot, int hkv, int g, int d) {
    return ((int64_t{slot / kPage} * hkv + g) * kPage + slot % kPage) * d;
}

// A token belongs to a row of the block's threads, which go over its heads' pairs.
template <int kWidth>
__global__ void __launch_bounds__(kThreads)
    rope_kv_forward_kernel(bf16* qkv, KvPages kv, Batch batch, const float* cos, const float* sin,
                           int heads) {
    begin();
    const int64_t token = int64_t{blockIdx.x} * blockDim.y + threadIdx.y;
    if (token >= batch.tokens) return;
    const int half = kv.d / 2, chunks = half / kWidth, all = heads + 2 * kv.hkv;
    const int64_t angle = int64_t{batch.positions[token]} * half;
    const Slots slots(batch, token);
    for (int item = static_cast<int>(threadIdx.x); item < all * chunks;
         item += static_cast<int>(blockDim.x)) {
        const int head = item / chunks, i = (item - head * chunks) * kWidth;
        bf16* at = qkv + (token * all + head) * kv.d + i;
        auto pairs = Pairs<kWidth>::from(at, half);
        if (head < heads + kv.hkv) {
            pairs.turn(load<kWidth>(cos + angle + i), load<kWidth>(sin + angle + i), 1.0f);
            pairs.to(at, half);
        }
        if (head < heads) continue;
        bf16* pages = head < heads + kv.hkv ? kv.k : kv.v;
        const int g = head < heads + kv.hkv ? head - heads : head - heads - kv.hkv;
        for (int32_t s = slots.begin; s < slots.end; ++s) {
            const int32_t slot = batch.slots[s];
            if (slot >= 0) pairs.to(pages + page_offset(slot, kv.hkv, g, kv.d) + i, half);
        }
    }
}

template <int kWidth>
__global__ void __launch_bounds__(kThreads)
    rope_kv_backward_kernel(bf16* dqkv, const float* dk, const float* dv, Batch batch, const float* cos,
                            const float* sin, int heads, int hkv, int d) {
    begin();
    const int64_t token = int64_t{blockIdx.x} * blockDim.y + threadIdx.y;
    if (token >= batch.tokens) return;
    const int half = d / 2, chunks = half / kWidth, all = heads + 2 * hkv;
    const int64_t angle = int64_t{batch.positions[token]} * half;
    const Slots slots(batch, token);
    for (int item = static_cast<int>(threadIdx.x); item < all * chunks;
         item += static_cast<int>(blockDim.x)) {
        const int head = item / chunks, i = (item - head * chunks) * kWidth;
        bf16* at = dqkv + (token * all + head) * d + i;
        Pairs<kWidth> pairs{};
        if (head < heads) {
            pairs = Pairs<kWidth>::from(at, half);
        } else {
            const float* pages = head < heads + hkv ? dk : dv;
            const int g = head < heads + hkv ? head - heads : head - heads - hkv;
            for (int32_t s = slots.begin; s < slots.end; ++s) {
                const int32_t slot = batch.slots[s];
                if (slot >= 0) pairs.add(Pairs<kWidth>::from(pages + page_offset(slot, hkv, g, d) + i, half));
            }
        }
        if (head < heads + hkv)
            pairs.turn(load<kWidth>(cos + angle + i), load<kWidth>(sin + angle + i), -1.0f);
        pairs.to(at, half);
    }
}

struct TokenGrid {
    dim3 block;
    int64_t blocks;
    int width;  // pairs of a thread
    TokenGrid(const char* name, int64_t tokens, int all, int d) : width(d % 16 == 0 ? 8 : 4) {
        check(d % 8 == 0 && d <= 256, name, ": head_dim ", d,
              " is not a multiple of 8 of at most 256, as the CUDA backend needs it");
        block.x = static_cast<unsigned>(std::min(all * (d / 2 / width), kThreads));
        block.y = tokens < 2048 ? 1 : static_cast<unsigned>(kThreads) / block.x;
        blocks = ceil_div(tokens, block.y);
    }
};

}  // namespace

void rope_kv_forward(cudaStream_t stream, bf16* qkv, KvPages kv, const Batch& batch, const float* cos,
                     const float* sin, int heads) {
    const TokenGrid grid("rope", batch.tokens, heads + 2 * kv.hkv, kv.d);
    const auto kernel = grid.width == 8 ? rope_kv_forward_kernel<8> : rope_kv_forward_kernel<4>;
    launch("rope", stream, kernel, grid.blocks, grid.block, 0, qkv, kv, batch, cos, sin, heads);
}

void rope_kv_backward(cudaStream_t stream, bf16* dqkv, const float* dk, const float* dv, const Batch& batch,
                      const float* cos, const float* sin, int heads, int hkv, int d) {
    const TokenGrid grid("rope backward", batch.tokens, heads + 2 * hkv, d);
    const auto kernel = grid.width == 8 ? rope_kv_backward_kernel<8> : rope_kv_backward_kernel<4>;
    launch("rope backward", stream, kernel, grid.blocks, grid.block, 0, dqkv, dk, dv, batch, cos, sin, heads,
           hkv, d);
}

}  // namespace r1::ops::cuda
