// SwiGLU, rows by index, AdamW.
#include "ops/cpu/impl.h"
#include "ops/cpu/simd.h"

namespace r1::ops::cpu::R1_ISA {
namespace {

constexpr int64_t kGrain = 16;     // rows of a task
constexpr int64_t kBlock = 16384;  // elements of a task

int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

}  // namespace

void swiglu_forward(ThreadPool& pool, float* y, const float* gate_up, int64_t n, int64_t f) {
    pool.parallel(n, kGrain, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
            const float* gate = gate_up + r * 2 * f;
            const float* up = gate + f;
            for (int64_t i = 0; i < f; i += 16) {
                const F16 g = load_upto(gate + i, f - i);
                const F16 silu = g / (set1(1.0f) + exp(zero() - g));
                store_upto(y + r * f + i, silu * load_upto(up + i, f - i), f - i);
            }
        }
    });
}

void swiglu_backward(ThreadPool& pool, float* dgate_up, const float* dy, const float* gate_up, int64_t n,
                     int64_t f) {
    pool.parallel(n, kGrain, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
            const float* gate = gate_up + r * 2 * f;
            const float* up = gate + f;
            float* dgate = dgate_up + r * 2 * f;
            float* dup = dgate + f;
            for (int64_t i = 0; i < f; i += 16) {
                const F16 g = load_upto(gate + i, f - i), u = load_upto(up + i, f - i),
                          d = load_upto(dy + r * f + i, f - i);
                const F16 sigmoid = set1(1.0f) / (set1(1.0f) + exp(zero() - g));
                const F16 silu = g * sigmoid;
                const F16 slope = sigmoid * (set1(1.0f) + g * (set1(1.0f) - sigmoid));
                store_upto(dgate + i, d * u * slope, f - i);
                store_upto(dup + i, d * silu, f - i);
            }
        }
    });
}

void gather_rows(ThreadPool& pool, float* y, const float* x, const int32_t* index, int64_t rows, int64_t c) {
    pool.parallel(rows, kGrain, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
            const float* from = x + int64_t{index[r]} * c;
            for (int64_t i = 0; i < c; i += 16) store_upto(y + r * c + i, load_upto(from + i, c - i), c - i);
        }
    });
}

// A task owns columns, so that each output's sum runs over r in ascending order.
void scatter_add_rows(ThreadPool& pool, float* dx, const float* dy, const int32_t* index, int64_t rows,
                      int64_t c) {
    pool.parallel((c + 63) / 64, 1, [&](int64_t begin, int64_t end) {
        for (int64_t r = 0; r < rows; ++r) {
            float* to = dx + int64_t{index[r]} * c;
            for (int64_t i = begin * 64; i < smaller(end * 64, c); i += 16) {
                store_upto(to + i, load_upto(to + i, c - i) + load_upto(dy + r * c + i, c - i), c - i);
            }
        }
    });
}

void adamw(ThreadPool& pool, float* w, float* m, float* v, const float* grad, int64_t count, float decay,
           float b1, float b2, float step_size, float root_correction, float eps, float grad_scale) {
    pool.parallel((count + kBlock - 1) / kBlock, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin * kBlock; i < smaller(end * kBlock, count); i += 16) {
            const int64_t width = count - i;
            const F16 g = load_upto(grad + i, width) * set1(grad_scale);
            const F16 mean = load_upto(m + i, width);
            const F16 new_mean = mean + (g - mean) * set1(1.0f - b1);
            const F16 square = load_upto(v + i, width) * set1(b2) + g * g * set1(1.0f - b2);
            const F16 root = sqrt(square) / set1(root_correction) + set1(eps);
            const F16 weight = load_upto(w + i, width) * set1(decay);
            store_upto(w + i, weight - set1(step_size) * (new_mean / root), width);
            store_upto(m + i, new_mean, width);
            store_upto(v + i, square, width);
        }
    });
}

void block_squares(ThreadPool& pool, float* sums, const float* x, int64_t count, int64_t block) {
    pool.parallel((count + block - 1) / block, 16, [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; ++b) {
            F16 sum = zero();
            for (int64_t i = b * block; i < smaller((b + 1) * block, count); i += 16) {
                const F16 value = load_upto(x + i, count - i);
                sum = fma(value, value, sum);
            }
            sums[b] = reduce_add(sum);
        }
    });
}

}  // namespace r1::ops::cpu::R1_ISA
