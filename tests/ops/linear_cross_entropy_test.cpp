#include "ops/linear_cross_entropy.h"

#include "ops/op_test.h"

namespace r1::ops {
namespace {

using Ids = std::vector<int32_t>;

struct Head {
    Head(Stream& stream, const Floats& w, int64_t v, int64_t c, DType dtype, float inv_temperature,
         LogitFilter filter)
        : forward(DType::u8, {static_cast<int64_t>(packed_bytes(dtype, v, c))}),
          transposed(DType::u8, {static_cast<int64_t>(packed_bytes(dtype, c, v))}) {
        op.head = pack_weight(stream, forward.view().data, dtype, in(w, {v, c}), false);
        op.head_transposed = pack_weight(stream, transposed.view().data, dtype, in(w, {v, c}), true);
        op.inv_temperature = inv_temperature;
        op.filter = filter;
    }
    Buffer forward, transposed;
    LinearCrossEntropy op;
};

struct Case {
    int64_t rows, v, c;
    float inv_temperature = 1.0f;
    LogitFilter filter{};
    DType dtype = DType::f32;
    Floats hidden() const { return normals(rows * c, 1); }
    Floats head() const {  // exact in bf16, so that both dtypes share a reference
        Floats w = normals(v * c, 2, 0.5f);
        for (float& value : w) value = bf16_to_f32(f32_to_bf16(value));
        return w;
    }
    Floats dlogprobs() const { return normals(rows, 3); }
};

// The most probable token of each row, which no filter removes.
Ids kept_targets(const Vec& logits, int64_t rows, int64_t v) {
    Ids targets;
    for (int64_t r = 0; r < rows; ++r) {
        const auto begin = logits.begin() + r * v;
        targets.push_back(static_cast<int32_t>(std::max_element(begin, begin + v) - begin));
    }
    return targets;
}

Results forward(Stream& stream, const Case& c, const Head& head, const Floats& hidden, const Ids& targets) {
    const auto rows = static_cast<int64_t>(targets.size());
    Output logprobs({rows}), lse({rows}), entropy({rows});
    Arena workspace;
    linear_cross_entropy_forward(stream, logprobs, lse, entropy, in(hidden, {rows, c.c}), targets, head.op,
                                 workspace);
    return {logprobs.values(), lse.values(), entropy.values()};
}

Results backward(Stream& stream, const Case& c, const Head& head, const Floats& hidden, const Ids& targets,
                 const Floats& lse, const Floats& dlogprobs, const Floats& dhead_start) {
    const auto rows = static_cast<int64_t>(targets.size());
    Output dhidden({rows, c.c}), dhead({c.v, c.c}, dhead_start);
    Arena workspace;
    linear_cross_entropy_backward(stream, dhidden, dhead, in(hidden, {rows, c.c}), targets, in(lse, {rows}),
                                  in(dlogprobs, {rows}), head.op, workspace);
    return {dhidden.values(), dhead.values()};
}

void check_case(const Case& c) {
    SCOPED_TRACE(cat("R ", c.rows, " V ", c.v, " C ", c.c, " ", name_of(c.dtype),
                     c.filter.active() ? " filtered" : ""));
    const Floats hidden = c.hidden(), w = c.head(), dlogprobs = c.dlogprobs(), start = normals(c.v * c.c, 4);
    Vec logits = reference::linear(widen(hidden), widen(w), {}, {}, {c.rows, c.v, c.c});
    const Ids targets = c.filter.active() ? kept_targets(logits, c.rows, c.v) : targets_below(c.v, c.rows, 5);
    const Results got = everywhere([&](Stream& stream) {
        const Head head(stream, w, c.v, c.c, c.dtype, c.inv_temperature, c.filter);
        Results out = forward(stream, c, head, hidden, targets);
        for (Floats& g : backward(stream, c, head, hidden, targets, out[1], dlogprobs, start))
            out.push_back(g);
        return out;
    });
    for (int64_t r = 0; r < c.rows; ++r) {
        const auto begin = logits.begin() + r * c.v;
        const Vec row = reference::filter(Vec(begin, begin + c.v), c.filter.top_k, c.filter.top_p,
                                          c.filter.min_p, c.inv_temperature);
        std::copy(row.begin(), row.end(), begin);
    }
    const auto want = reference::logprobs(logits, targets, c.inv_temperature);
    expect_near(got[0], want.logprobs, reference::kRow, "logprobs");
    expect_near(got[1], want.lse, reference::kRow, "lse");
    expect_near(got[2], want.entropy, reference::kRow, "entropy");
    const Vec dlogits = reference::logprobs_backward(widen(dlogprobs), logits, targets, c.inv_temperature);
    auto gradients = reference::linear_backward(dlogits, widen(hidden), widen(w), {c.rows, c.v, c.c});
    for (size_t i = 0; i < start.size(); ++i) gradients.dw[i] += start[i];
    Vec dhidden_bounds = product_bounds(row_norms(dlogits, c.rows, c.v), column_norms(widen(w), c.v, c.c));
    Vec dhead_bounds =
        product_bounds(column_norms(dlogits, c.rows, c.v), column_norms(widen(hidden), c.rows, c.c));
    for (double& bound : dhidden_bounds) bound += reference::kRow.abs;
    for (double& bound : dhead_bounds) bound += reference::kRow.abs;
    expect_within(got[3], gradients.dx, dhidden_bounds, "dhidden");
    expect_within(got[4], gradients.dw, dhead_bounds, "dhead");
}

TEST(LinearCrossEntropy, EqualsTheReference) {
    check_case({.rows = 1, .v = 1, .c = 1});
    check_case({.rows = 31, .v = 33, .c = 32});
    check_case({.rows = 33, .v = 31, .c = 33, .inv_temperature = 1.25f});
    check_case({.rows = 300, .v = 131, .c = 17});
    check_case({.rows = 5, .v = 4099, .c = 9, .dtype = DType::bf16});
    check_case({.rows = 0, .v = 33, .c = 8});
}

TEST(LinearCrossEntropy, EqualsTheReferenceUnderFilters) {
    check_case({.rows = 33, .v = 131, .c = 20, .filter = {.top_k = 7}});
    check_case({.rows = 33,
                .v = 131,
                .c = 20,
                .inv_temperature = 0.7f,
                .filter = {.top_k = 50, .top_p = 0.8f, .min_p = 0.01f}});
}

// The rollout computes logits, filters them and takes log-probabilities; the trainer calls this op. Same
// bytes.
TEST(LinearCrossEntropy, IsTheSamplersChain) {
    for (const LogitFilter& filter :
         {LogitFilter{}, LogitFilter{.top_k = 40, .top_p = 0.9f, .min_p = 0.02f}}) {
        const Case c{
            .rows = 300, .v = 131, .c = 24, .inv_temperature = 1.1f, .filter = filter, .dtype = DType::bf16};
        const Floats hidden = c.hidden(), w = c.head();
        const Ids targets =
            kept_targets(reference::linear(widen(hidden), widen(w), {}, {}, {c.rows, c.v, c.c}), c.rows, c.v);
        Stream stream = any_stream();
        const Head head(stream, w, c.v, c.c, c.dtype, c.inv_temperature, c.filter);
        const Results all = forward(stream, c, head, hidden, targets);
        for (int64_t r : {0, 63, 64, 127, 128, 255, 256, 299}) {
            Output logits({1, c.v}), logprob({1}), lse({1});
            linear_forward(stream, logits, in(rows_of(hidden, c.c, r, r + 1), {1, c.c}), head.op.head, {},
                           {});
            if (filter.active()) filter_logits(stream, logits, filter, c.inv_temperature);
            logprobs_forward(stream, logprob, lse, {}, TensorView(logits), Ids{targets[at(r)]},
                             c.inv_temperature);
            EXPECT_SAME_BYTES(logprob.values(), rows_of(all[0], 1, r, r + 1));
            EXPECT_SAME_BYTES(lse.values(), rows_of(all[1], 1, r, r + 1));
        }
    }
}

// All rows at once, and the same rows in pieces that end at `ends`, whose head gradients add up.
void check_pieces(const Case& c, const std::vector<int64_t>& ends) {
    const Floats hidden = c.hidden(), dlogprobs = c.dlogprobs(), none(at(c.v * c.c));
    const Ids targets = targets_below(c.v, c.rows, 5);
    Stream stream = any_stream();
    const Head head(stream, c.head(), c.v, c.c, c.dtype, 1.0f, {});
    const Results all = forward(stream, c, head, hidden, targets);
    const Results all_back = backward(stream, c, head, hidden, targets, all[1], dlogprobs, none);
    Floats dhead = none;
    int64_t begin = 0;
    for (int64_t end : ends) {
        const Ids some(targets.begin() + begin, targets.begin() + end);
        const Floats rows = rows_of(hidden, c.c, begin, end);
        const Results part = forward(stream, c, head, rows, some);
        for (size_t i = 0; i < 3; ++i) EXPECT_SAME_BYTES(part[i], rows_of(all[i], 1, begin, end));
        const Results back =
            backward(stream, c, head, rows, some, part[1], rows_of(dlogprobs, 1, begin, end), dhead);
        EXPECT_SAME_BYTES(back[0], rows_of(all_back[0], c.c, begin, end));
        dhead = back[1];
        begin = end;
    }
    EXPECT_SAME_BYTES(dhead, all_back[1]);
}

TEST(LinearCrossEntropy, RowsDoNotDependOnTheOthers) {
    check_pieces({.rows = 300, .v = 77, .c = 20}, {1, 2, 33, 64, 100, 290, 300});
}

// A vocabulary so large that the rows are taken in several chunks.
TEST(LinearCrossEntropy, ChunksChangeNoBit) {
    check_pieces({.rows = 60, .v = 151936, .c = 3}, {20, 59, 60});
}

TEST(LinearCrossEntropy, WithoutOptionalOutputs) {
    const Case c{.rows = 40, .v = 50, .c = 8};
    const Floats hidden = c.hidden(), dlogprobs = c.dlogprobs();
    const Ids targets = targets_below(c.v, c.rows, 5);
    Stream stream = any_stream();
    const Head head(stream, c.head(), c.v, c.c, c.dtype, 1.0f, {});
    const Results all = forward(stream, c, head, hidden, targets);
    Output logprobs({c.rows}), lse({c.rows}), dhidden({c.rows, c.c});
    Arena workspace;
    linear_cross_entropy_forward(stream, logprobs, lse, {}, in(hidden, {c.rows, c.c}), targets, head.op,
                                 workspace);
    EXPECT_SAME_BYTES(logprobs.values(), all[0]);
    EXPECT_SAME_BYTES(lse.values(), all[1]);
    linear_cross_entropy_backward(stream, dhidden, {}, in(hidden, {c.rows, c.c}), targets,
                                  in(all[1], {c.rows}), in(dlogprobs, {c.rows}), head.op, workspace);
    EXPECT_SAME_BYTES(dhidden.values(), backward(stream, c, head, hidden, targets, all[1], dlogprobs,
                                                 Floats(at(c.v * c.c)))[0]);
}

TEST(LinearCrossEntropy, Errors) {
    Stream stream = any_stream();
    const Head head(stream, Floats(20), 5, 4, DType::f32, 1.0f, {});
    const Floats hidden(12);
    Output two({2}), three({3}), dhidden({3, 4}), dhead({5, 4}, Floats(20));
    Arena workspace;
    expect_error(
        [&] {
            linear_cross_entropy_forward(stream, three, three, {}, in(hidden, {4, 3}), Ids{0, 1, 2, 3},
                                         head.op, workspace);
        },
        {"[4, 3]"});
    expect_error(
        [&] {
            linear_cross_entropy_forward(stream, two, three, {}, in(hidden, {3, 4}), Ids{0, 1, 2}, head.op,
                                         workspace);
        },
        {"[2]", "[3, 4]"});
    expect_error(
        [&] {
            linear_cross_entropy_forward(stream, three, three, {}, in(hidden, {3, 4}), Ids{0, 1}, head.op,
                                         workspace);
        },
        {"2", "[3, 4]"});
    expect_error(
        [&] {
            linear_cross_entropy_forward(stream, three, three, {}, in(hidden, {3, 4}), Ids{0, 5, 1}, head.op,
                                         workspace);
        },
        {"5"});
    expect_error(
        [&] {
            linear_cross_entropy_backward(stream, dhidden, dhead, in(hidden, {4, 3}), Ids{0, 1, 2, 3},
                                          in(Floats(4), {4}), in(Floats(4), {4}), head.op, workspace);
        },
        {"[3, 4]", "[4, 3]"});
}

}  // namespace
}  // namespace r1::ops
