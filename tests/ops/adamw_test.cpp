#include "ops/adamw.h"

#include "ops/op_test.h"

namespace r1::ops {
namespace {

Floats positive(Floats x) {
    for (float& value : x) value = std::abs(value);
    return x;
}

TEST(AdamW, EqualsTheReference) {
    for (int64_t count : {0, 1, 15, 31, 32, 33, 4099, 70001}) {
        for (int64_t step : {int64_t{1}, int64_t{7}, int64_t{100000}}) {
            SCOPED_TRACE(cat("P ", count, " step ", step));
            const Floats w = normals(count, 1), m = normals(count, 2, 0.1f),
                         v = positive(normals(count, 3, 0.01f)), grad = normals(count, 4);
            const AdamW options{.learning_rate = 1e-2f,
                                .beta1 = 0.9f,
                                .beta2 = 0.99f,
                                .eps = 1e-8f,
                                .weight_decay = 0.1f,
                                .step = step,
                                .grad_scale = 0.25f};
            const Results got = everywhere([&](Stream& stream) {
                Output w_out({count}, w), m_out({count}, m), v_out({count}, v);
                adamw_step(stream, w_out, m_out, v_out, in(grad, {count}), options);
                return Results{w_out.values(), m_out.values(), v_out.values()};
            });
            Vec want_w, want_m, want_v;
            for (size_t i = 0; i < at(count); ++i) {
                const auto s = reference::adamw({w[i], m[i], v[i]}, static_cast<double>(grad[i]) * 0.25,
                                                options.learning_rate, options.beta1, options.beta2,
                                                options.eps, options.weight_decay, step);
                want_w.push_back(s.w), want_m.push_back(s.m), want_v.push_back(s.v);
            }
            expect_near(got[0], want_w, reference::kRow, "w");
            expect_near(got[1], want_m, reference::kRow, "m");
            expect_near(got[2], want_v, reference::kRow, "v");
        }
    }
}

TEST(AdamW, TenStepsFromZero) {
    const int64_t count = 50;
    Floats w = normals(count, 1), m(at(count)), v(at(count));
    Vec wd = widen(w), md = widen(m), vd = widen(v);
    Stream stream = any_stream();
    AdamW options{.learning_rate = 1e-3f};
    for (options.step = 1; options.step <= 10; ++options.step) {
        const Floats grad = normals(count, 10 + static_cast<uint64_t>(options.step));
        Output w_out({count}, w), m_out({count}, m), v_out({count}, v);
        adamw_step(stream, w_out, m_out, v_out, in(grad, {count}), options);
        w = w_out.values(), m = m_out.values(), v = v_out.values();
        for (size_t i = 0; i < wd.size(); ++i) {
            const auto s = reference::adamw({wd[i], md[i], vd[i]}, grad[i], options.learning_rate,
                                            options.beta1, options.beta2, options.eps, 0.0, options.step);
            wd[i] = s.w, md[i] = s.m, vd[i] = s.v;
        }
    }
    expect_near(w, wd, reference::kRow, "w");
}

TEST(AdamW, ElementsDoNotDependOnTheOthers) {
    const int64_t count = 5000;
    const Floats w = normals(count, 1), m = normals(count, 2), v = positive(normals(count, 3)),
                 grad = normals(count, 4);
    Stream stream = any_stream();
    const auto run = [&](int64_t begin, int64_t end) {
        Output w_out({end - begin}, rows_of(w, 1, begin, end)),
            m_out({end - begin}, rows_of(m, 1, begin, end)), v_out({end - begin}, rows_of(v, 1, begin, end));
        adamw_step(stream, w_out, m_out, v_out, in(rows_of(grad, 1, begin, end), {end - begin}),
                   {.learning_rate = 1e-3f});
        return w_out.values();
    };
    const Floats all = run(0, count);
    EXPECT_SAME_BYTES(run(17, 18), rows_of(all, 1, 17, 18));
    EXPECT_SAME_BYTES(run(4001, 5000), rows_of(all, 1, 4001, 5000));
}

TEST(SumOfSquares, EqualsTheReference) {
    for (int64_t count : {0, 1, 31, 32, 33, 4095, 4096, 4097, 4099, 100003}) {
        const Floats x = normals(count, 1);
        double got = 0.0;
        everywhere([&](Stream& stream) {
            Arena workspace;
            got = sum_of_squares(stream, in(x, {count}), workspace);
            const auto bits = std::bit_cast<std::array<float, 2>>(got);
            return Results{Floats(bits.begin(), bits.end())};
        });
        double want = 0.0;
        for (float value : x) want += static_cast<double>(value) * value;
        EXPECT_NEAR(got, want, reference::kRow.rel * want) << count;
    }
    Stream stream = any_stream();
    Arena workspace;
    Floats x = normals(5000, 1);
    x[4500] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(std::isnan(sum_of_squares(stream, in(x, {5000}), workspace)));
}

TEST(AdamW, Errors) {
    Stream stream = any_stream();
    const std::vector<int32_t> ids(3);
    Arena workspace;
    Output three({3}, Floats(3)), four({4}, Floats(4));
    expect_error([&] { adamw_step(stream, three, three, three, in(Floats(4), {4}), {}); },
                 {"adamw", "[3]", "[4]"});
    expect_error([&] { adamw_step(stream, three, four, three, in(Floats(3), {3}), {}); },
                 {"adamw", "[3]", "[4]"});
    expect_error([&] { adamw_step(stream, three, three, three, view(ids.data(), {3}), {}); }, {"i32", "f32"});
    expect_error([&] { sum_of_squares(stream, view(ids.data(), {3}), workspace); }, {"i32", "f32"});
}

}  // namespace
}  // namespace r1::ops
