#include "ops/linear.h"

#include "core/buffer.h"
#include "ops/op_test.h"

namespace r1::ops {
namespace {

struct Packed {
    Buffer bytes;
    PackedWeight weight;
};

Packed pack(Stream& stream, const Floats& w, int64_t n, int64_t k, DType dtype, bool transposed = false) {
    Packed packed;
    const size_t size = transposed ? packed_bytes(dtype, k, n) : packed_bytes(dtype, n, k);
    packed.bytes = Buffer(DType::u8, {static_cast<int64_t>(size)});
    packed.weight = pack_weight(stream, packed.bytes.view().data, dtype, in(w, {n, k}), transposed);
    return packed;
}

Floats rounded(Floats w, DType dtype) {
    if (dtype == DType::bf16) {
        for (float& value : w) value = bf16_to_f32(f32_to_bf16(value));
    }
    return w;
}

// The contract's chain, literally.
Floats chain(const Floats& x, const Floats& w, const Floats& bias, const Floats& residual,
             reference::Product p) {
    Floats y(at(p.m * p.n));
    for (int64_t m = 0; m < p.m; ++m) {
        for (int64_t n = 0; n < p.n; ++n) {
            float sum = 0.0f;
            for (int64_t k = 0; k < p.k; ++k) sum = std::fma(x[at(m * p.k + k)], w[at(n * p.k + k)], sum);
            if (!bias.empty()) sum += bias[at(n)];
            if (!residual.empty()) sum += residual[at(m * p.n + n)];
            y[at(m * p.n + n)] = sum;
        }
    }
    return y;
}

// Bytes equal to the chain, values near the reference, everywhere the same.
void check_forward(reference::Product p, DType dtype, bool extras) {
    SCOPED_TRACE(
        cat("M ", p.m, " N ", p.n, " K ", p.k, " ", name_of(dtype), extras ? " with bias and residual" : ""));
    const Floats x = normals(p.m * p.k, 1), w = normals(p.n * p.k, 2);
    const Floats bias = extras ? normals(p.n, 3) : Floats{},
                 residual = extras ? normals(p.m * p.n, 4) : Floats{};
    const Floats y = everywhere([&](Stream& stream) {
        const Packed packed = pack(stream, w, p.n, p.k, dtype);
        Output out({p.m, p.n});
        linear_forward(stream, out, in(x, {p.m, p.k}), packed.weight,
                       extras ? in(bias, {p.n}) : ConstTensorView(),
                       extras ? in(residual, {p.m, p.n}) : ConstTensorView());
        return Results{out.values()};
    })[0];
    const Floats w_used = rounded(w, dtype);
    EXPECT_SAME_BYTES(y, chain(x, w_used, bias, residual, p));
    Vec bounds = product_bounds(row_norms(widen(x), p.m, p.k), row_norms(widen(w_used), p.n, p.k));
    for (double& bound : bounds) bound += extras ? reference::kRow.abs : 0.0;
    expect_within(y, reference::linear(widen(x), widen(w_used), widen(bias), widen(residual), p), bounds,
                  "y");
}

TEST(Linear, ForwardIsTheChainAtEverySize) {
    for (int64_t m : {0, 1, 31, 32, 33}) {
        for (int64_t n : {1, 31, 32, 33}) {
            for (int64_t k : {1, 31, 32, 33})
                check_forward({m, n, k}, k == 32 ? DType::bf16 : DType::f32, m == n);
        }
    }
}

TEST(Linear, ForwardAtOddSizes) {
    for (DType dtype : {DType::f32, DType::bf16}) {
        check_forward({4099, 17, 5}, dtype, true);
        check_forward({2, 4099, 19}, dtype, false);
        check_forward({3, 18, 4099}, dtype, false);
        check_forward({13, 130, 257}, dtype, true);
    }
}

// Blocks of rows in whole tiles can cover all rows before as many blocks as were planned.
TEST(Linear, BlocksOfRowsThatEndEarly) {
    check_forward({43, 9, 12000}, DType::f32, false);  // tiles of 12 rows
    check_forward({21, 9, 24000}, DType::f32, false);  // of 6
    check_forward({33, 9, 24000}, DType::f32, false);  // of 4
}

TEST(Linear, EveryCountOfRowsUpToThreeTiles) {
    for (int64_t m = 1; m <= 40; ++m) check_forward({m, 50, 7}, DType::bf16, false);
}

TEST(Linear, RowsDoNotDependOnTheOthers) {
    const int64_t rows = 4099, n = 49, k = 37;
    const Floats x = normals(rows * k, 1), w = normals(n * k, 2), bias = normals(n, 3),
                 residual = normals(rows * n, 4);
    Stream stream = any_stream();
    const Packed packed = pack(stream, w, n, k, DType::bf16);
    const auto rows_alone = [&](int64_t begin, int64_t end) {
        const int64_t count = end - begin;
        Output y({count, n});
        linear_forward(stream, y, in(rows_of(x, k, begin, end), {count, k}), packed.weight, in(bias, {n}),
                       in(rows_of(residual, n, begin, end), {count, n}));
        return y.values();
    };
    const Floats all = rows_alone(0, rows);
    for (int64_t m : {0, 1, 11, 12, 13, 2048, 4098})
        EXPECT_SAME_BYTES(rows_alone(m, m + 1), rows_of(all, n, m, m + 1));
    EXPECT_SAME_BYTES(rows_alone(5, 38), rows_of(all, n, 5, 38));
}

TEST(Linear, PackLayout) {
    const int64_t n = 19, k = 5;
    const Floats w = normals(n * k, 1);
    for (DType dtype : {DType::f32, DType::bf16}) {
        ASSERT_EQ(packed_bytes(dtype, n, k), 2 * 16 * 5 * size_of(dtype));
        everywhere([&](Stream& stream) {
            const Packed packed = pack(stream, w, n, k, dtype);
            EXPECT_EQ(packed.weight.n, n);
            EXPECT_EQ(packed.weight.k, k);
            EXPECT_EQ(packed.weight.dtype, dtype);
            Floats lanes;
            for (int64_t row = 0; row < 32; ++row) {
                for (int64_t c = 0; c < k; ++c) {
                    const int64_t i = (row / 16 * k + c) * 16 + row % 16;
                    const float lane = dtype == DType::f32
                                           ? static_cast<const float*>(packed.weight.data)[i]
                                           : bf16_to_f32(static_cast<const uint16_t*>(packed.weight.data)[i]);
                    lanes.push_back(lane);
                    EXPECT_EQ(lane, row >= n ? 0.0f : rounded(w, dtype)[at(row * k + c)]) << row << ", " << c;
                }
            }
            return Results{lanes};
        });
    }
}

TEST(Linear, TransposedPackIsThePackOfTheTranspose) {
    const int64_t n = 35, k = 18;
    const Floats w = normals(n * k, 1);
    Floats transpose(w.size());
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < k; ++j) transpose[at(j * n + i)] = w[at(i * k + j)];
    }
    for (DType dtype : {DType::f32, DType::bf16}) {
        Stream stream = any_stream();
        const Packed a = pack(stream, w, n, k, dtype, true), b = pack(stream, transpose, k, n, dtype);
        EXPECT_EQ(a.weight.n, k);
        EXPECT_EQ(a.weight.k, n);
        ASSERT_EQ(a.bytes.view().bytes(), b.bytes.view().bytes());
        EXPECT_EQ(std::memcmp(a.weight.data, b.weight.data, b.bytes.view().bytes()), 0);
    }
}

