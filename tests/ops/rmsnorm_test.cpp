#include "ops/rmsnorm.h"

#include "ops/op_test.h"

namespace r1::ops {
namespace {

constexpr float kEps = 1e-5f;

Results forward(Stream& stream, const Floats& x, const Floats& w, int64_t rows) {
    const auto width = static_cast<int64_t>(w.size());
    Output y({rows, width}), rstd({rows});
    rmsnorm_forward(stream, y, rstd, in(x, {rows, width}), in(w, {width}), kEps);
    return {y.values(), rstd.values()};
}

// dx and dw, added to what they start from.
Results backward(Stream& stream, const Results& start, const Floats& dy, const Floats& x, const Floats& w,
                 const Floats& rstd) {
    const auto rows = static_cast<int64_t>(rstd.size()), width = static_cast<int64_t>(w.size());
    Output dx({rows, width}, start[0]), dw({width}, start[1]);
    rmsnorm_backward(stream, dx, dw, in(dy, {rows, width}), in(x, {rows, width}), in(w, {width}),
                     in(rstd, {rows}));
    return {dx.values(), dw.values()};
}

// Bounds of dw[c] = start + Σ_n dy[n,c] x[n,c] rstd[n].
Vec dw_bounds(const Floats& dy, const Floats& x, const Vec& rstd, int64_t width) {
    const auto rows = static_cast<int64_t>(rstd.size());
    Vec scaled = widen(x);
    for (size_t i = 0; i < scaled.size(); ++i) scaled[i] *= rstd[i / at(width)];
    const Vec a = column_norms(widen(dy), rows, width), b = column_norms(scaled, rows, width);
    Vec bounds(at(width));
    for (size_t c = 0; c < bounds.size(); ++c)
        bounds[c] = reference::product_bound(a[c], b[c]) + reference::kRow.abs;
    return bounds;
}

TEST(RmsNorm, EqualsTheReference) {
    for (const auto& [rows, width] : std::vector<std::pair<int64_t, int64_t>>{{1, 1},
                                                                              {2, 31},
                                                                              {31, 32},
                                                                              {32, 33},
                                                                              {33, 1},
                                                                              {5, 15},
                                                                              {7, 17},
                                                                              {3, 4099},
                                                                              {4099, 33},
                                                                              {130, 576},
                                                                              {0, 8}}) {
        SCOPED_TRACE(cat("N ", rows, " C ", width));
        const Floats x = normals(rows * width, 1, 3.0f), w = normals(width, 2), dy = normals(rows * width, 3);
        const Results start{normals(rows * width, 4), normals(width, 5)};
        const Results got = everywhere([&](Stream& stream) {
            Results out = forward(stream, x, w, rows);
            for (Floats& g : backward(stream, start, dy, x, w, out[1])) out.push_back(g);
            return out;
        });
        const auto want = reference::rmsnorm(widen(x), widen(w), kEps);
        auto gradients = reference::rmsnorm_backward(widen(dy), widen(x), widen(w), kEps);
        for (size_t i = 0; i < gradients.dx.size(); ++i) gradients.dx[i] += start[0][i];
        for (size_t i = 0; i < gradients.dw.size(); ++i) gradients.dw[i] += start[1][i];
        expect_near(got[0], want.y, reference::kRow, "y");
        expect_near(got[1], want.rstd, reference::kRow, "rstd");
        expect_near(got[2], gradients.dx, reference::kRow, "dx");
        expect_within(got[3], gradients.dw, dw_bounds(dy, x, want.rstd, width), "dw");
    }
}

TEST(RmsNorm, ScaleOfTheInput) {
    const Floats w = normals(40, 1);
    for (float scale : {1e-12f, 1e-3f, 1e3f, 1e15f}) {
        const Floats x = normals(40, 2, scale);
        Stream stream = any_stream();
        const auto want = reference::rmsnorm(widen(x), widen(w), kEps);
        const Results got = forward(stream, x, w, 1);
        expect_near(got[0], want.y, reference::kRow, "y");
        expect_near(got[1], want.rstd, {0.0, reference::kRow.rel}, "rstd");
    }
}

TEST(RmsNorm, RowsDoNotDependOnTheOthers) {
    const int64_t rows = 4099, width = 50;
    const Floats x = normals(rows * width, 1), w = normals(width, 2), dy = normals(rows * width, 3);
    Stream stream = any_stream();
    const Results all = forward(stream, x, w, rows);
    const Results all_back = backward(stream, {Floats(x.size()), Floats(w.size())}, dy, x, w, all[1]);
    for (int64_t n : {0, 1, 31, 32, 2000, 4098}) {
        const Floats x_row = rows_of(x, width, n, n + 1), dy_row = rows_of(dy, width, n, n + 1);
        const Results one = forward(stream, x_row, w, 1);
        EXPECT_SAME_BYTES(one[0], rows_of(all[0], width, n, n + 1));
        EXPECT_SAME_BYTES(one[1], rows_of(all[1], 1, n, n + 1));
        const Results one_back =
            backward(stream, {Floats(at(width)), Floats(at(width))}, dy_row, x_row, w, one[1]);
        EXPECT_SAME_BYTES(one_back[0], rows_of(all_back[0], width, n, n + 1));
    }
}

TEST(RmsNorm, WeightGradientDoesNotDependOnMicroBatches) {
    const int64_t rows = 200, width = 37;
    const Floats x = normals(rows * width, 1), w = normals(width, 2), dy = normals(rows * width, 3),
                 start = normals(width, 4);
    Stream stream = any_stream();
    const Floats rstd = forward(stream, x, w, rows)[1];
    const Floats whole = backward(stream, {Floats(x.size()), start}, dy, x, w, rstd)[1];
    Floats pieces = start;
    int64_t begin = 0;
    for (int64_t end : {1, 7, 7, 40, 200}) {
        pieces = backward(stream, {Floats(at((end - begin) * width)), pieces}, rows_of(dy, width, begin, end),
                          rows_of(x, width, begin, end), w, rows_of(rstd, 1, begin, end))[1];
        begin = end;
    }
    EXPECT_SAME_BYTES(whole, pieces);
}

TEST(RmsNorm, NotANumberStaysInItsRow) {
    Floats x = normals(3 * 20, 1);
    const Floats w = normals(20, 2);
    x[23] = std::numeric_limits<float>::quiet_NaN();
    x[45] = std::numeric_limits<float>::infinity();
    Stream stream = any_stream();
    expect_near(forward(stream, x, w, 3)[0], reference::rmsnorm(widen(x), widen(w), kEps).y, reference::kRow,
                "y");
}

TEST(QkNorm, EqualsTheReference) {
    for (const auto& [rows, heads] : std::vector<std::pair<int64_t, reference::Heads>>{{1, {1, 1, 2}},
                                                                                       {31, {4, 2, 16}},
                                                                                       {33, {6, 2, 33}},
                                                                                       {5, {3, 1, 128}},
                                                                                       {300, {2, 2, 10}},
                                                                                       {0, {2, 1, 8}}}) {
        SCOPED_TRACE(cat("N ", rows, " H ", heads.h, " Hkv ", heads.hkv, " D ", heads.d));
        const Shape shape{rows, heads.all(), heads.d}, statistics{rows, heads.h + heads.hkv}, weight{heads.d};
        const Floats x = normals(shape.numel(), 1, 2.0f), wq = normals(heads.d, 2), wk = normals(heads.d, 3);
        const Floats dy = normals(shape.numel(), 4), dwq_start = normals(heads.d, 5),
                     dwk_start = normals(heads.d, 6);
        const int h = static_cast<int>(heads.h);
        const Results got = everywhere([&](Stream& stream) {
            Output y(shape), rstd(statistics), dx(shape), dwq(weight, dwq_start), dwk(weight, dwk_start);
            qk_norm_forward(stream, y, rstd, in(x, shape), in(wq, weight), in(wk, weight), h, kEps);
            qk_norm_backward(stream, dx, dwq, dwk, in(dy, shape), in(x, shape), in(wq, weight),
                             in(wk, weight), in(rstd.values(), statistics), h);
            return Results{y.values(), dx.values(), dwq.values(), dwk.values()};
        });
        auto want = reference::qk_norm_backward(widen(dy), widen(x), widen(wq), widen(wk), heads, kEps);
        for (size_t c = 0; c < want.dwq.size(); ++c) want.dwq[c] += dwq_start[c], want.dwk[c] += dwk_start[c];
        expect_near(got[0], reference::qk_norm(widen(x), widen(wq), widen(wk), heads, kEps), reference::kRow,
                    "y");
        expect_near(got[1], want.dx, reference::kRow, "dx");
        // |x · rstd| ≤ √D, and a row's own norm is √D: ‖dy‖ over all heads' rows, ‖x · rstd‖ ≤ √(rows · heads
        // · D)
        const double norm_x = std::sqrt(static_cast<double>(rows * heads.h * heads.d));
        const double norm_dy = row_norms(widen(dy), 1, shape.numel())[0];
        const Tolerance sums{reference::product_bound(norm_dy, norm_x) + reference::kRow.abs, 0.0};
        expect_near(got[2], want.dwq, sums, "dwq");
        expect_near(got[3], want.dwk, sums, "dwk");
        for (int64_t n = 0; n < rows; ++n) {  // v is copied
            const int64_t v = (n * heads.all() + heads.h + heads.hkv) * heads.d,
                          end = (n + 1) * heads.width();
            EXPECT_SAME_BYTES(rows_of(got[0], 1, v, end), rows_of(x, 1, v, end));
            EXPECT_SAME_BYTES(rows_of(got[1], 1, v, end), rows_of(dy, 1, v, end));
        }
    }
}

TEST(QkNorm, RowsDoNotDependOnTheOthers) {
    const reference::Heads heads{3, 1, 20};
    const Floats x = normals(200 * heads.width(), 1), wq = normals(20, 2), wk = normals(20, 3);
    Stream stream = any_stream();
    const auto run = [&](const Floats& rows) {
        const int64_t count = static_cast<int64_t>(rows.size()) / heads.width();
        Output y({count, 5, 20}), rstd({count, 4});
        qk_norm_forward(stream, y, rstd, in(rows, {count, 5, 20}), in(wq, {20}), in(wk, {20}), 3, kEps);
        return y.values();
    };
    const Floats all = run(x);
    for (int64_t n : {0, 77, 199})
        EXPECT_SAME_BYTES(run(rows_of(x, 100, n, n + 1)), rows_of(all, 100, n, n + 1));
}

TEST(RmsNorm, Errors) {
    Stream stream = any_stream();
    const Floats x = normals(12, 1);
    const std::vector<int32_t> ids(12);
    Output y({3, 4}), other({4, 3}), rstd({3}), heads({1, 3, 4}), dw({4});
    expect_error(
        [&] {
            rmsnorm_forward(stream, other, rstd, in(x, {3, 4}), in(Floats(4), {4}), kEps);
        },
        {"rmsnorm", "[4, 3]", "[3, 4]"});
    expect_error(
        [&] {
            rmsnorm_forward(stream, y, rstd, in(x, {3, 4}), in(Floats(3), {3}), kEps);
        },
        {"[3]", "[3, 4]"});
    expect_error(
        [&] {
            rmsnorm_forward(stream, y, rstd, view(ids.data(), {3, 4}), in(Floats(4), {4}), kEps);
        },
        {"i32", "f32"});
    expect_error(
        [&] {
            rmsnorm_backward(stream, y, dw, in(x, {4, 3}), in(x, {3, 4}), in(Floats(4), {4}),
                             in(Floats(3), {3}));
        },
        {"[4, 3]", "[3, 4]"});
    expect_error(
        [&] {
            qk_norm_forward(stream, heads, rstd, in(x, {1, 3, 4}), in(Floats(4), {4}), in(Floats(4), {4}), 2,
                            kEps);
        },
        {"[1, 3, 4]", "2"});
    expect_error(
        [&] {
            qk_norm_forward(stream, heads, rstd, in(x, {1, 3, 4}), in(Floats(3), {3}), in(Floats(4), {4}), 1,
                            kEps);
        },
        {"[3]", "[1, 3, 4]"});
}

}  // namespace
}  // namespace r1::ops
