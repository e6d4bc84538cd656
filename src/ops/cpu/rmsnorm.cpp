#include "ops/cpu/impl.h"
#include "ops/cpu/simd.h"

namespace r1::ops::cpu::R1_ISA {
namespace {

constexpr int64_t kGrain = 16;  // rows of a task

float dot(const float* a, const float* b, int64_t c) {
    F16 sum = zero();
    for (int64_t i = 0; i < c; i += 16) sum = fma(load_upto(a + i, c - i), load_upto(b + i, c - i), sum);
    return reduce_add(sum);
}

float norm_row(float* y, const float* x, const float* w, int64_t c, float eps) {
    const float rstd = 1.0f / __builtin_sqrtf(dot(x, x, c) / static_cast<float>(c) + eps);
    const F16 scale = set1(rstd);
    for (int64_t i = 0; i < c; i += 16) {
        store_upto(y + i, load_upto(x + i, c - i) * scale * load_upto(w + i, c - i), c - i);
    }
    return rstd;
}

// dx (+)= rstd · (w dy − x · rstd² · mean(w dy x))
template <bool ADD>
void norm_row_backward(float* dx, const float* dy, const float* x, const float* w, float rstd, int64_t c) {
    F16 sum = zero();
    for (int64_t i = 0; i < c; i += 16) {
        sum = fma(load_upto(w + i, c - i) * load_upto(dy + i, c - i), load_upto(x + i, c - i), sum);
    }
    const F16 shift = set1(reduce_add(sum) / static_cast<float>(c) * rstd * rstd);
    const F16 scale = set1(rstd);
    for (int64_t i = 0; i < c; i += 16) {
        const F16 g = load_upto(w + i, c - i) * load_upto(dy + i, c - i) - load_upto(x + i, c - i) * shift;
        store_upto(dx + i, ADD ? fma(g, scale, load_upto(dx + i, c - i)) : g * scale, c - i);
    }
}

// dw[i] += Σ_rows dy · x · rstd for the 16 columns at i; row r lies at r·stride, its rstd at r·rstd_stride
void weight_columns(float* dw, const float* dy, const float* x, const float* rstd, int64_t rows,
                    int64_t stride, int64_t rstd_stride, int64_t width) {
    F16 sum = load_upto(dw, width);
    for (int64_t r = 0; r < rows; ++r) {
        const F16 term = load_upto(x + r * stride, width) * set1(rstd[r * rstd_stride]);
        sum = fma(load_upto(dy + r * stride, width), term, sum);
    }
    store_upto(dw, sum, width);
}

}  // namespace

void rmsnorm_forward(ThreadPool& pool, float* y, float* rstd, const float* x, const float* w, int64_t n,
                     int64_t c, float eps) {
    pool.parallel(n, kGrain, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) rstd[r] = norm_row(y + r * c, x + r * c, w, c, eps);
    });
}

void rmsnorm_backward(ThreadPool& pool, float* dx, float* dw, const float* dy, const float* x, const float* w,
                      const float* rstd, int64_t n, int64_t c) {
    pool.parallel(n, kGrain, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
            norm_row_backward<true>(dx + r * c, dy + r * c, x + r * c, w, rstd[r], c);
        }
    });
    pool.parallel((c + 15) / 16, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin * 16; i < end * 16 && i < c; i += 16) {
            weight_columns(dw + i, dy + i, x + i, rstd, n, c, 1, c - i);
        }
    });
}

void qk_norm_forward(ThreadPool& pool, float* y, float* rstd, const float* x, const float* wq,
                     const float* wk, int64_t n, int heads, int hkv, int64_t d, float eps) {
    const int all = heads + 2 * hkv, normed = heads + hkv;
    pool.parallel(n, kGrain, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
            const float* from = x + r * all * d;
            float* to = y + r * all * d;
            for (int h = 0; h < normed; ++h) {
                rstd[r * normed + h] = norm_row(to + h * d, from + h * d, h < heads ? wq : wk, d, eps);
            }
            for (int64_t i = normed * d; i < all * d; ++i) to[i] = from[i];
        }
    });
}

void qk_norm_backward(ThreadPool& pool, float* dx, float* dwq, float* dwk, const float* dy, const float* x,
                      const float* wq, const float* wk, const float* rstd, int64_t n, int heads, int hkv,
                      int64_t d) {
    const int all = heads + 2 * hkv, normed = heads + hkv;
    pool.parallel(n, kGrain, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
            const int64_t at = r * all * d;
            for (int h = 0; h < normed; ++h) {
                norm_row_backward<false>(dx + at + h * d, dy + at + h * d, x + at + h * d,
                                         h < heads ? wq : wk, rstd[r * normed + h], d);
            }
            for (int64_t i = normed * d; i < all * d; ++i) dx[at + i] = dy[at + i];
        }
    });
    pool.parallel((d + 15) / 16, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin * 16; i < end * 16 && i < d; i += 16) {
            for (int h = 0; h < normed; ++h) {
                weight_columns((h < heads ? dwq : dwk) + i, dy + h * d + i, x + h * d + i, rstd + h, n,
                               all * d, normed, d - i);
            }
        }
    });
}

}  // namespace r1::ops::cpu::R1_ISA
