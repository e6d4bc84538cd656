// SwiGLU, conversions, rows by index and sums over rows on CUDA.
#include <algorithm>
#include <numeric>

#include "ops/cuda/device_array.h"

namespace r1::ops {
namespace {

struct SwiGlu {
    Bits y, dgate_up;
};
SwiGlu swiglu(const Bits& gate_up, const Bits& dy, int64_t f) {
    const int64_t n = static_cast<int64_t>(dy.size()) / f;
    DeviceArray<bf16> in_gate_up(gate_up), in_dy(dy), y(n * f), dgate_up(2 * n * f);
    cuda::swiglu_forward(test_stream(), y, in_gate_up, n, f);
    cuda::swiglu_backward(test_stream(), dgate_up, in_dy, in_gate_up, n, f);
    return {y.values(), dgate_up.values()};
}

TEST(CudaSwiGlu, EqualsTheReferenceAndKeepsRowsApart) {
    R1_NEED_GPU();
    for (const auto& [n, f] : {std::pair<int64_t, int64_t>{1, 1},
                               {3, 7},
                               {5, 8},
                               {1000, 40},
                               {300, 1536},
                               {40, 8960},
                               {11, 2049}}) {
        SCOPED_TRACE(cat(n, " × ", f));
        const Bits gate_up = bf16_normals(2 * n * f, 1, 3.0f), dy = bf16_normals(n * f, 2);
        const SwiGlu got = swiglu(gate_up, dy, f);
        expect_near(from_bf16(got.y), reference::swiglu(widen(gate_up), f), kBf16, "y");
        expect_near(from_bf16(got.dgate_up), reference::swiglu_backward(widen(dy), widen(gate_up), f), kBf16,
                    "dgate_up");
        const int64_t r = n / 2;
        const SwiGlu one = swiglu(slice(gate_up, 2 * f, r, r + 1), slice(dy, f, r, r + 1), f);
        expect_same(one.y, slice(got.y, f, r, r + 1), "y of one row");
        expect_same(one.dgate_up, slice(got.dgate_up, 2 * f, r, r + 1), "dgate_up of one row");
    }
}

TEST(CudaSwiGlu, LargeGatesNeitherOverflowNorVanish) {
    R1_NEED_GPU();
    const Bits gate_up = rounded(Floats{-1e4f, -100.0f, -89.0f, 89.0f, 100.0f, 1e4f, 2, 2, 2, 2, 2, 2});
    const SwiGlu got = swiglu(gate_up, Bits(6, rounded(1.0f)), 6);
    for (size_t i = 0; i < 6; ++i) {
        const float gate = from_bf16(gate_up[i]);
        EXPECT_NEAR(from_bf16(got.y[i]), gate > 0 ? 2 * gate : 0.0f, 1e-5);
        EXPECT_NEAR(from_bf16(got.dgate_up[i]), gate > 0 ? 2.0f : 0.0f, 1e-5);
    }
}

TEST(CudaConversions, RoundToNearestEven) {
    R1_NEED_GPU();
    for (int64_t count : {1, 7, 8, 4099}) {
        Floats x = normals(count, 1);
        x.front() = 1.00390625f;  // a tie
        DeviceArray<float> in_x(x), back(count);
        DeviceArray<bf16> y(count);
        cuda::to_bf16(test_stream(), y, in_x, count);
        cuda::to_f32(test_stream(), back, y, count);
        expect_same(y.values(), rounded(x), "bf16");
        expect_same(back.values(), from_bf16(rounded(x)), "fp32");
    }
    const Floats x = normals(100, 1);  // at addresses that are not aligned
    DeviceArray<float> in_x(x);
    DeviceArray<bf16> y(Bits(100, 0));
    cuda::to_bf16(test_stream(), y + 1, in_x + 3, 97);
    expect_same(slice(y.values(), 1, 1, 98), slice(rounded(x), 1, 3, 100), "bf16");
}

TEST(CudaRows, GathersAndShowsNegativeIndicesAsNan) {
    R1_NEED_GPU();
    for (int64_t c : {1, 13, 64, 576, 1536, 4096}) {
        const int64_t n = 50, rows = 301;
        const Bits x = bf16_normals(n * c, 1);
        Ids index = targets_below(n, rows, 2);
        index[5] = -1;
        DeviceArray<bf16> in_x(x), y(rows * c);
        DeviceArray<int32_t> in_index(index);
        cuda::gather_rows(test_stream(), y, in_x, in_index, rows, c);
        Bits want;
        for (int32_t i : index) {
            const Bits row = i < 0 ? Bits(at(c), 0x7fff) : slice(x, c, i, i + 1);
            want.insert(want.end(), row.begin(), row.end());
        }
        expect_same(y.values(), want, cat("rows of ", c));
    }
}

struct Groups {
    Ids order, rows, offsets{0};
    explicit Groups(const Ids& index) : order(index.size()) {
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(),
                         [&](int32_t a, int32_t b) { return index[at(a)] < index[at(b)]; });
        for (size_t i = 0; i < order.size(); ++i) {
            const int32_t row = index[at(order[i])];
            if (rows.empty() || rows.back() != row) rows.push_back(row), offsets.push_back(offsets.back());
            ++offsets.back();
        }
    }
};

template <class T>
std::vector<T> scatter(const std::vector<T>& dx, const Bits& dy, const Groups& groups, int64_t c) {
    DeviceArray<T> out(dx);
    DeviceArray<bf16> in_dy(dy);
    DeviceArray<int32_t> order(groups.order), rows(groups.rows), offsets(groups.offsets);
    cuda::scatter_add_rows(test_stream(), out.data(), in_dy,
                           {order, rows, offsets, static_cast<int64_t>(groups.rows.size())}, c);
    return out.values();
}

TEST(CudaRows, ScatterAddsIntoBothKindsOfRows) {
    R1_NEED_GPU();
    for (int64_t c : {1, 13, 64, 576, 1536}) {
        for (int64_t n : {3, 400}) {  // hundreds of sources a row, and few
            const int64_t count = 1500;
            const Ids index = targets_below(n, count, 1);
            const Bits dy = bf16_normals(count * c, 2);
            const Floats dx = normals(n * c, 3);
            Vec want = widen(dx), want_bf16 = widen(rounded(dx)), norm(want.size());
            for (int64_t r = 0; r < count; ++r) {
                for (int64_t i = 0; i < c; ++i) {
                    const double term = from_bf16(dy[at(r * c + i)]);
                    want[at(index[at(r)] * c + i)] += term;
                    want_bf16[at(index[at(r)] * c + i)] += term;
                }
            }
            const Groups groups(index);
            const Floats got = scatter(dx, dy, groups, c);
            expect_near(got, want, {2e-4, 1e-5}, "fp32 rows");
            expect_near(from_bf16(scatter(rounded(dx), dy, groups, c)), want_bf16, {2e-4, kBf16.rel},
                        "bf16 rows");
            expect_same(scatter(dx, dy, groups, c), got, "a second run");
        }
    }
}

TEST(CudaColumnSums, EqualTheReferenceAndRepeat) {
    R1_NEED_GPU();
    for (const auto& [m, n] :
         {std::pair<int64_t, int64_t>{1, 1}, {1, 960}, {513, 13}, {2049, 960}, {700, 2048}, {5, 9000}}) {
        SCOPED_TRACE(cat(m, " × ", n));
        const Bits x = bf16_normals(m * n, 1);
        const Floats old = normals(n, 2);
        Vec want = widen(old);
        for (int64_t r = 0; r < m; ++r) {
            for (int64_t i = 0; i < n; ++i) want[at(i)] += from_bf16(x[at(r * n + i)]);
        }
        DeviceArray<bf16> in_x(x);
        DeviceArray<float> sums(old), again(old);
        DeviceArray<char> workspace(static_cast<int64_t>(cuda::column_sums_workspace(m, n)));
        cuda::column_sums(test_stream(), sums, in_x, m, n, workspace.data());
        cuda::column_sums(test_stream(), again, in_x, m, n, workspace.data());
        expect_near(sums.values(), want, {1e-4, 1e-5}, "sums");
        expect_same(again.values(), sums.values(), "a second run");
    }
}

// The inputs of a decode step: some ids are what the step before has drawn.
TEST(CudaRows, CopiesNumbersAndContinuesWithDrawnOnes) {
    R1_NEED_GPU();
    const Ids from{10, 11, 12, 13, 14, 15, 16, 17}, sources{-1, 2, 0, -1, 1}, drawn{100, 101, 102};
    DeviceArray<int32_t> to(8), d_from(from), d_sources(sources), d_drawn(drawn);
    cuda::copy_numbers(test_stream(), to, d_from, 8);
    EXPECT_EQ(to.values(), from);
    cuda::copy_numbers(test_stream(), to, d_from, 8, d_sources, d_drawn, 5);
    EXPECT_EQ(to.values(), (Ids{10, 102, 100, 13, 101, 15, 16, 17}));
    EXPECT_THROW(cuda::copy_numbers(test_stream(), to, d_from, 7), Error);
}

}  // namespace
}  // namespace r1::ops
