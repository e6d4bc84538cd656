#include "ops/cpu/impl.h"
#include "ops/cpu/simd.h"
#include "ops/math.h"

namespace r1::ops::cpu::R1_ISA {
namespace {

constexpr float kFloor = -87.33654f;  // where exp becomes 0; a removed token's −inf is raised to it

struct RowSums {
    float max, total, weighted;  // Σ exp(z − max), Σ exp(z − max)·(z − max)
};

RowSums row_sums(const float* logits, int64_t v, float inv_temperature) {
    const F16 scale = set1(inv_temperature);
    F16 high = set1(-__builtin_inff());
    for (int64_t i = 0; i < v; i += 16) {
        // max returns its second argument where the first is NaN; a NaN shows in the sums
        high = max(load_upto(logits + i, v - i, -__builtin_inff()) * scale, high);
    }
    const float top = reduce_max(high);
    const F16 shift = set1(top), low = set1(kFloor);
    F16 total = zero(), weighted = zero();
    for (int64_t i = 0; i < v; i += 16) {
        const F16 z = max(low, load_upto(logits + i, v - i, -__builtin_inff()) * scale - shift);
        const F16 e = exp(z);
        total = total + e;
        weighted = fma(e, z, weighted);
    }
    return {top, reduce_add(total), reduce_add(weighted)};
}

}  // namespace

void logprobs_forward(ThreadPool& pool, float* logprobs, float* lse, float* entropy, const float* logits,
                      const int32_t* targets, int64_t rows, int64_t v, float inv_temperature) {
    pool.parallel(rows, 1, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
            const RowSums sums = row_sums(logits + r * v, v, inv_temperature);
            const auto log_total = static_cast<float>(exact_log(static_cast<double>(sums.total)));
            lse[r] = sums.max + log_total;
            if (targets) logprobs[r] = logits[r * v + targets[r]] * inv_temperature - lse[r];
            if (entropy) entropy[r] = log_total - sums.weighted / sums.total;
        }
    });
}

void logprobs_backward(ThreadPool& pool, float* dlogits, const float* logits, const int32_t* targets,
                       const float* lse, const float* dlogprobs, int64_t rows, int64_t v,
                       float inv_temperature) {
    pool.parallel(rows, 1, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
            const float g = dlogprobs[r] * inv_temperature;
            const F16 scale = set1(inv_temperature), shift = set1(lse[r]), factor = set1(-g);
            for (int64_t i = 0; i < v; i += 16) {
                const F16 p = exp(load_upto(logits + r * v + i, v - i) * scale - shift);
                store_upto(dlogits + r * v + i, p * factor, v - i);
            }
            dlogits[r * v + targets[r]] += g;
        }
    });
}

void sample(ThreadPool& pool, int32_t* tokens, const float* logits, const float* lse,
            const float* inv_temperature, const float* uniform, int64_t rows, int64_t v) {
    pool.parallel(rows, 1, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
            const float* row = logits + r * v;
            int32_t token = -1;
            if (__builtin_isinf(inv_temperature[r])) {  // greedy
                for (int64_t i = 0; i < v; ++i) {
                    if (row[i] != row[i]) {
                        token = -1;
                        break;
                    }
                    if (token < 0 || row[i] > row[token]) token = static_cast<int32_t>(i);
                }
                tokens[r] = token;
                continue;
            }
            if (lse[r] != lse[r]) {
                tokens[r] = -1;
                continue;
            }
            const F16 scale = set1(inv_temperature[r]), shift = set1(lse[r]);
            float reached = 0.0f;
            for (int64_t i = 0; i < v && reached <= uniform[r]; i += 16) {
                float p[16];
                const F16 e = exp(load_upto(row + i, v - i, -__builtin_inff()) * scale - shift);
                store(p, e);
                const float next = reached + reduce_add(e);
                float sum = reached;
                for (int64_t lane = 0; lane < 16 && i + lane < v; ++lane) {
                    if (p[lane] <= 0.0f) continue;
                    // the last token seen is kept, should rounding leave the sum below the number drawn
                    token = static_cast<int32_t>(i + lane);
                    sum += p[lane];
                    if (next > uniform[r] && sum > uniform[r]) break;
                }
                reached = next;
            }
            tokens[r] = token;
        }
    });
}

}  // namespace r1::ops::cpu::R1_ISA
