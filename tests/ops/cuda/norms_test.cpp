// RMSNorm and the norms of heads on CUDA against double references; a row's bytes in other batches.
#include "ops/cuda/device_array.h"

namespace r1::ops {
namespace {

constexpr float kEps = 1e-6f;

struct Forward {
    Bits y, sum;
    Floats rstd;
};

Forward forward(const Bits& x, const Bits& w, const Bits& residual = {}) {
    const auto c = static_cast<int64_t>(w.size()), n = static_cast<int64_t>(x.size()) / c;
    DeviceArray<bf16> dx(x), dw(w), y(n * c);
    DeviceArray<float> rstd(n);
    if (residual.empty()) {
        cuda::rmsnorm_forward(test_stream(), y, rstd, dx, dw, n, c, kEps);
        return {y.values(), {}, rstd.values()};
    }
    DeviceArray<bf16> other(residual), sum(n * c);
    cuda::rmsnorm_residual_forward(test_stream(), y, sum, rstd, dx, other, dw, n, c, kEps);
    return {y.values(), sum.values(), rstd.values()};
}

struct Backward {
    Bits dx;
    Floats dw;
};

Backward backward(const Bits& dx, const Floats& dw, const Bits& dy, const Bits& x, const Bits& w,
                  const Floats& rstd) {
    const auto c = static_cast<int64_t>(w.size()), n = static_cast<int64_t>(x.size()) / c;
    DeviceArray<bf16> out(dx), d(dy), in_x(x), in_w(w);
    DeviceArray<float> weight(dw), scale(rstd);
    DeviceArray<char> workspace(static_cast<int64_t>(cuda::rmsnorm_workspace(n, c)));
    cuda::rmsnorm_backward(test_stream(), out, weight, d, in_x, in_w, scale, n, c, workspace.data());
    return {out.values(), weight.values()};
}

class CudaRmsNorm : public testing::TestWithParam<std::pair<int64_t, int64_t>> {};

TEST_P(CudaRmsNorm, EqualsTheReference) {
    R1_NEED_GPU();
    const auto [n, c] = GetParam();
    const Bits x = bf16_normals(n * c, 1), w = bf16_normals(c, 2), dy = bf16_normals(n * c, 3);
    const Forward got = forward(x, w);
    const auto want = reference::rmsnorm(widen(x), widen(w), kEps);
    expect_near(from_bf16(got.y), want.y, kBf16, "y");
    expect_near(got.rstd, want.rstd, {0.0, 1e-6}, "rstd");

    const Bits dx = bf16_normals(n * c, 4);
    const Floats dw = normals(c, 5);
    const Backward gradients = backward(dx, dw, dy, x, w, got.rstd);
    auto grad = reference::rmsnorm_backward(widen(dy), widen(x), widen(w), kEps);
    const Vec old_dx = widen(dx), old_dw = widen(dw);
    for (size_t i = 0; i < old_dx.size(); ++i) grad.dx[i] += old_dx[i];
    for (size_t i = 0; i < old_dw.size(); ++i) grad.dw[i] += old_dw[i];
    expect_near(from_bf16(gradients.dx), grad.dx, kBf16, "dx");
    expect_near(gradients.dw, grad.dw, {1e-4 * std::sqrt(static_cast<double>(n)), 1e-5}, "dw");

    const Backward again = backward(dx, dw, dy, x, w, got.rstd);
    expect_same(again.dx, gradients.dx, "dx of a second run");
    expect_same(again.dw, gradients.dw, "dw of a second run");
}

INSTANTIATE_TEST_SUITE_P(Sizes, CudaRmsNorm,
                         testing::Values(std::pair{1, 1}, std::pair{1, 8}, std::pair{3, 9}, std::pair{5, 257},
                                         std::pair{2, 571}, std::pair{1, 576}, std::pair{256, 576},
                                         std::pair{3001, 576}, std::pair{1, 1536}, std::pair{700, 1536},
                                         std::pair{7, 2048}, std::pair{5, 2049}, std::pair{5, 2056},
                                         std::pair{33, 3584}, std::pair{9, 8191}, std::pair{9, 8192}));

TEST(CudaRmsNorm, ARowsBytesDoNotDependOnTheOthers) {
    R1_NEED_GPU();
    for (int64_t c : {40, 576, 1536, 3584, 571}) {
        const int64_t n = 2500;  // above the count at which blocks take several rows
        const Bits x = bf16_normals(n * c, 1), w = bf16_normals(c, 2), residual = bf16_normals(n * c, 3);
        const Bits dy = bf16_normals(n * c, 4), dx = bf16_normals(n * c, 5);
        const Forward all = forward(x, w), added = forward(x, w, residual);
        const Backward gradients = backward(dx, Floats(at(c)), dy, x, w, all.rstd);
        for (const auto& [first, last] :
             {std::pair<int64_t, int64_t>{0, 1}, {999, 1000}, {2499, 2500}, {3, 1003}}) {
            const auto rows = [&, b = first, e = last](const Bits& t) { return slice(t, c, b, e); };
            const Forward part = forward(rows(x), w), part_added = forward(rows(x), w, rows(residual));
            expect_same(part.y, rows(all.y), "y");
            expect_same(part.rstd, slice(all.rstd, 1, first, last), "rstd");
            expect_same(part_added.y, rows(added.y), "y of the sum");
            expect_same(part_added.sum, rows(added.sum), "sum");
            const Backward one =
                backward(rows(dx), Floats(at(c)), rows(dy), rows(x), w, slice(all.rstd, 1, first, last));
            expect_same(one.dx, rows(gradients.dx), "dx");
        }
    }
}

TEST(CudaRmsNorm, WithTheResidualIsTheSumRoundedAndThenTheNorm) {
    R1_NEED_GPU();
    for (int64_t c : {571, 576, 1536}) {
        const int64_t n = 30;
        const Bits x = bf16_normals(n * c, 1), w = bf16_normals(c, 2), residual = bf16_normals(n * c, 3);
        const Forward got = forward(x, w, residual);
        Bits sum(x.size());
        for (size_t i = 0; i < x.size(); ++i) sum[i] = rounded(from_bf16(x[i]) + from_bf16(residual[i]));
        expect_same(got.sum, sum, "sum");
        const Forward plain = forward(sum, w);
        expect_same(got.y, plain.y, "y");
        expect_same(got.rstd, plain.rstd, "rstd");
    }
}

TEST(CudaRmsNorm, ANanStaysInItsRow) {
    R1_NEED_GPU();
    Bits x = bf16_normals(3 * 576, 1);
    x[576 + 100] = 0x7fc0;
    const Forward got = forward(x, bf16_normals(576, 2));
    EXPECT_TRUE(std::isnan(from_bf16(got.y[576])) && std::isnan(got.rstd[1]));
    for (int64_t r : {0, 2}) {
        for (float y : from_bf16(slice(got.y, 576, r, r + 1))) EXPECT_TRUE(std::isfinite(y));
    }
}

TEST(CudaRmsNorm, NoRowsDoNothing) {
    R1_NEED_GPU();
    EXPECT_TRUE(forward({}, bf16_normals(576, 2)).y.empty());
    const Floats dw = normals(576, 1);
    expect_same(backward({}, dw, {}, {}, bf16_normals(576, 2), {}).dw, dw, "dw");
}

struct HeadShape {
    int64_t n;
    int heads, hkv, d;
};

struct HeadNorms {
    Bits y, dx;
    Floats rstd, dwq, dwk;
};

HeadNorms qk_norm(const Bits& x, const Bits& dy, const Bits& wq, const Bits& wk, HeadShape s) {
    DeviceArray<bf16> in_x(x), in_dy(dy), q(wq), k(wk), y(static_cast<int64_t>(x.size())),
        dx(static_cast<int64_t>(x.size()));
    DeviceArray<float> rstd(s.n * (s.heads + s.hkv)), dwq(normals(s.d, 10)), dwk(normals(s.d, 11));
    DeviceArray<char> workspace(static_cast<int64_t>(cuda::qk_norm_workspace(s.n, s.heads, s.hkv, s.d)));
    cuda::qk_norm_forward(test_stream(), y, rstd, in_x, q, k, s.n, s.heads, s.hkv, s.d, kEps);
    cuda::qk_norm_backward(test_stream(), dx, dwq, dwk, in_dy, in_x, q, k, rstd, s.n, s.heads, s.hkv, s.d,
                           workspace.data());
    return {y.values(), dx.values(), rstd.values(), dwq.values(), dwk.values()};
}

TEST(CudaQkNorm, EqualsTheReferenceAndKeepsRowsApart) {
    R1_NEED_GPU();
    for (const HeadShape s : {HeadShape{1, 1, 1, 8},
                              {5, 3, 1, 24},
                              {300, 9, 3, 64},
                              {1200, 12, 2, 128},
                              {33, 2, 2, 80},
                              {17, 4, 1, 256}}) {
        SCOPED_TRACE(cat(s.n, " tokens, D ", s.d));
        const int64_t width = (s.heads + 2 * s.hkv) * s.d;
        const Bits x = bf16_normals(s.n * width, 1), dy = bf16_normals(s.n * width, 2),
                   wq = bf16_normals(s.d, 3), wk = bf16_normals(s.d, 4);
        const reference::Heads heads{s.heads, s.hkv, s.d};
        const HeadNorms got = qk_norm(x, dy, wq, wk, s), again = qk_norm(x, dy, wq, wk, s);
        expect_near(from_bf16(got.y), reference::qk_norm(widen(x), widen(wq), widen(wk), heads, kEps), kBf16,
                    "y");
        auto want = reference::qk_norm_backward(widen(dy), widen(x), widen(wq), widen(wk), heads, kEps);
        const Vec old_q = widen(normals(s.d, 10)), old_k = widen(normals(s.d, 11));
        for (size_t i = 0; i < old_q.size(); ++i) want.dwq[i] += old_q[i], want.dwk[i] += old_k[i];
        expect_near(from_bf16(got.dx), want.dx, kBf16, "dx");
        const double abs = 1e-4 * std::sqrt(static_cast<double>(s.n * s.heads));
        expect_near(got.dwq, want.dwq, {abs, 1e-5}, "dwq");
        expect_near(got.dwk, want.dwk, {abs, 1e-5}, "dwk");
        expect_same(again.dwq, got.dwq, "dwq of a second run");
        expect_same(again.dwk, got.dwk, "dwk of a second run");
        const int64_t r = s.n - 1;
        const HeadNorms one =
            qk_norm(slice(x, width, r, r + 1), slice(dy, width, r, r + 1), wq, wk, {1, s.heads, s.hkv, s.d});
        expect_same(one.y, slice(got.y, width, r, r + 1), "y of one row");
        expect_same(one.dx, slice(got.dx, width, r, r + 1), "dx of one row");
        expect_same(one.rstd, slice(got.rstd, s.heads + s.hkv, r, r + 1), "rstd of one row");
    }
}

TEST(CudaNorms, SizesThatTheKernelsDoNotTakeAreNamed) {
    R1_NEED_GPU();
    expect_error(
        [] { cuda::rmsnorm_forward(test_stream(), nullptr, nullptr, nullptr, nullptr, 1, 8200, kEps); },
        {"8200", "8192"});
    expect_error(
        [] {
            cuda::qk_norm_forward(test_stream(), nullptr, nullptr, nullptr, nullptr, nullptr, 1, 1, 1, 20,
                                  kEps);
        },
        {"head_dim 20", "multiple of 8"});
}

}  // namespace
}  // namespace r1::ops