struct Gradients {
    Floats dw, dbias;
};

Gradients backward(Stream& stream, Gradients start, const Floats& dy, const Floats& x, reference::Product p) {
    Output dw({p.n, p.k}, start.dw);
    Output dbias({p.n}, start.dbias);
    Arena workspace;
    linear_backward_weight(stream, dw, dbias, in(dy, {p.m, p.n}), in(x, {p.m, p.k}), workspace);
    return {dw.values(), dbias.values()};
}

TEST(Linear, BackwardEqualsTheReference) {
    for (const auto& p : std::vector<reference::Product>{{1, 1, 1},
                                                         {31, 33, 32},
                                                         {32, 31, 33},
                                                         {33, 32, 1},
                                                         {33, 1, 31},
                                                         {130, 65, 49},
                                                         {4099, 17, 6},
                                                         {5, 1203, 9},
                                                         {33, 611, 20},
                                                         {0, 5, 7}}) {
        SCOPED_TRACE(cat("M ", p.m, " N ", p.n, " K ", p.k));
        const Floats x = normals(p.m * p.k, 1), w = normals(p.n * p.k, 2), dy = normals(p.m * p.n, 3);
        const Gradients start{normals(p.n * p.k, 4), normals(p.n, 5)};
        const Results got = everywhere([&](Stream& stream) {
            const Gradients g = backward(stream, start, dy, x, p);
            const Packed packed = pack(stream, w, p.n, p.k, DType::f32, true);
            Output dx({p.m, p.k});
            linear_forward(stream, dx, in(dy, {p.m, p.n}), packed.weight, {}, {});
            return Results{g.dw, g.dbias, dx.values()};
        });
        auto want = reference::linear_backward(widen(dy), widen(x), widen(w), p);
        for (size_t i = 0; i < want.dw.size(); ++i) want.dw[i] += start.dw[i];
        for (size_t i = 0; i < want.dbias.size(); ++i) want.dbias[i] += start.dbias[i];
        // the sum starts from what was there: its rounding is part of the bound
        Vec dw_bounds = product_bounds(column_norms(widen(dy), p.m, p.n), column_norms(widen(x), p.m, p.k));
        for (double& bound : dw_bounds) bound += reference::kRow.abs;
        Vec bias_bounds =
            product_bounds(column_norms(widen(dy), p.m, p.n), {std::sqrt(static_cast<double>(p.m))});
        for (double& bound : bias_bounds) bound += reference::kRow.abs;
        expect_within(got[0], want.dw, dw_bounds, "dw");
        expect_within(got[1], want.dbias, bias_bounds, "dbias");
        expect_within(got[2], want.dx,
                      product_bounds(row_norms(widen(dy), p.m, p.n), column_norms(widen(w), p.n, p.k)), "dx");
    }
}

