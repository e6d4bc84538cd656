// Sixteen fp32 lanes: one AVX-512 register, two AVX2 registers, or an array. Each operation is IEEE's on each
// lane.
#pragma once
#include <cstdint>

#if defined(R1_ISA_avx512) || defined(R1_ISA_avx2)
#include <immintrin.h>
#endif

#define R1_INLINE [[gnu::always_inline]] inline

namespace r1::ops::cpu::R1_ISA {

#if defined(R1_ISA_avx512)

struct F16 {
    __m512 v;
};
R1_INLINE F16 load(const float* p) {
    return {_mm512_loadu_ps(p)};
}
R1_INLINE void store(float* p, F16 a) {
    _mm512_storeu_ps(p, a.v);
}
R1_INLINE F16 set1(float x) {
    return {_mm512_set1_ps(x)};
}
R1_INLINE F16 operator+(F16 a, F16 b) {
    return {_mm512_add_ps(a.v, b.v)};
}
R1_INLINE F16 operator-(F16 a, F16 b) {
    return {_mm512_sub_ps(a.v, b.v)};
}
R1_INLINE F16 operator*(F16 a, F16 b) {
    return {_mm512_mul_ps(a.v, b.v)};
}
R1_INLINE F16 operator/(F16 a, F16 b) {
    return {_mm512_div_ps(a.v, b.v)};
}
R1_INLINE F16 fma(F16 a, F16 b, F16 c) {
    return {_mm512_fmadd_ps(a.v, b.v, c.v)};
}
R1_INLINE F16 max(F16 a, F16 b) {
    return {_mm512_max_ps(a.v, b.v)};
}  // b where either is NaN
R1_INLINE F16 min(F16 a, F16 b) {
    return {_mm512_min_ps(a.v, b.v)};
}
R1_INLINE F16 sqrt(F16 a) {
    return {_mm512_sqrt_ps(a.v)};
}
// p · 2^n for whole n in [−126, 127]
R1_INLINE F16 scale_exp2(F16 p, F16 n) {
    const __m512i e =
        _mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n.v), _mm512_set1_epi32(127)), 23);
    return {_mm512_mul_ps(p.v, _mm512_castsi512_ps(e))};
}
// a where x >= y, else 0
R1_INLINE F16 keep_if_ge(F16 a, F16 x, F16 y) {
    return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x.v, y.v, _CMP_GE_OQ), a.v)};
}
R1_INLINE F16 load_bf16(const uint16_t* p) {
    const __m256i h = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16))};
}

#elif defined(R1_ISA_avx2)

struct F16 {
    __m256 a, b;
};
R1_INLINE F16 load(const float* p) {
    return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
R1_INLINE void store(float* p, F16 x) {
    _mm256_storeu_ps(p, x.a);
    _mm256_storeu_ps(p + 8, x.b);
}
R1_INLINE F16 set1(float x) {
    return {_mm256_set1_ps(x), _mm256_set1_ps(x)};
}
R1_INLINE F16 operator+(F16 x, F16 y) {
    return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)};
}
R1_INLINE F16 operator-(F16 x, F16 y) {
    return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)};
}
R1_INLINE F16 operator*(F16 x, F16 y) {
    return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)};
}
R1_INLINE F16 operator/(F16 x, F16 y) {
    return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)};
}
R1_INLINE F16 fma(F16 x, F16 y, F16 z) {
    return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
R1_INLINE F16 max(F16 x, F16 y) {
    return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)};
}
R1_INLINE F16 min(F16 x, F16 y) {
    return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)};
}
R1_INLINE F16 sqrt(F16 x) {
    return {_mm256_sqrt_ps(x.a), _mm256_sqrt_ps(x.b)};
}
R1_INLINE __m256 exp2_bits(__m256 n) {
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
}
R1_INLINE F16 scale_exp2(F16 p, F16 n) {
    return {_mm256_mul_ps(p.a, exp2_bits(n.a)), _mm256_mul_ps(p.b, exp2_bits(n.b))};
}
R1_INLINE F16 keep_if_ge(F16 x, F16 y, F16 z) {
    return {_mm256_and_ps(x.a, _mm256_cmp_ps(y.a, z.a, _CMP_GE_OQ)),
            _mm256_and_ps(x.b, _mm256_cmp_ps(y.b, z.b, _CMP_GE_OQ))};
}
R1_INLINE F16 load_bf16(const uint16_t* p) {
    const __m128i lo = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i hi = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 8));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(lo), 16)),
            _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(hi), 16))};
}

#else

