#include "ops/batch.h"
#include "ops/cpu/impl.h"
#include "ops/cpu/simd.h"

namespace r1::ops::cpu::R1_ISA {
namespace {

constexpr int64_t kGrain = 16;  // tokens of a task

// Rotates by the angle, or back with sign = −1.
void rotate(float* x, const float* cos, const float* sin, int half, float sign) {
    const F16 direction = set1(sign);
    for (int i = 0; i < half; i += 16) {
        const int64_t width = half - i;
        const F16 a = load_upto(x + i, width), b = load_upto(x + i + half, width);
        const F16 c = load_upto(cos + i, width), s = direction * load_upto(sin + i, width);
        store_upto(x + i, a * c - b * s, width);
        store_upto(x + i + half, b * c + a * s, width);
    }
}

// Where element i of head g's key and value at a slot lie.
struct SlotAddress {
    int64_t d, width, page, offset;
    SlotAddress(const Attention& at, int32_t slot, int g)
        : d(at.d),
          width((at.d + 15) / 16 * 16),
          page(int64_t{slot / kPage} * at.hkv + g),
          offset(slot % kPage) {}
    int64_t k(int64_t i) const { return page * kPage * d + (offset / 16 * d + i) * 16 + offset % 16; }
    int64_t v(int64_t i) const { return page * kPage * width + (i / 16 * kPage + offset) * 16 + i % 16; }
};

}  // namespace

void rope_kv_forward(ThreadPool& pool, float* qkv, const Attention& at, const float* cos, const float* sin) {
    const int all = at.heads + 2 * at.hkv, half = at.d / 2;
    const int64_t width = (at.d + 15) / 16 * 16;
    pool.parallel(at.tokens, kGrain, [&](int64_t begin, int64_t end) {
        for (int64_t n = begin; n < end; ++n) {
            float* row = qkv + n * all * at.d;
            const int64_t angle = int64_t{at.positions[n]} * half;
            for (int h = 0; h < at.heads + at.hkv; ++h)
                rotate(row + h * at.d, cos + angle, sin + angle, half, 1.0f);
            for (int32_t i = at.slot_offsets[n]; i < at.slot_offsets[n + 1]; ++i) {
                for (int g = 0; g < at.hkv; ++g) {
                    const SlotAddress to(at, at.slots[i], g);
                    const float* k = row + (at.heads + g) * at.d;
                    const float* v = row + (at.heads + at.hkv + g) * at.d;
                    for (int64_t e = 0; e < at.d; ++e) at.k[to.k(e)] = k[e];
                    for (int64_t e = 0; e < width; e += 16) store(at.v + to.v(e), load_upto(v + e, at.d - e));
                }
            }
        }
    });
}

void rope_kv_backward(ThreadPool& pool, float* dqkv, const float* dk, const float* dv, const Attention& at,
                      const float* cos, const float* sin) {
    const int all = at.heads + 2 * at.hkv, half = at.d / 2;
    pool.parallel(at.tokens, kGrain, [&](int64_t begin, int64_t end) {
        for (int64_t n = begin; n < end; ++n) {
            float* row = dqkv + n * all * at.d;
            for (int64_t e = at.heads * int64_t{at.d}; e < all * int64_t{at.d}; ++e) row[e] = 0.0f;
            for (int32_t i = at.slot_offsets[n]; i < at.slot_offsets[n + 1]; ++i) {
                for (int g = 0; g < at.hkv; ++g) {
                    const SlotAddress from(at, at.slots[i], g);
                    float* k = row + (at.heads + g) * at.d;
                    float* v = row + (at.heads + at.hkv + g) * at.d;
                    for (int64_t e = 0; e < at.d; ++e) k[e] += dk[from.k(e)];
                    for (int64_t e = 0; e < at.d; e += 16) {
                        const F16 sum = load_upto(v + e, at.d - e) + load(dv + from.v(e));
                        store_upto(v + e, sum, at.d - e);
                    }
                }
            }
            const int64_t angle = int64_t{at.positions[n]} * half;
            for (int h = 0; h < at.heads + at.hkv; ++h)
                rotate(row + h * at.d, cos + angle, sin + angle, half, -1.0f);
        }
    });
}

}  // namespace r1::ops::cpu::R1_ISA
