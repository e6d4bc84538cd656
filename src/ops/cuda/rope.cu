#include <algorithm>

#include "ops/cuda/rope.cuh"

namespace r1::ops::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kHeads = 4;  // in flight a thread

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
        for (int i = 0; i < kWidth; ++i) cuda::turn(low.v[i], high.v[i], cos.v[i], direction * sin.v[i]);
    }
    __device__ void add(const Pairs& other) {
#pragma unroll
        for (int i = 0; i < kWidth; ++i) low.v[i] += other.low.v[i], high.v[i] += other.high.v[i];
    }
};

// The slots of a token: most have one, which is read early.
struct Slots {
    const int32_t* slots;
    int32_t begin, end, first;
    __device__ Slots(const Batch& batch, int64_t token)
        : slots(batch.slots), begin(static_cast<int32_t>(token)), end(begin + 1) {
        if (batch.slot_offsets) begin = batch.slot_offsets[token], end = batch.slot_offsets[token + 1];
        first = begin < end ? slots[begin] : -1;
    }
    template <class F>
    __device__ void each_other(const F& f) const {
#pragma unroll 1
        for (int32_t s = begin + 1; s < end; ++s) {
            if (slots[s] >= 0) f(slots[s]);
        }
    }
};

// A token belongs to a row of the block's threads. A thread has kWidth pairs of every step-th head.
struct Place {
    int64_t token;
    int chunks, i, head, step;
    __device__ Place(int d, int width)
        : token(int64_t{blockIdx.x} * blockDim.y + threadIdx.y), chunks(d / 2 / width) {
        head = static_cast<int>(threadIdx.x) / chunks;
        step = static_cast<int>(blockDim.x) / chunks;
        i = (static_cast<int>(threadIdx.x) - head * chunks) * width;
    }
};

template <int kWidth>
__global__ void __launch_bounds__(kThreads)
    rope_kv_forward_kernel(bf16* qkv, KvPages kv, Batch batch, const float* cos, const float* sin,
                           int heads) {
    begin();
    const Place place(kv.d, kWidth);
    if (place.token >= batch.tokens) return;
    const int half = kv.d / 2, all = heads + 2 * kv.hkv, i = place.i;
    const int64_t angle = int64_t{batch.positions[place.token]} * half + i;
    const Slots slots(batch, place.token);
    bf16* row = qkv + place.token * all * kv.d + i;
#pragma unroll 1
    for (int head = place.head; head < all; head += kHeads * place.step) {
        Packed<kWidth> low[kHeads], high[kHeads];
#pragma unroll
        for (int u = 0; u < kHeads; ++u) {
            const bf16* x = row + min(head + u * place.step, all - 1) * kv.d;
            low[u] = load_packed<kWidth>(x);
            high[u] = load_packed<kWidth>(x + half);
        }
        // after the loads above, which need not wait for the position
        const auto c = load<kWidth>(cos + angle), s = load<kWidth>(sin + angle);
#pragma unroll
        for (int u = 0; u < kHeads; ++u) {
            const int h = head + u * place.step, key = h - heads, value = key - kv.hkv;
            if (h >= all) break;
            Pairs<kWidth> pairs{unpack(low[u]), unpack(high[u])};
            if (value < 0) {
                pairs.turn(c, s, 1.0f);
                pairs.to(row + h * kv.d, half);
            }
            if (key < 0) continue;
            bf16* pages = value < 0 ? kv.k : kv.v;
            const auto write = [&](int32_t slot) {
                pairs.to(pages + page_offset(slot, kv.hkv, value < 0 ? key : value, kv.d) + i, half);
            };
            if (slots.first >= 0) write(slots.first);
            slots.each_other(write);
        }
    }
}

template <int kWidth>
__global__ void __launch_bounds__(kThreads)
    rope_kv_backward_kernel(bf16* dqkv, const float* dk, const float* dv, Batch batch, const float* cos,
                            const float* sin, int heads, int hkv, int d) {
    begin();
    const Place place(d, kWidth);
    if (place.token >= batch.tokens) return;
    const int half = d / 2, all = heads + 2 * hkv, i = place.i;
    const int64_t angle = int64_t{batch.positions[place.token]} * half + i;
    const Slots slots(batch, place.token);
    bf16* row = dqkv + place.token * all * d + i;
#pragma unroll 1
    for (int head = place.head; head < all; head += kHeads * place.step) {
        Pairs<kWidth> pairs[kHeads];
        const auto page_of = [&](int h, int32_t slot) {
            const bool key = h < heads + hkv;
            return (key ? dk : dv) + page_offset(slot, hkv, h - heads - (key ? 0 : hkv), d) + i;
        };
#pragma unroll
        for (int u = 0; u < kHeads; ++u) {
            const int h = head + u * place.step;
            pairs[u] = {};
            if (h < heads) {
                pairs[u] = Pairs<kWidth>::from(row + h * d, half);
            } else if (h < all && slots.first >= 0) {
                pairs[u] = Pairs<kWidth>::from(page_of(h, slots.first), half);
            }
        }
        const auto c = load<kWidth>(cos + angle), s = load<kWidth>(sin + angle);
#pragma unroll
        for (int u = 0; u < kHeads; ++u) {
            const int h = head + u * place.step;
            if (h >= all) break;
            if (h >= heads) {
                slots.each_other(
                    [&](int32_t slot) { pairs[u].add(Pairs<kWidth>::from(page_of(h, slot), half)); });
            }
            if (h < heads + hkv) pairs[u].turn(c, s, -1.0f);
            pairs[u].to(row + h * d, half);
        }
    }
}

struct TokenGrid {
    dim3 block;
    int64_t blocks;
    int width;  // pairs of a thread
    TokenGrid(const char* name, int64_t tokens, int all, int d) : width(d % 16 == 0 ? 8 : 4) {
        check(d % 8 == 0 && d <= 256, name, ": head_dim ", d,
              " is not a multiple of 8 of at most 256, as the CUDA backend needs it");
        const int chunks = d / 2 / width;  // few tokens: a head a thread; many: several loads in flight
        const bool few = tokens < 2048;
        const int step = std::min(few ? all : (all + kHeads - 1) / kHeads, kThreads / chunks);
        block.x = static_cast<unsigned>(chunks * step);
        block.y = few ? 1 : static_cast<unsigned>(kThreads) / block.x;
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
