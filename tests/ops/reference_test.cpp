// The references themselves: each backward equals the central differences of its forward.
#include <functional>

#include "ops/op_test.h"

namespace r1::ops {
namespace {

using namespace reference;

Vec normal_vec(int64_t count, uint64_t seed) {
    return widen(normals(count, seed));
}

double dot(const Vec& a, const Vec& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// d loss(x) / dx by central differences.
void expect_gradient(const Vec& got, Vec x, const std::function<double(const Vec&)>& loss,
                     const std::string& what) {
    ASSERT_EQ(got.size(), x.size()) << what;
    for (size_t i = 0; i < x.size(); ++i) {
        const double here = x[i], h = 1e-5;
        x[i] = here + h;
        const double above = loss(x);
        x[i] = here - h;
        const double below = loss(x);
        x[i] = here;
        const double want = (above - below) / (2.0 * h);
        EXPECT_NEAR(got[i], want, kDifference.abs + kDifference.rel * std::abs(want))
            << what << "[" << i << "]";
    }
}

TEST(Reference, Linear) {
    const Product p{3, 5, 4};
    const Vec x = normal_vec(12, 1), w = normal_vec(20, 2), bias = normal_vec(5, 3), dy = normal_vec(15, 4);
    const LinearGradients g = linear_backward(dy, x, w, p);
    expect_gradient(
        g.dx, x, [&](const Vec& v) { return dot(dy, linear(v, w, bias, {}, p)); }, "dx");
    expect_gradient(
        g.dw, w, [&](const Vec& v) { return dot(dy, linear(x, v, bias, {}, p)); }, "dw");
    expect_gradient(
        g.dbias, bias, [&](const Vec& v) { return dot(dy, linear(x, w, v, {}, p)); }, "dbias");
}

TEST(Reference, RmsNorm) {
    const Vec x = normal_vec(15, 1), w = normal_vec(5, 2), dy = normal_vec(15, 3);
    const NormGradients g = rmsnorm_backward(dy, x, w, 1e-5);
    expect_gradient(
        g.dx, x, [&](const Vec& v) { return dot(dy, rmsnorm(v, w, 1e-5).y); }, "dx");
    expect_gradient(
        g.dw, w, [&](const Vec& v) { return dot(dy, rmsnorm(x, v, 1e-5).y); }, "dw");
}

TEST(Reference, QkNorm) {
    const Heads heads{4, 2, 3};
    const int64_t count = 2 * heads.width();
    const Vec x = normal_vec(count, 1), wq = normal_vec(3, 2), wk = normal_vec(3, 3),
              dy = normal_vec(count, 4);
    const QkNormGradients g = qk_norm_backward(dy, x, wq, wk, heads, 1e-6);
    expect_gradient(
        g.dx, x, [&](const Vec& v) { return dot(dy, qk_norm(v, wq, wk, heads, 1e-6)); }, "dx");
    expect_gradient(
        g.dwq, wq, [&](const Vec& v) { return dot(dy, qk_norm(x, v, wk, heads, 1e-6)); }, "dwq");
    expect_gradient(
        g.dwk, wk, [&](const Vec& v) { return dot(dy, qk_norm(x, wq, v, heads, 1e-6)); }, "dwk");
}

TEST(Reference, Rope) {
    const Heads heads{2, 1, 6};
    const std::vector<int32_t> positions{0, 3, 1};
    Vec cos(12), sin(12);
    for (size_t i = 0; i < 12; ++i)
        cos[i] = std::cos(0.3 * static_cast<double>(i)), sin[i] = std::sin(0.3 * static_cast<double>(i));
    const Vec x = normal_vec(3 * heads.width(), 1), dy = normal_vec(3 * heads.width(), 2);
    expect_gradient(
        rope(dy, positions, cos, sin, heads, -1.0), x,
        [&](const Vec& v) { return dot(dy, rope(v, positions, cos, sin, heads, 1.0)); }, "dqkv");
}

TEST(Reference, Attention) {
    const Heads heads{4, 2, 3};
    const Vec qkv = normal_vec(7 * heads.width(), 1), dout = normal_vec(7 * heads.h * heads.d, 2);
    expect_gradient(
        attention_backward(dout, qkv, heads, 0.6), qkv,
        [&](const Vec& v) { return dot(dout, attention(v, heads, 0.6).out); }, "dqkv");
}

TEST(Reference, SwiGlu) {
    const Vec gate_up = normal_vec(3 * 8, 1), dy = normal_vec(3 * 4, 2);
    expect_gradient(
        swiglu_backward(dy, gate_up, 4), gate_up, [&](const Vec& v) { return dot(dy, swiglu(v, 4)); },
        "dgate_up");
}

TEST(Reference, Logprobs) {
    const std::vector<int32_t> targets{2, 0, 6};
    const Vec logits = normal_vec(3 * 7, 1), dlogprobs = normal_vec(3, 2);
    expect_gradient(
        logprobs_backward(dlogprobs, logits, targets, 1.7), logits,
        [&](const Vec& v) { return dot(dlogprobs, logprobs(v, targets, 1.7).logprobs); }, "dlogits");
}

TEST(Reference, FilterByHand) {
    const double gone = -std::numeric_limits<double>::infinity();
    const Vec logits{1.0, 3.0, 3.0, 2.0};  // probabilities .054 .399 .399 .147
    EXPECT_EQ(filter(logits, 1, 1.0, 0.0, 1.0), (Vec{gone, 3.0, gone, gone}));
    EXPECT_EQ(filter(logits, 0, 0.5, 0.0, 1.0), (Vec{gone, 3.0, 3.0, gone}));
    EXPECT_EQ(filter(logits, 0, 0.3, 0.0, 1.0), (Vec{gone, 3.0, gone, gone}));
    EXPECT_EQ(filter(logits, 0, 1.0, 0.3, 1.0), (Vec{gone, 3.0, 3.0, 2.0}));
    EXPECT_EQ(filter(logits, 3, 0.9, 0.5, 1.0), (Vec{gone, 3.0, 3.0, gone}));
}

}  // namespace
}  // namespace r1::ops