// Rows are added one after another to what is there, so cutting a batch into micro-batches changes no bit.
TEST(Linear, BackwardDoesNotDependOnMicroBatches) {
    const reference::Product p{300, 37, 45};
    const Floats x = normals(p.m * p.k, 1), dy = normals(p.m * p.n, 2);
    const Gradients start{normals(p.n * p.k, 3), normals(p.n, 4)};
    Stream stream = any_stream();
    const Gradients whole = backward(stream, start, dy, x, p);
    Gradients pieces = start;
    int64_t begin = 0;
    for (int64_t end : {1, 2, 33, 33, 64, 130, 300}) {
        pieces = backward(stream, pieces, rows_of(dy, p.n, begin, end), rows_of(x, p.k, begin, end),
                          {end - begin, p.n, p.k});
        begin = end;
    }
    EXPECT_SAME_BYTES(whole.dw, pieces.dw);
    EXPECT_SAME_BYTES(whole.dbias, pieces.dbias);
}

TEST(Linear, BackwardWithoutBias) {
    const Floats x = normals(6, 1), dy = normals(4, 2), start = normals(6, 3);
    Stream stream = any_stream();
    Output dw({2, 3}, start);
    Arena workspace;
    linear_backward_weight(stream, dw, {}, in(dy, {2, 2}), in(x, {2, 3}), workspace);
    EXPECT_SAME_BYTES(dw.values(), backward(stream, {start, {0.0f, 0.0f}}, dy, x, {2, 2, 3}).dw);
}

TEST(Linear, NotANumberStaysInItsRowOrColumn) {
    const reference::Product p{14, 20, 9};
    Floats x = normals(p.m * p.k, 1), w = normals(p.n * p.k, 2);
    x[at(3 * p.k + 2)] = std::numeric_limits<float>::quiet_NaN();
    x[at(5 * p.k + 1)] = std::numeric_limits<float>::infinity();
    w[at(7 * p.k + 4)] = -std::numeric_limits<float>::infinity();
    for (DType dtype : {DType::f32, DType::bf16}) {
        Stream stream = any_stream();
        const Packed packed = pack(stream, w, p.n, p.k, dtype);
        Output y({p.m, p.n});
        linear_forward(stream, y, in(x, {p.m, p.k}), packed.weight, {}, {});
        expect_near(y.values(), reference::linear(widen(x), widen(rounded(w, dtype)), {}, {}, p),
                    {1e-4, 1e-4}, "y");
    }
}

TEST(Linear, Errors) {
    Stream stream = any_stream();
    const Floats w = normals(12, 1), x = normals(12, 2);
    const Packed packed = pack(stream, w, 3, 4, DType::f32);
    Output y({3, 3}), wide({3, 4});
    Arena workspace;
    expect_error(
        [&] {
            linear_forward(stream, y, in(x, {4, 3}), packed.weight, {}, {});
        },
        {"linear", "[4, 3]", "3 × 4"});
    expect_error(
        [&] {
            linear_forward(stream, wide, in(x, {3, 4}), packed.weight, {}, {});
        },
        {"[3, 4]", "3 × 4"});
    expect_error(
        [&] {
            linear_forward(stream, y, in(x, {3, 4}), packed.weight, in(x, {12}), {});
        },
        {"bias", "[12]", "[3, 3]"});
    expect_error(
        [&] {
            linear_forward(stream, y, in(x, {3, 4}), packed.weight, {}, in(x, {3, 4}));
        },
        {"residual", "[3, 4]", "[3, 3]"});
    const std::vector<int32_t> ids(12);
    expect_error(
        [&] {
            linear_forward(stream, y, view(ids.data(), {3, 4}), packed.weight, {}, {});
        },
        {"i32", "f32"});
    expect_error([&] { pack(stream, w, 3, 4, DType::f16); }, {"f16"});
    expect_error(
        [&] {
            linear_backward_weight(stream, y, {}, in(x, {4, 3}), in(x, {3, 4}), workspace);
        },
        {"[4, 3]", "[3, 4]"});
}

}  // namespace
}  // namespace r1::ops
