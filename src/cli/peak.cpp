#include "cli/peak.h"

#include <immintrin.h>

#include <algorithm>
#include <functional>

#include "core/buffer.h"
#include "core/clock.h"
#include "core/rng.h"
#include "ops/linear.h"

namespace r1::cli {
namespace {

constexpr int64_t kRounds = 200'000;
constexpr int kAccumulators = 10;  // enough to hide an FMA's latency on two ports

double seconds_of(const std::function<void()>& work) {
    const double start = seconds_now();
    work();
    return seconds_now() - start;
}

// Least time of one call, over as many as fit.
double best_seconds(double budget, const std::function<void()>& work) {
    double best = seconds_of(work), spent = best;
    while (spent < budget) {
        const double now = seconds_of(work);
        best = std::min(best, now);
        spent += now;
    }
    return best;
}

// Each runs kRounds of kAccumulators fused multiply-adds, and returns their sum so that none is left out.
// Two functions and no template: an intrinsic can be used only in a function with its target attribute, and
// instances of a template cannot differ in theirs.
__attribute__((target("avx512f"))) float fma_avx512() {
    __m512 sums[kAccumulators];
    for (int i = 0; i < kAccumulators; ++i) sums[i] = _mm512_set1_ps(static_cast<float>(i));
    const __m512 scale = _mm512_set1_ps(0.999f), shift = _mm512_set1_ps(0.001f);
    for (int64_t round = 0; round < kRounds; ++round) {
#pragma GCC unroll 10
        for (int i = 0; i < kAccumulators; ++i) sums[i] = _mm512_fmadd_ps(sums[i], scale, shift);
    }
    __m512 sum = sums[0];
    for (int i = 1; i < kAccumulators; ++i) sum = _mm512_add_ps(sum, sums[i]);
    float lanes[16];
    _mm512_storeu_ps(lanes, sum);
    return lanes[0];
}

__attribute__((target("avx2,fma"))) float fma_avx2() {
    __m256 sums[kAccumulators];
    for (int i = 0; i < kAccumulators; ++i) sums[i] = _mm256_set1_ps(static_cast<float>(i));
    const __m256 scale = _mm256_set1_ps(0.999f), shift = _mm256_set1_ps(0.001f);
    for (int64_t round = 0; round < kRounds; ++round) {
#pragma GCC unroll 10
        for (int i = 0; i < kAccumulators; ++i) sums[i] = _mm256_fmadd_ps(sums[i], scale, shift);
    }
    __m256 sum = sums[0];
    for (int i = 1; i < kAccumulators; ++i) sum = _mm256_add_ps(sum, sums[i]);
    float lanes[8];
    _mm256_storeu_ps(lanes, sum);
    return lanes[0];
}

float multiply_add_portable() {
    __m128 sums[kAccumulators];
    for (int i = 0; i < kAccumulators; ++i) sums[i] = _mm_set1_ps(static_cast<float>(i));
    const __m128 scale = _mm_set1_ps(0.999f), shift = _mm_set1_ps(0.001f);
    for (int64_t round = 0; round < kRounds; ++round) {
#pragma GCC unroll 10
        for (int i = 0; i < kAccumulators; ++i) sums[i] = _mm_add_ps(_mm_mul_ps(sums[i], scale), shift);
    }
    __m128 sum = sums[0];
    for (int i = 1; i < kAccumulators; ++i) sum = _mm_add_ps(sum, sums[i]);
    return _mm_cvtss_f32(sum);
}

}  // namespace

namespace {

// A large product of bf16 matrices of random numbers, and a copy; both on the GPU.
Peak measure_gpu(Stream& stream, double seconds) {
    constexpr int64_t kSide = 8192, kBytes = int64_t{4} << 30;
    Peak peak;
    const auto wait = [&] { stream.cuda->synchronize(); };
    Arena arena(Device::cuda);
    {
        ArenaScope scope(arena);
        const auto matrix = [&] { return arena.take(DType::bf16, {kSide, kSide}); };
        const TensorView x = matrix(), w = matrix(), y = matrix();
        std::vector<uint16_t> values(static_cast<size_t>(kSide * kSide));
        Rng rng(1);
        for (auto& value : values) value = f32_to_bf16(rng.uniform() - 0.5f);
        upload(stream, x, values.data());
        upload(stream, w, values.data());
        const auto product = [&] {
            for (int i = 0; i < 10; ++i)
                ops::linear_forward(stream, y, x, {w.data, DType::bf16, kSide, kSide}, {}, {});
            wait();
        };
        product();
        peak.gflops = 10 * 2.0 * kSide * kSide * kSide / best_seconds(seconds, product) / 1e9;
    }
    const TensorView from = arena.take(DType::u8, {kBytes}), to = arena.take(DType::u8, {kBytes});
    zero(stream, from);
    const auto copy = [&] {
        stream.cuda->copy(to.data, from.data, from.bytes());
        wait();
    };
    copy();
    peak.gbytes_per_s = 2.0 * kBytes / best_seconds(seconds, copy) / 1e9;
    return peak;
}

}  // namespace

Peak measure_peak(Stream& stream, double seconds) {
    if (stream.on_cuda()) return measure_gpu(stream, seconds);
    ThreadPool& pool = *stream.pool;
    Peak peak;
    volatile float kept = 0;

    const int lanes = stream.isa == Isa::avx512 ? 16 : stream.isa == Isa::avx2 ? 8 : 4;
    const auto multiply_add = stream.isa == Isa::avx512 ? fma_avx512
                              : stream.isa == Isa::avx2 ? fma_avx2
                                                        : multiply_add_portable;
    const int64_t tasks = pool.size();
    const double compute = best_seconds(
        seconds, [&] { pool.parallel(tasks, 1, [&](int64_t, int64_t) { kept = multiply_add(); }); });
    peak.gflops = 2.0 * lanes * kAccumulators * static_cast<double>(kRounds * tasks) / compute / 1e9;

    constexpr int64_t kFloats = int64_t{64} << 20;  // 256 MiB, beyond any cache
    const Buffer buffer(DType::f32, {kFloats});
    const float* data = buffer.as<float>();
    const double memory = best_seconds(seconds, [&] {
        pool.parallel(kFloats, kFloats / (tasks * 4), [&](int64_t begin, int64_t end) {
            __m128 sums[8] = {};
            for (int64_t i = begin; i + 32 <= end; i += 32) {
                for (int j = 0; j < 8; ++j) sums[j] = _mm_add_ps(sums[j], _mm_load_ps(data + i + 4 * j));
            }
            __m128 sum = sums[0];
            for (int j = 1; j < 8; ++j) sum = _mm_add_ps(sum, sums[j]);
            kept = _mm_cvtss_f32(sum);
        });
    });
    peak.gbytes_per_s = static_cast<double>(kFloats) * sizeof(float) / memory / 1e9;
    return peak;
}

}  // namespace r1::cli
