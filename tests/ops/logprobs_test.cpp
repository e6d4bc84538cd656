#include "ops/logprobs.h"

#include "ops/op_test.h"

namespace r1::ops {
namespace {

using Ids = std::vector<int32_t>;

Results forward(Stream& stream, const Floats& logits, const Ids& targets, float inv_temperature) {
    const auto rows = static_cast<int64_t>(targets.size()),
               width = rows ? static_cast<int64_t>(logits.size()) / rows : 7;
    Output logprobs({rows}), lse({rows}), entropy({rows});
    logprobs_forward(stream, logprobs, lse, entropy, in(logits, {rows, width}), targets, inv_temperature);
    return {logprobs.values(), lse.values(), entropy.values()};
}

Floats backward(Stream& stream, const Floats& dlogprobs, const Floats& logits, const Ids& targets,
                const Floats& lse, float inv_temperature) {
    const auto rows = static_cast<int64_t>(targets.size()),
               width = rows ? static_cast<int64_t>(logits.size()) / rows : 7;
    Output dlogits({rows, width});
    logprobs_backward(stream, dlogits, in(logits, {rows, width}), targets, in(lse, {rows}),
                      in(dlogprobs, {rows}), inv_temperature);
    return dlogits.values();
}

TEST(Logprobs, EqualsTheReference) {
    for (const auto& [rows, width] : std::vector<std::pair<int64_t, int64_t>>{
             {1, 1}, {1, 2}, {31, 31}, {32, 32}, {33, 33}, {5, 15}, {5, 17}, {3, 4099}, {4099, 19}, {0, 7}}) {
        for (float inv_temperature : {1.0f, 1.0f / 0.6f, 0.5f}) {
            SCOPED_TRACE(cat("R ", rows, " V ", width, " 1/T ", inv_temperature));
            const Floats logits = normals(rows * width, 1, 4.0f), dlogprobs = normals(rows, 2);
            const Ids targets = targets_below(width, rows, 3);
            const Results got = everywhere([&](Stream& stream) {
                Results out = forward(stream, logits, targets, inv_temperature);
                out.push_back(backward(stream, dlogprobs, logits, targets, out[1], inv_temperature));
                return out;
            });
            const auto want = reference::logprobs(widen(logits), targets, inv_temperature);
            expect_near(got[0], want.logprobs, reference::kRow, "logprobs");
            expect_near(got[1], want.lse, reference::kRow, "lse");
            expect_near(got[2], want.entropy, reference::kRow, "entropy");
            expect_near(
                got[3],
                reference::logprobs_backward(widen(dlogprobs), widen(logits), targets, inv_temperature),
                reference::kRow, "dlogits");
        }
    }
}

TEST(Logprobs, LargeVocabularyAndPeakedRows) {
    const int64_t width = 151936;
    Floats logits = normals(3 * width, 1, 3.0f);
    logits[at(width + 1234)] = 60.0f;                                          // all but certain
    for (int64_t v = 0; v < width; ++v) logits[at(2 * width + v)] += 1000.0f;  // far from zero
    const Ids targets{5, 1234, 151935};
    Stream stream = any_stream();
    const Results got = forward(stream, logits, targets, 1.0f);
    const auto want = reference::logprobs(widen(logits), targets, 1.0);
    // z itself has an ulp of 6e-5 at 1000: what remains after the subtraction is absolute
    expect_near(got[0], want.logprobs, {1e-4, reference::kRow.rel}, "logprobs");
    expect_near(got[1], want.lse, reference::kRow, "lse");
    expect_near({got[2][0], got[2][1]}, {want.entropy[0], want.entropy[1]}, {3e-5, reference::kRow.rel},
                "entropy");
}

TEST(Logprobs, RowsDoNotDependOnTheOthers) {
    const int64_t rows = 4099, width = 37;
    const Floats logits = normals(rows * width, 1), dlogprobs = normals(rows, 2);
    const Ids targets = targets_below(width, rows, 3);
    Stream stream = any_stream();
    const Results all = forward(stream, logits, targets, 1.25f);
    const Floats all_back = backward(stream, dlogprobs, logits, targets, all[1], 1.25f);
    for (int64_t r : {0, 1, 33, 2048, 4098}) {
        const Floats row = rows_of(logits, width, r, r + 1);
        const Results one = forward(stream, row, {targets[at(r)]}, 1.25f);
        for (size_t i = 0; i < 3; ++i) EXPECT_SAME_BYTES(one[i], rows_of(all[i], 1, r, r + 1));
        EXPECT_SAME_BYTES(backward(stream, {dlogprobs[at(r)]}, row, {targets[at(r)]}, one[1], 1.25f),
                          rows_of(all_back, width, r, r + 1));
    }
}

// The trainer's and the sampler's numbers are one function of the row: what is asked for beside changes no
// bit.
TEST(Logprobs, WithoutOptionalOutputsTheSameBytes) {
    const Floats logits = normals(10 * 100, 1);
    const Ids targets = targets_below(100, 10, 2);
    const Results got = everywhere([&](Stream& stream) {
        Output logprobs({10}), lse({10});
        logprobs_forward(stream, logprobs, lse, {}, in(logits, {10, 100}), targets, 1.0f);
        Output only({10});
        logprobs_forward(stream, {}, only, {}, in(logits, {10, 100}), {}, 1.0f);
        return Results{logprobs.values(), lse.values(), only.values()};
    });
    Stream stream = any_stream();
    const Results with = forward(stream, logits, targets, 1.0f);
    EXPECT_SAME_BYTES(got[0], with[0]);
    EXPECT_SAME_BYTES(got[1], with[1]);
    EXPECT_SAME_BYTES(got[2], with[1]);
}

TEST(Logprobs, BackwardInPlace) {
    const Floats logits = normals(9 * 50, 1), dlogprobs = normals(9, 2);
    const Ids targets = targets_below(50, 9, 3);
    Stream stream = any_stream();
    const Floats lse = forward(stream, logits, targets, 1.0f)[1];
    Output both({9, 50}, logits);
    logprobs_backward(stream, both, TensorView(both), targets, in(lse, {9}), in(dlogprobs, {9}), 1.0f);
    EXPECT_SAME_BYTES(both.values(), backward(stream, dlogprobs, logits, targets, lse, 1.0f));
}

TEST(Logprobs, FilteredTokensHaveNoProbability) {
    const float gone = -std::numeric_limits<float>::infinity();
    Floats logits = normals(4 * 40, 1, 2.0f);
    for (size_t i = 0; i < logits.size(); i += 3) logits[i] = gone;
    for (int64_t v = 0; v < 40; ++v) {
        if (v != 7) logits[at(3 * 40 + v)] = gone;  // one token left
    }
    const Ids targets{1, 3, 2, 7}, removed{0, 2, 1, 8};
    const Results got = everywhere([&](Stream& stream) {
        Results out = forward(stream, logits, targets, 1.5f);
        out.push_back(forward(stream, logits, removed, 1.5f)[0]);
        out.push_back(backward(stream, {1.0f, -2.0f, 0.5f, 1.0f}, logits, targets, out[1], 1.5f));
        return out;
    });
    const auto want = reference::logprobs(widen(logits), targets, 1.5);
    expect_near(got[0], want.logprobs, reference::kRow, "logprobs");
    expect_near(got[1], want.lse, reference::kRow, "lse");
    expect_near(got[2], want.entropy, reference::kRow, "entropy");
    for (float value : got[3]) EXPECT_EQ(value, gone);
    expect_near(got[4], reference::logprobs_backward({1.0, -2.0, 0.5, 1.0}, widen(logits), targets, 1.5),
                reference::kRow, "dlogits");
    EXPECT_EQ(got[0][3], 0.0f);  // a certain token
    EXPECT_EQ(got[2][3], 0.0f);
}

TEST(Logprobs, NotANumberStaysInItsRow) {
    Floats logits = normals(3 * 33, 1);
    logits[40] = std::numeric_limits<float>::quiet_NaN();
    const Floats clean = normals(3 * 33, 1);
    Stream stream = any_stream();
    const Results got = forward(stream, logits, {0, 1, 2}, 1.0f),
                  want = forward(stream, clean, {0, 1, 2}, 1.0f);
    for (size_t i = 0; i < 3; ++i) {
        EXPECT_TRUE(std::isnan(got[i][1])) << i;
        EXPECT_EQ(got[i][0], want[i][0]);
        EXPECT_EQ(got[i][2], want[i][2]);
    }
}

TEST(Logprobs, Errors) {
    Stream stream = any_stream();
    const Floats logits(12);
    const Ids ids(12);
    Output two({2}), three({3}), dlogits({3, 4});
    expect_error(
        [&] {
            logprobs_forward(stream, two, three, {}, in(logits, {3, 4}), Ids{0, 1, 2}, 1.0f);
        },
        {"logprobs", "[2]", "[3, 4]"});
    expect_error(
        [&] {
            logprobs_forward(stream, three, three, {}, in(logits, {3, 4}), Ids{0, 1}, 1.0f);
        },
        {"2", "[3, 4]"});
    expect_error(
        [&] {
            logprobs_forward(stream, three, three, two, in(logits, {3, 4}), Ids{0, 1, 2}, 1.0f);
        },
        {"[2]", "[3, 4]"});
    expect_error(
        [&] {
            logprobs_forward(stream, three, three, {}, view(ids.data(), {3, 4}), Ids{0, 1, 2}, 1.0f);
        },
        {"i32", "f32"});
    for (int32_t bad : {4, -1}) {
        expect_error(
            [&] {
                logprobs_forward(stream, three, three, {}, in(logits, {3, 4}), Ids{0, bad, 2}, 1.0f);
            },
            {std::to_string(bad), "4"});
        expect_error(
            [&] {
                logprobs_backward(stream, dlogits, in(logits, {3, 4}), Ids{0, bad, 2}, in(Floats(3), {3}),
                                  in(Floats(3), {3}), 1.0f);
            },
            {std::to_string(bad), "4"});
    }
    expect_error(
        [&] {
            logprobs_backward(stream, dlogits, in(logits, {4, 3}), Ids(4), in(Floats(4), {4}),
                              in(Floats(4), {4}), 1.0f);
        },
        {"[3, 4]", "[4, 3]"});
}

}  // namespace
}  // namespace r1::ops
