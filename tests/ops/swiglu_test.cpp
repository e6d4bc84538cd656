#include "ops/swiglu.h"

#include "ops/op_test.h"

namespace r1::ops {
namespace {

Floats forward(Stream& stream, const Floats& gate_up, int64_t rows, int64_t width) {
    Output y({rows, width});
    swiglu_forward(stream, y, in(gate_up, {rows, 2 * width}));
    return y.values();
}

Floats backward(Stream& stream, const Floats& dy, const Floats& gate_up, int64_t rows, int64_t width) {
    Output dgate_up({rows, 2 * width});
    swiglu_backward(stream, dgate_up, in(dy, {rows, width}), in(gate_up, {rows, 2 * width}));
    return dgate_up.values();
}

TEST(SwiGlu, EqualsTheReference) {
    for (const auto& [rows, width] : std::vector<std::pair<int64_t, int64_t>>{
             {1, 1}, {1, 15}, {3, 31}, {31, 32}, {32, 33}, {33, 17}, {2, 4099}, {300, 5}, {0, 8}}) {
        SCOPED_TRACE(cat("N ", rows, " F ", width));
        const Floats gate_up = normals(2 * rows * width, 1, 4.0f), dy = normals(rows * width, 2);
        const Results got = everywhere([&](Stream& stream) {
            return Results{forward(stream, gate_up, rows, width), backward(stream, dy, gate_up, rows, width)};
        });
        expect_near(got[0], reference::swiglu(widen(gate_up), width), reference::kRow, "y");
        expect_near(got[1], reference::swiglu_backward(widen(dy), widen(gate_up), width), reference::kRow,
                    "dgate_up");
    }
}

TEST(SwiGlu, GatesOfEverySize) {
    Floats gate_up, dy;
    for (float gate = -120.0f; gate <= 120.0f; gate += 0.37f) gate_up.push_back(gate);
    const auto width = static_cast<int64_t>(gate_up.size());
    gate_up.resize(at(2 * width), 1.0f);
    dy.resize(at(width), 1.0f);
    const Results got = everywhere([&](Stream& stream) {
        return Results{forward(stream, gate_up, 1, width), backward(stream, dy, gate_up, 1, width)};
    });
    expect_near(got[0], reference::swiglu(widen(gate_up), width), reference::kRow, "y");
    expect_near(got[1], reference::swiglu_backward(widen(dy), widen(gate_up), width), reference::kRow,
                "dgate_up");
}

TEST(SwiGlu, NotANumberAndInfinity) {
    const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
    const Floats gate_up{nan, 1.0f, inf, 1.0f, 1.0f, 1.0f, 2.0f, nan, 2.0f, inf, -inf, 3.0f};
    const Floats y = everywhere([&](Stream& stream) {
        Floats values = forward(stream, gate_up, 1, 6);
        for (float& value : values) {
            if (std::isnan(value)) value = nan;
        }
        return Results{values};
    })[0];
    expect_near(y, reference::swiglu(widen(gate_up), 6), reference::kRow, "y");
}

TEST(SwiGlu, RowsDoNotDependOnTheOthers) {
    const int64_t rows = 1000, width = 21;
    const Floats gate_up = normals(2 * rows * width, 1), dy = normals(rows * width, 2);
    Stream stream = any_stream();
    const Floats y = forward(stream, gate_up, rows, width), d = backward(stream, dy, gate_up, rows, width);
    for (int64_t n : {0, 500, 999}) {
        const Floats row = rows_of(gate_up, 2 * width, n, n + 1);
        EXPECT_SAME_BYTES(forward(stream, row, 1, width), rows_of(y, width, n, n + 1));
        EXPECT_SAME_BYTES(backward(stream, rows_of(dy, width, n, n + 1), row, 1, width),
                          rows_of(d, 2 * width, n, n + 1));
    }
}

TEST(SwiGlu, Errors) {
    Stream stream = any_stream();
    const Floats x = normals(12, 1);
    const std::vector<int32_t> ids(12);
    Output y({3, 2}), wide({3, 4});
    expect_error([&] { swiglu_forward(stream, y, in(x, {4, 3})); }, {"swiglu", "[3, 2]", "[4, 3]"});
    expect_error([&] { swiglu_forward(stream, y, view(ids.data(), {3, 4})); }, {"i32", "f32"});
    expect_error(
        [&] {
            swiglu_backward(stream, wide, in(x, {2, 6}), in(x, {3, 4}));
        },
        {"swiglu", "[2, 6]", "[3, 4]"});
}

}  // namespace
}  // namespace r1::ops
