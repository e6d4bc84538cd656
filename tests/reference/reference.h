// Slow references of the ops in double precision: plain loops over the formulas of src/ops/*.h, made to be
// read. Tensors are row-major vectors. Each backward is proven by central differences in
// tests/ops/reference_test.cpp.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

namespace r1::reference {

using Vec = std::vector<double>;

inline Vec widen(const std::vector<float>& x) {
    return Vec(x.begin(), x.end());
}
inline size_t at(int64_t i) {
    return static_cast<size_t>(i);
}
inline Vec zeros(int64_t count) {
    return Vec(at(count), 0.0);
}

// ---- linear:  y[m,n] = Σ_k x[m,k] w[n,k] + bias[n] + residual[m,n]

struct Product {
    int64_t m, n, k;
};

inline Vec linear(const Vec& x, const Vec& w, const Vec& bias, const Vec& residual, Product p) {
    Vec y = zeros(p.m * p.n);
    for (int64_t m = 0; m < p.m; ++m) {
        for (int64_t n = 0; n < p.n; ++n) {
            double& sum = y[at(m * p.n + n)];
            for (int64_t k = 0; k < p.k; ++k) sum += x[at(m * p.k + k)] * w[at(n * p.k + k)];
            if (!bias.empty()) sum += bias[at(n)];
            if (!residual.empty()) sum += residual[at(m * p.n + n)];
        }
    }
    return y;
}

struct LinearGradients {
    Vec dx, dw, dbias;
};

inline LinearGradients linear_backward(const Vec& dy, const Vec& x, const Vec& w, Product p) {
    LinearGradients g{zeros(p.m * p.k), zeros(p.n * p.k), zeros(p.n)};
    for (int64_t m = 0; m < p.m; ++m) {
        for (int64_t n = 0; n < p.n; ++n) {
            const double d = dy[at(m * p.n + n)];
            g.dbias[at(n)] += d;
            for (int64_t k = 0; k < p.k; ++k) {
                g.dx[at(m * p.k + k)] += d * w[at(n * p.k + k)];
                g.dw[at(n * p.k + k)] += d * x[at(m * p.k + k)];
            }
        }
    }
    return g;
}

// ---- RMSNorm:  y[c] = x[c] · rstd · w[c],  rstd = 1 / sqrt(mean x² + eps)

struct Norm {
    Vec y, rstd;
};

inline Norm rmsnorm(const Vec& x, const Vec& w, double eps) {
    const auto width = static_cast<int64_t>(w.size()), rows = static_cast<int64_t>(x.size()) / width;
    Norm out{zeros(rows * width), zeros(rows)};
    for (int64_t n = 0; n < rows; ++n) {
        double squares = 0.0;
        for (int64_t c = 0; c < width; ++c) squares += x[at(n * width + c)] * x[at(n * width + c)];
        const double rstd = 1.0 / std::sqrt(squares / static_cast<double>(width) + eps);
        out.rstd[at(n)] = rstd;
        for (int64_t c = 0; c < width; ++c) out.y[at(n * width + c)] = x[at(n * width + c)] * rstd * w[at(c)];
    }
    return out;
}

struct NormGradients {
    Vec dx, dw;
};

// With g = dy · w and h = x · rstd:  dx = rstd · (g − h · mean(g · h)),  dw = Σ_n dy · h.
inline NormGradients rmsnorm_backward(const Vec& dy, const Vec& x, const Vec& w, double eps) {
    const auto width = static_cast<int64_t>(w.size()), rows = static_cast<int64_t>(x.size()) / width;
    const Vec rstd = rmsnorm(x, w, eps).rstd;
    NormGradients out{zeros(rows * width), zeros(width)};
    for (int64_t n = 0; n < rows; ++n) {
        const double r = rstd[at(n)];
        double mean = 0.0;
        for (int64_t c = 0; c < width; ++c) {
            const size_t i = at(n * width + c);
            mean += dy[i] * w[at(c)] * x[i] * r / static_cast<double>(width);
            out.dw[at(c)] += dy[i] * x[i] * r;
        }
        for (int64_t c = 0; c < width; ++c) {
            const size_t i = at(n * width + c);
            out.dx[i] = r * (dy[i] * w[at(c)] - x[i] * r * mean);
        }
    }
    return out;
}

// ---- Rows [N, H+2·Hkv, D] of query, key and value heads

struct Heads {
    int64_t h, hkv, d;
    int64_t all() const { return h + 2 * hkv; }
    int64_t width() const { return all() * d; }
};

// The norm of each head of q (by wq) and of k (by wk); v is copied.
inline Vec qk_norm(const Vec& x, const Vec& wq, const Vec& wk, Heads heads, double eps) {
    Vec y = x;
    for (int64_t row = 0; row < static_cast<int64_t>(x.size()) / heads.d; ++row) {
        const int64_t head = row % heads.all();
        if (head >= heads.h + heads.hkv) continue;
        const auto begin = x.begin() + row * heads.d;
        const Vec one = rmsnorm(Vec(begin, begin + heads.d), head < heads.h ? wq : wk, eps).y;
        std::copy(one.begin(), one.end(), y.begin() + row * heads.d);
    }
    return y;
}

struct QkNormGradients {
    Vec dx, dwq, dwk;
};

inline QkNormGradients qk_norm_backward(const Vec& dy, const Vec& x, const Vec& wq, const Vec& wk,
                                        Heads heads, double eps) {
    QkNormGradients out{dy, zeros(heads.d), zeros(heads.d)};
    for (int64_t row = 0; row < static_cast<int64_t>(x.size()) / heads.d; ++row) {
        const int64_t head = row % heads.all();
        if (head >= heads.h + heads.hkv) continue;
        const bool query = head < heads.h;
        const auto begin = x.begin() + row * heads.d, dbegin = dy.begin() + row * heads.d;
        const NormGradients one = rmsnorm_backward(Vec(dbegin, dbegin + heads.d), Vec(begin, begin + heads.d),
                                                   query ? wq : wk, eps);
        std::copy(one.dx.begin(), one.dx.end(), out.dx.begin() + row * heads.d);
        Vec& dw = query ? out.dwq : out.dwk;
        for (int64_t c = 0; c < heads.d; ++c) dw[at(c)] += one.dw[at(c)];
    }
    return out;
}

// Rotates q and k of each row by its position (direction 1), or back (direction −1: the transpose, and so the
// backward). cos and sin are [T, D/2].
inline Vec rope(const Vec& qkv, const std::vector<int32_t>& positions, const Vec& cos, const Vec& sin,
                Heads heads, double direction) {
    Vec y = qkv;
    const int64_t half = heads.d / 2;
    for (int64_t row = 0; row < static_cast<int64_t>(qkv.size()) / heads.d; ++row) {
        if (row % heads.all() >= heads.h + heads.hkv) continue;
        const int64_t position = positions[at(row / heads.all())];
        for (int64_t i = 0; i < half; ++i) {
            const double c = cos[at(position * half + i)], s = sin[at(position * half + i)] * direction;
            const double a = qkv[at(row * heads.d + i)], b = qkv[at(row * heads.d + i + half)];
            y[at(row * heads.d + i)] = a * c - b * s;
            y[at(row * heads.d + i + half)] = b * c + a * s;
        }
    }
    return y;
}

// ---- Causal attention of one whole sequence, qkv [T, H+2·Hkv, D]

struct Attention {
    Vec out, lse;  // [T, H, D], [T, H]
};

inline Vec attention_weights(const Vec& qkv, int64_t t, int64_t head, Heads heads, double scale,
                             double& lse) {
    const int64_t kv_head = heads.h + head / (heads.h / heads.hkv);
    Vec p = zeros(t + 1);
    for (int64_t j = 0; j <= t; ++j) {
        for (int64_t i = 0; i < heads.d; ++i) {
            p[at(j)] += qkv[at((t * heads.all() + head) * heads.d + i)] *
                        qkv[at((j * heads.all() + kv_head) * heads.d + i)];
        }
        p[at(j)] *= scale;
    }
    const double top = *std::max_element(p.begin(), p.end());
    double sum = 0.0;
    for (double s : p) sum += std::exp(s - top);
    lse = top + std::log(sum);
    for (double& s : p) s = std::exp(s - lse);
    return p;
}

inline Attention attention(const Vec& qkv, Heads heads, double scale) {
    const int64_t length = static_cast<int64_t>(qkv.size()) / heads.width();
    Attention a{zeros(length * heads.h * heads.d), zeros(length * heads.h)};
    for (int64_t t = 0; t < length; ++t) {
        for (int64_t head = 0; head < heads.h; ++head) {
            const int64_t value_head = heads.h + heads.hkv + head / (heads.h / heads.hkv);
            const Vec p = attention_weights(qkv, t, head, heads, scale, a.lse[at(t * heads.h + head)]);
            for (int64_t j = 0; j <= t; ++j) {
                for (int64_t i = 0; i < heads.d; ++i) {
                    a.out[at((t * heads.h + head) * heads.d + i)] +=
                        p[at(j)] * qkv[at((j * heads.all() + value_head) * heads.d + i)];
                }
            }
        }
    }
    return a;
}

// dp[j] = dout · v[j],  ds = p · (dp − Σ p dp) · scale,  dq = Σ ds k,  dk[j] += ds[j] q,  dv[j] += p[j] dout.
inline Vec attention_backward(const Vec& dout, const Vec& qkv, Heads heads, double scale) {
    const int64_t length = static_cast<int64_t>(qkv.size()) / heads.width(), group = heads.h / heads.hkv;
    Vec dqkv = zeros(length * heads.width());
    for (int64_t t = 0; t < length; ++t) {
        for (int64_t head = 0; head < heads.h; ++head) {
            double lse = 0.0;
            const Vec p = attention_weights(qkv, t, head, heads, scale, lse);
            const int64_t q = (t * heads.all() + head) * heads.d, o = (t * heads.h + head) * heads.d;
            const auto key = [&](int64_t j) { return (j * heads.all() + heads.h + head / group) * heads.d; };
            const auto value = [&](int64_t j) { return key(j) + heads.hkv * heads.d; };
            Vec dp = zeros(t + 1);
            double mean = 0.0;
            for (int64_t j = 0; j <= t; ++j) {
                for (int64_t i = 0; i < heads.d; ++i) dp[at(j)] += dout[at(o + i)] * qkv[at(value(j) + i)];
                mean += p[at(j)] * dp[at(j)];
            }
            for (int64_t j = 0; j <= t; ++j) {
                const double ds = p[at(j)] * (dp[at(j)] - mean) * scale;
                for (int64_t i = 0; i < heads.d; ++i) {
                    dqkv[at(q + i)] += ds * qkv[at(key(j) + i)];
                    dqkv[at(key(j) + i)] += ds * qkv[at(q + i)];
                    dqkv[at(value(j) + i)] += p[at(j)] * dout[at(o + i)];
                }
            }
        }
    }
    return dqkv;
}

// ---- SwiGLU:  y = silu(gate) · up,  rows of gate_up are [gate, up]

inline double sigmoid(double x) {
    return 1.0 / (1.0 + std::exp(-x));
}

inline Vec swiglu(const Vec& gate_up, int64_t width) {
    const int64_t rows = static_cast<int64_t>(gate_up.size()) / (2 * width);
    Vec y = zeros(rows * width);
    for (int64_t n = 0; n < rows; ++n) {
        for (int64_t f = 0; f < width; ++f) {
            const double gate = gate_up[at(2 * n * width + f)], up = gate_up[at((2 * n + 1) * width + f)];
            y[at(n * width + f)] = gate / (1.0 + std::exp(-gate)) * up;
        }
    }
    return y;
}

// silu'(g) = σ(g) · (1 + g · (1 − σ(g)))
inline Vec swiglu_backward(const Vec& dy, const Vec& gate_up, int64_t width) {
    const int64_t rows = static_cast<int64_t>(gate_up.size()) / (2 * width);
    Vec dgate_up = zeros(2 * rows * width);
    for (int64_t n = 0; n < rows; ++n) {
        for (int64_t f = 0; f < width; ++f) {
            const size_t gate_at = at(2 * n * width + f), up_at = at((2 * n + 1) * width + f);
            const double gate = gate_up[gate_at], up = gate_up[up_at], s = sigmoid(gate),
                         d = dy[at(n * width + f)];
            dgate_up[gate_at] = d * up * s * (1.0 + gate * (1.0 - s));
            dgate_up[up_at] = d * gate * s;
        }
    }
    return dgate_up;
}

// ---- Log-softmax at targets, z = logits · inv_temperature, logits [R, V]

struct Logprobs {
    Vec logprobs, lse, entropy;
};

inline Logprobs logprobs(const Vec& logits, const std::vector<int32_t>& targets, double inv_temperature) {
    const auto rows = static_cast<int64_t>(targets.size());
    const int64_t width = rows ? static_cast<int64_t>(logits.size()) / rows : 0;
    Logprobs out{zeros(rows), zeros(rows), zeros(rows)};
    for (int64_t r = 0; r < rows; ++r) {
        const auto z = [&](int64_t v) { return logits[at(r * width + v)] * inv_temperature; };
        double top = z(0), sum = 0.0, mean = 0.0;
        for (int64_t v = 1; v < width; ++v) top = std::max(top, z(v));
        for (int64_t v = 0; v < width; ++v) sum += std::exp(z(v) - top);
        const double lse = top + std::log(sum);
        for (int64_t v = 0; v < width; ++v) {
            const double p = std::exp(z(v) - lse);
            if (p != 0.0) mean += p * z(v);
        }
        out.lse[at(r)] = lse;
        out.entropy[at(r)] = lse - mean;
        out.logprobs[at(r)] = z(targets[at(r)]) - lse;
    }
    return out;
}

inline Vec logprobs_backward(const Vec& dlogprobs, const Vec& logits, const std::vector<int32_t>& targets,
                             double inv_temperature) {
    const auto rows = static_cast<int64_t>(targets.size());
    const int64_t width = rows ? static_cast<int64_t>(logits.size()) / rows : 0;
    const Vec lse = logprobs(logits, targets, inv_temperature).lse;
    Vec dlogits = zeros(rows * width);
    for (int64_t r = 0; r < rows; ++r) {
        for (int64_t v = 0; v < width; ++v) {
            const double p = std::exp(logits[at(r * width + v)] * inv_temperature - lse[at(r)]);
            const double hit = v == targets[at(r)] ? 1.0 : 0.0;
            dlogits[at(r * width + v)] = dlogprobs[at(r)] * (hit - p) * inv_temperature;
        }
    }
    return dlogits;
}

// ---- Filters of one row: what is removed becomes −inf. Candidates are ranked by value, then by lower token
// id.

inline Vec filter(const Vec& logits, int top_k, double top_p, double min_p, double inv_temperature) {
    std::vector<size_t> rank(logits.size());
    std::iota(rank.begin(), rank.end(), size_t{0});
    std::stable_sort(rank.begin(), rank.end(), [&](size_t a, size_t b) { return logits[a] > logits[b]; });
    if (top_k > 0 && static_cast<size_t>(top_k) < rank.size()) rank.resize(static_cast<size_t>(top_k));
    const auto weight = [&](size_t v) { return std::exp((logits[v] - logits[rank[0]]) * inv_temperature); };
    if (top_p < 1.0) {
        double sum = 0.0, reached = 0.0;
        for (size_t v : rank) sum += weight(v);
        size_t keep = 0;
        do reached += weight(rank[keep++]) / sum;
        while (reached < top_p && keep < rank.size());
        rank.resize(keep);
    }
    Vec out(logits.size(), -std::numeric_limits<double>::infinity());
    for (size_t v : rank) {
        if (weight(v) >= min_p) out[v] = logits[v];
    }
    return out;
}

// ---- AdamW of one parameter

struct AdamWState {
    double w, m, v;
};

inline AdamWState adamw(AdamWState s, double grad, double learning_rate, double beta1, double beta2,
                        double eps, double weight_decay, int64_t step) {
    s.m = beta1 * s.m + (1.0 - beta1) * grad;
    s.v = beta2 * s.v + (1.0 - beta2) * grad * grad;
    const auto t = static_cast<double>(step);
    const double m_hat = s.m / (1.0 - std::pow(beta1, t)), v_hat = s.v / (1.0 - std::pow(beta2, t));
    s.w -= learning_rate * weight_decay * s.w + learning_rate * m_hat / (std::sqrt(v_hat) + eps);
    return s;
}

}  // namespace r1::reference
