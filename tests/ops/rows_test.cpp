#include "ops/rows.h"

#include "ops/op_test.h"

namespace r1::ops {
namespace {

TEST(Rows, GatherCopiesBytes) {
    const Floats x = normals(7 * 33, 1);
    for (int64_t count : {0, 1, 33, 4099}) {
        const auto index = targets_below(7, count, 2);
        const Floats y = everywhere([&](Stream& stream) {
            Output out({count, 33});
            gather_rows(stream, out, in(x, {7, 33}), index);
            return Results{out.values()};
        })[0];
        for (int64_t r = 0; r < count; ++r) {
            ASSERT_EQ(
                first_difference(rows_of(y, 33, r, r + 1), rows_of(x, 33, index[at(r)], index[at(r)] + 1)),
                -1);
        }
    }
}

TEST(Rows, ScatterAddsInAscendingOrder) {
    for (const auto& [rows, width, count] :
         std::vector<std::array<int64_t, 3>>{{5, 31, 300}, {33, 1, 32}, {4099, 3, 1000}, {3, 40, 0}}) {
        const Floats start = normals(rows * width, 1), dy = normals(count * width, 2);
        const auto index = targets_below(rows, count, 3);
        Floats want = start;
        for (int64_t r = 0; r < count; ++r) {
            for (int64_t c = 0; c < width; ++c) want[at(index[at(r)] * width + c)] += dy[at(r * width + c)];
        }
        const Floats got = everywhere([&, rows = rows, width = width, count = count](Stream& stream) {
            Output dx({rows, width}, start);
            scatter_add_rows(stream, dx, in(dy, {count, width}), index);
            return Results{dx.values()};
        })[0];
        EXPECT_SAME_BYTES(got, want);
    }
}

TEST(Rows, AnIndexOutsideIsNamed) {
    Stream stream = any_stream();
    const Floats x = normals(12, 1);
    Output y({2, 4}), dx({3, 4}, x);
    for (int32_t bad : {3, -1, 2147483647}) {
        const std::vector<int32_t> index{0, bad};
        expect_error([&] { gather_rows(stream, y, in(x, {3, 4}), index); }, {std::to_string(bad), "3"});
        expect_error(
            [&] {
                scatter_add_rows(stream, dx, in(Floats(8), {2, 4}), index);
            },
            {std::to_string(bad), "3"});
    }
    EXPECT_SAME_BYTES(dx.values(), x);  // nothing was added before the error
}

TEST(Rows, Errors) {
    Stream stream = any_stream();
    const Floats x = normals(12, 1);
    const std::vector<int32_t> index{0, 1};
    Output y({2, 4}), narrow({2, 3}), dx({3, 4}, x);
    expect_error([&] { gather_rows(stream, narrow, in(x, {3, 4}), index); }, {"[2, 3]", "[3, 4]"});
    expect_error([&] { gather_rows(stream, y, in(x, {3, 4}), std::vector<int32_t>{0}); }, {"[2, 4]", "1"});
    expect_error(
        [&] {
            gather_rows(stream, y, view(index.data(), {1, 2}), std::vector<int32_t>{0, 0});
        },
        {"i32"});
    expect_error([&] { scatter_add_rows(stream, dx, in(Floats(6), {2, 3}), index); }, {"[3, 4]", "[2, 3]"});
}

}  // namespace
}  // namespace r1::ops