struct F16 {
    float v[16];
};
template <class F>
R1_INLINE F16 each(F f) {
    F16 r;
    for (int i = 0; i < 16; ++i) r.v[i] = f(i);
    return r;
}
R1_INLINE F16 load(const float* p) {
    return each([&](int i) { return p[i]; });
}
R1_INLINE void store(float* p, F16 a) {
    for (int i = 0; i < 16; ++i) p[i] = a.v[i];
}
R1_INLINE F16 set1(float x) {
    return each([&](int) { return x; });
}
R1_INLINE F16 operator+(F16 a, F16 b) {
    return each([&](int i) { return a.v[i] + b.v[i]; });
}
R1_INLINE F16 operator-(F16 a, F16 b) {
    return each([&](int i) { return a.v[i] - b.v[i]; });
}
R1_INLINE F16 operator*(F16 a, F16 b) {
    return each([&](int i) { return a.v[i] * b.v[i]; });
}
R1_INLINE F16 operator/(F16 a, F16 b) {
    return each([&](int i) { return a.v[i] / b.v[i]; });
}
R1_INLINE F16 fma(F16 a, F16 b, F16 c) {
    return each([&](int i) { return __builtin_fmaf(a.v[i], b.v[i], c.v[i]); });
}
R1_INLINE F16 max(F16 a, F16 b) {
    return each([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
}
R1_INLINE F16 min(F16 a, F16 b) {
    return each([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
}
R1_INLINE F16 sqrt(F16 a) {
    return each([&](int i) { return __builtin_sqrtf(a.v[i]); });
}
R1_INLINE F16 scale_exp2(F16 p, F16 n) {
    return each([&](int i) {
        const int32_t whole = n.v[i] == n.v[i] ? static_cast<int32_t>(n.v[i]) : 0;  // NaN stays NaN through p
        const uint32_t bits = static_cast<uint32_t>(whole + 127) << 23;
        return p.v[i] * __builtin_bit_cast(float, bits);
    });
}
R1_INLINE F16 keep_if_ge(F16 a, F16 x, F16 y) {
    return each([&](int i) { return x.v[i] >= y.v[i] ? a.v[i] : 0.0f; });
}
R1_INLINE F16 load_bf16(const uint16_t* p) {
    return each([&](int i) { return __builtin_bit_cast(float, static_cast<uint32_t>(p[i]) << 16); });
}

#endif

R1_INLINE F16 zero() {
    return set1(0.0f);
}

// The fixed tree: lanes i and i+8, then i+4, i+2, i+1.
template <class F>
R1_INLINE float reduce(F16 a, F f) {
    float lane[16];
    store(lane, a);
    for (int width = 8; width >= 1; width /= 2) {
        for (int i = 0; i < width; ++i) lane[i] = f(lane[i], lane[i + width]);
    }
    return lane[0];
}
R1_INLINE float reduce_add(F16 a) {
    return reduce(a, [](float x, float y) { return x + y; });
}
R1_INLINE float reduce_max(F16 a) {
    return reduce(a, [](float x, float y) { return x > y ? x : y; });
}

// The first n (< 16) lanes; the others are `rest` on a load and untouched on a store.
R1_INLINE F16 load_part(const float* p, int64_t n, float rest = 0.0f) {
    float lane[16];
    for (int i = 0; i < 16; ++i) lane[i] = i < n ? p[i] : rest;
    return load(lane);
}
R1_INLINE void store_part(float* p, F16 a, int64_t n) {
    float lane[16];
    store(lane, a);
    for (int i = 0; i < n; ++i) p[i] = lane[i];
}
R1_INLINE F16 load_upto(const float* p, int64_t n, float rest = 0.0f) {
    return n >= 16 ? load(p) : load_part(p, n, rest);
}
R1_INLINE void store_upto(float* p, F16 a, int64_t n) {
    if (n >= 16) {
        store(p, a);
    } else {
        store_part(p, a, n);
    }
}

// exp within 2 ulp; exactly 1 at 0; 0 up to −87.3; capped at exp(88.3). NaN stays NaN.
R1_INLINE F16 exp(F16 x) {
    const F16 low = set1(-87.33654f);
    // max and min return their second argument where one is NaN
    const F16 clamped = min(set1(88.37626f), max(low, x));
    const F16 magic = set1(12582912.0f);  // 1.5 · 2^23: adding it rounds to a whole number
    const F16 n = fma(clamped, set1(1.44269504f), magic) - magic;
    F16 r = fma(n, set1(-0.693359375f), clamped);
    r = fma(n, set1(2.12194440e-4f), r);
    F16 p = set1(1.9875691500e-4f);
    p = fma(p, r, set1(1.3981999507e-3f));
    p = fma(p, r, set1(8.3334519073e-3f));
    p = fma(p, r, set1(4.1665795894e-2f));
    p = fma(p, r, set1(1.6666665459e-1f));
    p = fma(p, r, set1(5.0000001201e-1f));
    p = fma(p, r * r, r) + set1(1.0f);
    const F16 y = scale_exp2(p, n);
    return y - keep_if_ge(y, low, x);
}

}  // namespace r1::ops::cpu::R1_ISA
