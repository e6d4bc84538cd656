#include "ops/sample.h"

#include "ops/logprobs.h"
#include "ops/op_test.h"

namespace r1::ops {
namespace {

using Ids = std::vector<int32_t>;
constexpr float kGone = -std::numeric_limits<float>::infinity();
constexpr float kGreedy = std::numeric_limits<float>::infinity();

std::vector<SampleKey> keys_for(int64_t rows, uint64_t seed = 42) {
    std::vector<SampleKey> keys(at(rows));
    for (size_t r = 0; r < keys.size(); ++r) keys[r] = {seed, 3, 5, 7, static_cast<uint32_t>(r)};
    return keys;
}

Floats lse_of(Stream& stream, const Floats& logits, int64_t rows, float inv_temperature) {
    const int64_t width = static_cast<int64_t>(logits.size()) / rows;
    Output logprobs({rows}), lse({rows});
    logprobs_forward(stream, logprobs, lse, {}, in(logits, {rows, width}), Ids(at(rows), 0), inv_temperature);
    return lse.values();
}

Ids draw(Stream& stream, const Floats& logits, int64_t rows, float inv_temperature,
         const std::vector<SampleKey>& keys) {
    const int64_t width = static_cast<int64_t>(logits.size()) / rows;
    const Floats lse = lse_of(stream, logits, rows, inv_temperature);
    Ids tokens(at(rows), -1);
    sample(stream, tokens, in(logits, {rows, width}), in(lse, {rows}), Floats(at(rows), inv_temperature),
           keys);
    return tokens;
}

Floats filtered(Stream& stream, const Floats& logits, int64_t rows, const LogitFilter& filter,
                float inv_temperature) {
    Output out({rows, static_cast<int64_t>(logits.size()) / rows}, logits);
    filter_logits(stream, out, filter, inv_temperature);
    return out.values();
}

Floats repeated(const Floats& row, int64_t times) {
    Floats all;
    for (int64_t i = 0; i < times; ++i) all.insert(all.end(), row.begin(), row.end());
    return all;
}

// The draw is the inverse of the cumulative distribution; within 1e-5 of an edge fp32 may round to either
// side.
TEST(Sample, InvertsTheCumulativeDistribution) {
    for (int64_t width : {1, 2, 31, 32, 33, 4099}) {
        for (float inv_temperature : {1.0f, 1.0f / 0.6f}) {
            const int64_t rows = width > 1000 ? 50 : 400;
            const Floats logits = normals(rows * width, 1, 2.0f);
            const auto keys = keys_for(rows);
            const Results got = everywhere([&](Stream& stream) {
                const Ids tokens = draw(stream, logits, rows, inv_temperature, keys);
                return Results{Floats(tokens.begin(), tokens.end())};
            });
            int64_t near_edges = 0;
            for (int64_t r = 0; r < rows; ++r) {
                const Vec z = widen(rows_of(logits, width, r, r + 1));
                const double lse = reference::logprobs(z, {0}, inv_temperature).lse[0],
                             u = sample_uniform(keys[at(r)]);
                const auto token = static_cast<int64_t>(got[0][at(r)]);
                ASSERT_TRUE(token >= 0 && token < width) << token;
                double below = 0.0;
                for (int64_t v = 0; v < token; ++v) below += std::exp(z[at(v)] * inv_temperature - lse);
                const double above = below + std::exp(z[at(token)] * inv_temperature - lse);
                EXPECT_GE(u, below - 1e-5) << "row " << r;
                EXPECT_LE(u, above + 1e-5) << "row " << r;
                near_edges += u < below || u > above;
            }
            EXPECT_LE(near_edges, 1);
        }
    }
}

TEST(Sample, FrequenciesAreTheProbabilities) {
    const int64_t width = 33, draws = 40000;
    const Floats row = normals(width, 1, 1.0f);
    Stream stream = any_stream();
    for (uint64_t seed : {1, 2, 3}) {
        const Ids tokens = draw(stream, repeated(row, draws), draws, 1.3f, keys_for(draws, seed));
        std::vector<int64_t> counts(at(width));
        for (int32_t token : tokens) ++counts[at(token)];
        const auto lse = reference::logprobs(widen(row), {0}, 1.3f).lse[0];
        double chi_square = 0.0;
        for (size_t v = 0; v < counts.size(); ++v) {
            const double expected =
                static_cast<double>(draws) * std::exp(static_cast<double>(row[v]) * 1.3f - lse);
            ASSERT_GT(expected, 5.0);
            chi_square += (static_cast<double>(counts[v]) - expected) *
                          (static_cast<double>(counts[v]) - expected) / expected;
        }
        EXPECT_LT(chi_square, 62.5);  // 32 degrees of freedom: exceeded once in 1000 seeds
    }
}

TEST(Sample, RowsDoNotDependOnTheOthers) {
    const int64_t rows = 4099, width = 20;
    const Floats logits = normals(rows * width, 1);
    const auto keys = keys_for(rows);
    Stream stream = any_stream();
    const Ids all = draw(stream, logits, rows, 1.0f, keys);
    for (int64_t r : {0, 1, 100, 4098}) {
        EXPECT_EQ(draw(stream, rows_of(logits, width, r, r + 1), 1, 1.0f, {keys[at(r)]})[0], all[at(r)]);
    }
}

TEST(Sample, FilteredTokensAreNeverDrawn) {
    const int64_t rows = 2000, width = 37;
    Floats row = normals(width, 1);
    for (int64_t v : {0, 1, 5, 16, 31, 35, 36}) row[at(v)] = kGone;  // the first and the last among them
    Stream stream = any_stream();
    for (int32_t token : draw(stream, repeated(row, rows), rows, 1.0f, keys_for(rows)))
        ASSERT_NE(row[at(token)], kGone);
}

// Uniform numbers at the ends of [0, 1): 0 must skip tokens without probability, and the rounding of a sum
// that stays below 1 must not fall off the end.
TEST(Sample, EndsOfTheUnitInterval) {
    SampleKey lowest, highest;
    float low = 1.0f, high = 0.0f;
    for (uint32_t position = 0; position < 200000; ++position) {
        const SampleKey key{9, 0, 0, 0, position};
        const float u = sample_uniform(key);
        if (u < low) low = u, lowest = key;
        if (u > high) high = u, highest = key;
    }
    ASSERT_LT(low, 1e-4f);
    ASSERT_GT(high, 1.0f - 1e-4f);
    Floats row(4099, 0.0f);
    row.front() = row.back() = row[4097] = kGone;
    const Results got = everywhere([&](Stream& stream) {
        Ids tokens = draw(stream, repeated(row, 2), 2, 1.0f, {lowest, highest});
        EXPECT_GE(tokens[0], 1);
        EXPECT_LE(tokens[0], 1 + static_cast<int>(low * 4096.0f) + 1);
        EXPECT_LE(tokens[1], 4096);
        EXPECT_GE(tokens[1], static_cast<int>(high * 4096.0f) - 1);
        const Floats lse = lse_of(stream, row, 1, 1.0f);
        const Floats above{lse[0] + 1e-2f};  // probabilities that add up to 0.99 only
        sample(stream, std::span(tokens).first(1), in(row, {1, 4099}), in(above, {1}), Floats{1.0f},
               std::vector{highest});
        EXPECT_GE(tokens[0], 1);
        EXPECT_LE(tokens[0], 4096);
        return Results{Floats(tokens.begin(), tokens.end())};
    });
}

TEST(Sample, TemperatureZeroTakesTheFirstLargest) {
    for (int64_t width : {1, 2, 17, 33, 4099}) {
        Floats logits = normals(3 * width, 1);
        const int64_t tied = width / 2;
        logits[at(width + tied)] = logits[at(width + width - 1)] = 100.0f;
        for (int64_t v = 0; v < width; ++v) logits[at(2 * width + v)] = -3.0f;  // all equal
        everywhere([&](Stream& stream) {
            Ids tokens(3, -1);
            const Floats lse(3, 0.0f);
            sample(stream, tokens, in(logits, {3, width}), in(lse, {3}), Floats(3, kGreedy), keys_for(3));
            EXPECT_EQ(tokens[0], std::max_element(logits.begin(), logits.begin() + width) - logits.begin());
            EXPECT_EQ(tokens[1], tied);
            EXPECT_EQ(tokens[2], 0);
            return Results{Floats(tokens.begin(), tokens.end())};
        });
    }
}

TEST(Sample, EachRowHasItsOwnTemperature) {
    const Floats row = normals(50, 1);
    Stream stream = any_stream();
    const auto keys = keys_for(3);
    const Floats logits = repeated(row, 3);
    const Floats lse{lse_of(stream, row, 1, 1.0f)[0], 0.0f, lse_of(stream, row, 1, 2.0f)[0]};
    Ids tokens(3);
    sample(stream, tokens, in(logits, {3, 50}), in(lse, {3}), Floats{1.0f, kGreedy, 2.0f}, keys);
    EXPECT_EQ(tokens[0], draw(stream, row, 1, 1.0f, {keys[0]})[0]);
    EXPECT_EQ(tokens[1], std::max_element(row.begin(), row.end()) - row.begin());
    EXPECT_EQ(tokens[2], draw(stream, row, 1, 2.0f, {keys[2]})[0]);
}

TEST(Sample, ARowWithANanIsNamed) {
    for (float inv_temperature : {1.0f, kGreedy}) {
        for (int64_t place : {0, 20, 49}) {  // first, middle, last of row 2
            Floats logits = normals(4 * 50, 1);
            logits[at(2 * 50 + place)] = std::numeric_limits<float>::quiet_NaN();
            for (Isa isa : {Isa::portable, best_isa()}) {
                Stream stream = stream_with(isa, 2);
                const Floats lse = lse_of(stream, logits, 4, 1.0f);
                Ids tokens(4);
                expect_error(
                    [&] {
                        sample(stream, tokens, in(logits, {4, 50}), in(lse, {4}), Floats(4, inv_temperature),
                               keys_for(4));
                    },
                    {"NaN", "2"});
                const Floats after = filtered(stream, logits, 4, {.top_k = 5, .top_p = 0.9f}, 1.0f);
                const Floats lse_after = lse_of(stream, after, 4, 1.0f);
                expect_error(
                    [&] {
                        sample(stream, tokens, in(after, {4, 50}), in(lse_after, {4}),
                               Floats(4, inv_temperature), keys_for(4));
                    },
                    {"NaN", "2"});
            }
        }
    }
}

// With +inf among the logits there is no distribution either.
TEST(Sample, AnInfiniteLogitIsNotDrawnFrom) {
    Floats logits = normals(40, 1);
    logits[33] = std::numeric_limits<float>::infinity();
    Stream stream = any_stream();
    for (const LogitFilter& filter : {LogitFilter{}, LogitFilter{.top_k = 5}, LogitFilter{.top_p = 0.9f}}) {
        expect_error([&] { draw(stream, filtered(stream, logits, 1, filter, 1.0f), 1, 1.0f, keys_for(1)); },
                     {"row 0"});
    }
}

TEST(Filter, EqualsTheReference) {
    const std::vector<LogitFilter> filters{{},
                                           {.top_k = 1},
                                           {.top_k = 7},
                                           {.top_k = 1000000},
                                           {.top_p = 0.9f},
                                           {.top_p = 0.3f},
                                           {.top_p = 1e-6f},
                                           {.min_p = 0.1f},
                                           {.min_p = 1.0f},
                                           {.top_k = 20, .top_p = 0.7f},
                                           {.top_k = 5, .min_p = 0.3f},
                                           {.top_k = 40, .top_p = 0.95f, .min_p = 0.05f}};
    for (int64_t width : {1, 31, 32, 33, 4099}) {
        for (const LogitFilter& filter : filters) {
            for (float inv_temperature : {1.0f, 1.6f}) {
                SCOPED_TRACE(cat("V ", width, " top_k ", filter.top_k, " top_p ", filter.top_p, " min_p ",
                                 filter.min_p));
                const int64_t rows = 5;
                const Floats logits = normals(rows * width, 1, 2.0f);
                const Floats got = everywhere([&](Stream& stream) {
                    return Results{filtered(stream, logits, rows, filter, inv_temperature)};
                })[0];
                for (int64_t r = 0; r < rows; ++r) {
                    const Vec row = widen(rows_of(logits, width, r, r + 1));
                    expect_near(
                        rows_of(got, width, r, r + 1),
                        reference::filter(row, filter.top_k, filter.top_p, filter.min_p, inv_temperature),
                        reference::kCopy, "row");
                }
            }
        }
    }
}

TEST(Filter, TiesAreWonByTheLowestToken) {
    Stream stream = any_stream();
    const Floats equal(40, 1.5f);
    const auto kept = [&](const LogitFilter& filter) {
        Ids ids;
        const Floats row = filtered(stream, equal, 1, filter, 1.0f);
        for (size_t v = 0; v < row.size(); ++v) {
            if (row[v] != kGone) ids.push_back(static_cast<int32_t>(v));
        }
        return ids;
    };
    EXPECT_EQ(kept({.top_k = 3}), (Ids{0, 1, 2}));
    EXPECT_EQ(kept({.top_k = 39}).size(), 39u);
    EXPECT_EQ(kept({.top_p = 0.11f}), (Ids{0, 1, 2, 3, 4}));  // 4/40 < .11 ≤ 5/40
    EXPECT_EQ(kept({.top_k = 10, .top_p = 0.45f}), (Ids{0, 1, 2, 3, 4}));
    EXPECT_EQ(kept({.min_p = 1.0f}).size(), 40u);
    Floats mixed{0.0f, 2.0f, 1.0f, 2.0f, -0.0f, 1.0f, 0.0f};  // 0 and −0 tie as well
    EXPECT_EQ(filtered(stream, mixed, 1, {.top_k = 3}, 1.0f),
              (Floats{kGone, 2.0f, 1.0f, 2.0f, kGone, kGone, kGone}));
    EXPECT_EQ(filtered(stream, mixed, 1, {.top_k = 5}, 1.0f),
              (Floats{0.0f, 2.0f, 1.0f, 2.0f, kGone, 1.0f, kGone}));
}

TEST(Filter, ARowThatWasFilteredBefore) {
    Floats row = normals(30, 1);
    for (size_t v = 0; v < 30; ++v) {
        if (v % 4) row[v] = kGone;  // 8 tokens are left
    }
    Stream stream = any_stream();
    EXPECT_SAME_BYTES(filtered(stream, row, 1, {.top_k = 20}, 1.0f), row);
    const Floats got = filtered(stream, row, 1, {.top_p = 0.6f}, 1.0f);
    expect_near(got, reference::filter(widen(row), 0, 0.6f, 0.0, 1.0), reference::kCopy, "row");
}

TEST(Filter, RowsDoNotDependOnTheOthers) {
    const Floats logits = normals(300 * 60, 1);
    Stream stream = any_stream();
    const LogitFilter filter{.top_k = 30, .top_p = 0.8f, .min_p = 0.01f};
    const Floats all = filtered(stream, logits, 300, filter, 1.2f);
    for (int64_t r : {0, 150, 299}) {
        EXPECT_SAME_BYTES(filtered(stream, rows_of(logits, 60, r, r + 1), 1, filter, 1.2f),
                          rows_of(all, 60, r, r + 1));
    }
}

TEST(RepetitionPenalty, DividesPositiveAndMultipliesNegativeOnce) {
    Floats logits{2.0f, -2.0f, 3.0f, 0.0f, -1.0f};
    repetition_penalty(logits, Ids{0, 1, 1, 3, 0, 0},
                       1.25f);  // a token that occurred often is penalised once
    EXPECT_EQ(logits, (Floats{1.6f, -2.5f, 3.0f, 0.0f, -1.0f}));
    const Floats before = logits;
    repetition_penalty(logits, Ids{0, 1, 2}, 1.0f);
    repetition_penalty(logits, Ids{}, 2.0f);
    EXPECT_EQ(logits, before);
}

TEST(Sample, Errors) {
    Stream stream = any_stream();
    const Floats logits(12);
    Ids tokens(3), two(2);
    expect_error(
        [&] {
            sample(stream, two, in(logits, {3, 4}), in(Floats(3), {3}), Floats(3, 1.0f), keys_for(3));
        },
        {"2", "[3, 4]"});
    expect_error(
        [&] {
            sample(stream, tokens, in(logits, {3, 4}), in(Floats(2), {2}), Floats(3, 1.0f), keys_for(3));
        },
        {"[2]", "[3, 4]"});
    expect_error(
        [&] {
            sample(stream, tokens, in(logits, {3, 4}), in(Floats(3), {3}), Floats(2, 1.0f), keys_for(3));
        },
        {"2", "[3, 4]"});
    expect_error(
        [&] {
            sample(stream, tokens, in(logits, {3, 4}), in(Floats(3), {3}), Floats(3, 1.0f), keys_for(2));
        },
        {"2", "[3, 4]"});
    const Ids ids(12);
    expect_error(
        [&] {
            sample(stream, tokens, view(ids.data(), {3, 4}), in(Floats(3), {3}), Floats(3, 1.0f),
                   keys_for(3));
        },
        {"i32", "f32"});
}

}  // namespace
}  // namespace r1::ops
