// Log-probabilities, sampling and filters on CUDA. What the sampler records must be what the trainer
// recomputes.
#include <limits>

#include "ops/cuda/device_array.h"
#include "ops/sample.h"

namespace r1::ops {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

int64_t stride_of(int64_t v) {
    return (v + 7) / 8 * 8 + 8;
}

// Rows of v logits at the stride; what lies between them is NaN.
Floats padded(const Floats& logits, int64_t v) {
    Floats out;
    for (size_t r = 0; r * at(v) < logits.size(); ++r) {
        out.insert(out.end(), logits.begin() + static_cast<int64_t>(r) * v,
                   logits.begin() + static_cast<int64_t>(r + 1) * v);
        out.resize((r + 1) * at(stride_of(v)), kNan);
    }
    return out;
}

struct Forward {
    Floats logprobs, lse, entropy;
};
Forward forward(const Floats& logits, const Ids& targets, float inv_temperature) {
    const auto rows = static_cast<int64_t>(targets.size()), v = static_cast<int64_t>(logits.size()) / rows;
    DeviceArray<float> in(padded(logits, v)), logprobs(rows), lse(rows), entropy(rows);
    DeviceArray<int32_t> in_targets(targets);
    cuda::logprobs_forward(test_stream(), logprobs, lse, entropy, in, in_targets, rows, v, stride_of(v),
                           inv_temperature);
    return {logprobs.values(), lse.values(), entropy.values()};
}

TEST(CudaLogprobs, EqualTheReference) {
    R1_NEED_GPU();
    for (const auto& [rows, v] : {std::pair<int64_t, int64_t>{3, 1},
                                  {5, 2},
                                  {4, 511},
                                  {4, 512},
                                  {4, 513},
                                  {300, 1000},
                                  {6, 4099},
                                  {9, 49152},
                                  {140, 16391},
                                  {5, 151936}}) {
        for (float inv_temperature : {1.0f, 1.0f / 0.6f}) {
            SCOPED_TRACE(cat(rows, " × ", v));
            const Floats logits = normals(rows * v, 1, 3.0f);
            const Ids targets = targets_below(v, rows, 2);
            const Forward got = forward(logits, targets, inv_temperature);
            const auto want = reference::logprobs(widen(logits), targets, inv_temperature);
            expect_near(got.logprobs, want.logprobs, {4e-6, 1e-6}, "logprobs");
            expect_near(got.lse, want.lse, {2e-6, 1e-6}, "lse");
            expect_near(got.entropy, want.entropy, {4e-6, 2e-6}, "entropy");
        }
    }
}

TEST(CudaLogprobs, ARowsBytesDoNotDependOnTheOthers) {
    R1_NEED_GPU();
    for (int64_t v : {1000, 49152}) {
        const int64_t rows = v == 1000 ? 1000 : 200;  // more than 132: other blocks than for one row
        const Floats logits = normals(rows * v, 1, 2.0f);
        const Ids targets = targets_below(v, rows, 2);
        const Forward all = forward(logits, targets, 1.1f), again = forward(logits, targets, 1.1f);
        expect_same(again.lse, all.lse, "lse of a second run");
        for (int64_t r : {int64_t{0}, rows / 2, rows - 1}) {
            const Forward one = forward(slice(logits, v, r, r + 1), slice(targets, 1, r, r + 1), 1.1f);
            expect_same(one.logprobs, slice(all.logprobs, 1, r, r + 1), "logprobs");
            expect_same(one.lse, slice(all.lse, 1, r, r + 1), "lse");
            expect_same(one.entropy, slice(all.entropy, 1, r, r + 1), "entropy");
        }
    }
}

TEST(CudaLogprobs, RemovedTokensCountForNothingAndNanShows) {
    R1_NEED_GPU();
    const int64_t v = 3000;
    Floats row = normals(v, 1, 2.0f), few;
    for (int64_t i = 0; i < v; ++i) {
        if (i % 7 || (i >= 512 && i < 1024)) {
            row[at(i)] = -kInf;  // a whole segment among them
        } else {
            few.push_back(row[at(i)]);
        }
    }
    const Forward got = forward(row, {7}, 1.0f);
    const auto want = reference::logprobs(widen(few), {1}, 1.0);
    expect_near(got.logprobs, want.logprobs, {4e-6, 1e-6}, "logprobs");
    expect_near(got.entropy, want.entropy, {4e-6, 2e-6}, "entropy");
    row[2900] = kNan;
    EXPECT_TRUE(std::isnan(forward(row, {7}, 1.0f).lse[0]));
    row[2900] = kInf;
    EXPECT_TRUE(std::isnan(forward(row, {7}, 1.0f).lse[0]));
    EXPECT_TRUE(std::isnan(forward(Floats(at(v), -kInf), {7}, 1.0f).lse[0]));
}

TEST(CudaLogprobs, BackwardEqualsTheReferenceAndClearsThePadding) {
    R1_NEED_GPU();
    for (const auto& [rows, v] :
         {std::pair<int64_t, int64_t>{2, 1}, {300, 37}, {33, 4099}, {3, 49152}, {2, 151936}}) {
        SCOPED_TRACE(cat(rows, " × ", v));
        const float inv_temperature = 1.25f;
        const int64_t stride = stride_of(v);
        const Floats logits = normals(rows * v, 1, 2.0f), dlogprobs = normals(rows, 3);
        const Ids targets = targets_below(v, rows, 2);
        DeviceArray<float> in(padded(logits, v)), lse(forward(logits, targets, inv_temperature).lse),
            d(dlogprobs);
        DeviceArray<int32_t> in_targets(targets);
        DeviceArray<bf16> out(rows * stride);
        cuda::logprobs_backward(test_stream(), out, in, in_targets, lse, d, rows, v, stride, inv_temperature);
        const Vec want =
            reference::logprobs_backward(widen(dlogprobs), widen(logits), targets, inv_temperature);
        Vec want_padded;
        for (int64_t r = 0; r < rows; ++r) {
            want_padded.insert(want_padded.end(), want.begin() + r * v, want.begin() + (r + 1) * v);
            want_padded.resize(at((r + 1) * stride), 0.0);
        }
        expect_near(from_bf16(out.values()), want_padded, {1e-6, kBf16.rel}, "dlogits");
    }
}

std::vector<SampleKey> keys_for(int64_t rows, uint64_t seed = 0x123456789abcdefull) {
    std::vector<SampleKey> keys;
    for (int64_t r = 0; r < rows; ++r) {
        const auto n = static_cast<uint32_t>(r);
        keys.push_back({seed + at(r) % 3 * 0x987654321ull, n % 5, n % 7, n % 11, n});
    }
    return keys;
}

struct Draws {
    Ids tokens;
    Floats logprobs;
};
Draws draw(const Floats& logits, const std::vector<SampleKey>& keys, const Floats& inv_temperature) {
    const auto rows = static_cast<int64_t>(keys.size()), v = static_cast<int64_t>(logits.size()) / rows;
    std::vector<uint64_t> seed;
    std::vector<uint32_t> step, prompt, index, position;
    for (const SampleKey& key : keys) {
        seed.push_back(key.seed), step.push_back(key.step), prompt.push_back(key.prompt);
        index.push_back(key.sample), position.push_back(key.position);
    }
    DeviceArray<uint64_t> in_seed(seed);
    DeviceArray<uint32_t> in_step(step), in_prompt(prompt), in_index(index), in_position(position);
    DeviceArray<float> in(padded(logits, v)), in_temperature(inv_temperature), logprobs(rows);
    DeviceArray<int32_t> tokens(rows);
    cuda::sample(test_stream(), tokens, logprobs, in, in_temperature,
                 {in_seed, in_step, in_prompt, in_index, in_position}, rows, v, stride_of(v));
    return {tokens.values(), logprobs.values()};
}

// The draw is the inverse of the cumulative distribution at the host's uniform number; within 1e-5 of an edge
// fp32 may round to either side. What is recorded has the bits of logprobs_forward.
TEST(CudaSample, InvertsTheCumulativeDistributionAndRecordsTheTrainersBits) {
    R1_NEED_GPU();
    for (const auto& [rows, v] : {std::pair<int64_t, int64_t>{300, 1},
                                  {400, 2},
                                  {400, 33},
                                  {200, 511},
                                  {200, 513},
                                  {60, 4099},
                                  {40, 49152},
                                  {10, 151936}}) {
        for (float inv_temperature : {1.0f, 1.0f / 0.6f}) {
            SCOPED_TRACE(cat(rows, " × ", v));
            const Floats logits = normals(rows * v, 1, 2.0f);
            const auto keys = keys_for(rows);
            const Draws got = draw(logits, keys, Floats(at(rows), inv_temperature));
            int64_t near_edges = 0;
            for (int64_t r = 0; r < rows; ++r) {
                const int64_t token = got.tokens[at(r)];
                ASSERT_TRUE(token >= 0 && token < v) << token;
                const float* row = &logits[at(r * v)];
                double total = 0.0, below = 0.0, own = 0.0;
                for (int64_t i = 0; i < v; ++i) {
                    const double p = std::exp((row[i] - row[token]) * static_cast<double>(inv_temperature));
                    total += p;
                    if (i < token) below += p;
                    if (i == token) own = p;
                }
                const double u = sample_uniform(keys[at(r)]);
                EXPECT_GE(u, below / total - 1e-5) << "row " << r;
                EXPECT_LE(u, (below + own) / total + 1e-5) << "row " << r;
                near_edges += u < below / total || u > (below + own) / total;
            }
            EXPECT_LE(near_edges, 1);
            expect_same(forward(logits, got.tokens, inv_temperature).logprobs, got.logprobs,
                        "log-probability");
        }
    }
}

TEST(CudaSample, FrequenciesAreTheProbabilities) {
    R1_NEED_GPU();
    const int64_t v = 33, draws = 40000;
    const Floats row = normals(v, 1);
    Floats all;
    for (int64_t i = 0; i < draws; ++i) all.insert(all.end(), row.begin(), row.end());
    const double lse = reference::logprobs(widen(row), {0}, 1.3f).lse[0];
    std::vector<double> counts(at(v));
    for (int32_t token : draw(all, keys_for(draws), Floats(at(draws), 1.3f)).tokens) counts[at(token)] += 1.0;
    double chi_square = 0.0;
    for (size_t i = 0; i < counts.size(); ++i) {
        const double expected =
            static_cast<double>(draws) * std::exp(static_cast<double>(row[i]) * 1.3f - lse);
        chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    EXPECT_LT(chi_square, 62.5);  // 32 degrees of freedom: exceeded once in 1000 seeds
}

TEST(CudaSample, ARowsDrawDoesNotDependOnTheOthers) {
    R1_NEED_GPU();
    const int64_t rows = 1000, v = 4099;
    const Floats logits = normals(rows * v, 1, 2.0f);
    const auto keys = keys_for(rows);
    const Draws all = draw(logits, keys, Floats(at(rows), 1.0f));
    for (int64_t r : {0, 131, 132, 999}) {
        const Draws one = draw(slice(logits, v, r, r + 1), {keys[at(r)]}, {1.0f});
        EXPECT_EQ(one.tokens[0], all.tokens[at(r)]);
        expect_same(one.logprobs, slice(all.logprobs, 1, r, r + 1), "log-probability");
    }
}

// Numbers at the ends of [0, 1), and rows where few tokens are left, at either end of a segment.
TEST(CudaSample, RemovedTokensAreNeverDrawn) {
    R1_NEED_GPU();
    SampleKey lowest, highest;
    float low = 1.0f, high = 0.0f;
    for (uint32_t position = 0; position < 200000; ++position) {
        const SampleKey key{9, 0, 0, 0, position};
        const float u = sample_uniform(key);
        if (u < low) low = u, lowest = key;
        if (u > high) high = u, highest = key;
    }
    for (int64_t v : {5, 512, 700, 4099, 49152}) {
        Floats row(at(v), -kInf);
        for (int64_t i : {int64_t{1}, v / 2, v - 2}) row[at(i)] = 0.5f;
        Floats two = row;
        two.insert(two.end(), row.begin(), row.end());
        const Draws got = draw(two, {lowest, highest}, {1.0f, 1.0f});
        EXPECT_EQ(got.tokens, (Ids{1, static_cast<int32_t>(v - 2)})) << v;
        Floats many;
        for (int i = 0; i < 200; ++i) many.insert(many.end(), row.begin(), row.end());
        for (int32_t token : draw(many, keys_for(200), Floats(200, 0.7f)).tokens)
            ASSERT_EQ(row[at(token)], 0.5f);
    }
}

TEST(CudaSample, TemperatureZeroTakesTheFirstLargest) {
    R1_NEED_GPU();
    for (int64_t v : {1, 2, 33, 513, 4099, 49152}) {
        Floats logits = normals(3 * v, 1);
        const int64_t tied = v / 2;
        logits[at(v + tied)] = logits[at(v + v - 1)] = 100.0f;
        for (int64_t i = 0; i < v; ++i) logits[at(2 * v + i)] = -3.0f;
        const Draws got = draw(logits, keys_for(3), Floats(3, kInf));
        EXPECT_EQ(got.tokens[0], std::max_element(logits.begin(), logits.begin() + v) - logits.begin());
        EXPECT_EQ(got.tokens[1], tied);
        EXPECT_EQ(got.tokens[2], 0);
        expect_same(got.logprobs, forward(logits, got.tokens, 1.0f).logprobs, "log-probability");
    }
}

TEST(CudaSample, ARowWithNothingToDrawFromSaysSo) {
    R1_NEED_GPU();
    for (float inv_temperature : {1.0f, kInf}) {
        for (float bad : {kNan, kInf}) {
            for (int64_t place : {0, 600, 1299}) {
                Floats logits = normals(4 * 1300, 1);
                logits[at(2 * 1300 + place)] = bad;
                std::fill_n(logits.begin() + 3 * 1300, 1300, -kInf);
                const Draws got = draw(logits, keys_for(4), Floats(4, inv_temperature));
                EXPECT_TRUE(got.tokens[0] >= 0 && got.tokens[1] >= 0);
                EXPECT_EQ(got.tokens[2], -1);
                EXPECT_EQ(got.tokens[3], -1);
                EXPECT_TRUE(std::isnan(got.logprobs[2]) && std::isnan(got.logprobs[3]));
            }
        }
    }
}

Floats filtered(const Floats& logits, int64_t rows, const LogitFilter& filter, float inv_temperature) {
    const int64_t v = static_cast<int64_t>(logits.size()) / rows, stride = stride_of(v);
    DeviceArray<float> out(padded(logits, v));
    cuda::filter_logits(test_stream(), out, filter.top_k, filter.top_p, filter.min_p, rows, v, stride,
                        inv_temperature);
    check_cuda(cudaStreamSynchronize(test_stream()), "filtering");
    Floats all(at(rows * stride)), inside;
    check_cuda(cudaMemcpy(all.data(), out.data(), all.size() * sizeof(float), cudaMemcpyDeviceToHost),
               "reading");
    for (int64_t r = 0; r < rows; ++r) {
        inside.insert(inside.end(), all.begin() + r * stride, all.begin() + r * stride + v);
        for (int64_t i = v; i < stride; ++i) EXPECT_TRUE(std::isnan(all[at(r * stride + i)]));
    }
    return inside;
}

TEST(CudaFilter, EqualsTheReference) {
    R1_NEED_GPU();
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
                                           {.top_k = 3000, .top_p = 0.95f, .min_p = 0.01f}};
    for (const auto& [rows, v] :
         {std::pair<int64_t, int64_t>{5, 1}, {5, 31}, {5, 33}, {5, 4099}, {2, 49152}}) {
        for (const LogitFilter& filter : filters) {
            for (float inv_temperature : {1.0f, 1.6f}) {
                SCOPED_TRACE(
                    cat("V ", v, " top_k ", filter.top_k, " top_p ", filter.top_p, " min_p ", filter.min_p));
                const Floats logits = normals(rows * v, 1, 2.0f);
                const Floats got = filtered(logits, rows, filter, inv_temperature);
                for (int64_t r = 0; r < rows; ++r) {
                    const Vec want = reference::filter(widen(slice(logits, v, r, r + 1)), filter.top_k,
                                                       filter.top_p, filter.min_p, inv_temperature);
                    expect_near(slice(got, v, r, r + 1), want, reference::kCopy, "row");
                }
            }
        }
    }
}

// All equal, so that every histogram has one bin: the digits of the ids decide.
TEST(CudaFilter, TiesAreWonByTheLowestToken) {
    R1_NEED_GPU();
    const auto kept = [](const Floats& row, const LogitFilter& filter) {
        Ids ids;
        const Floats got = filtered(row, 1, filter, 1.0f);
        for (size_t i = 0; i < got.size(); ++i) {
            if (got[i] != -kInf) ids.push_back(static_cast<int32_t>(i));
        }
        return ids;
    };
    const Floats equal(40, 1.5f), wide(49152, -2.0f);
    EXPECT_EQ(kept(equal, {.top_k = 3}), (Ids{0, 1, 2}));
    EXPECT_EQ(kept(equal, {.top_p = 0.11f}), (Ids{0, 1, 2, 3, 4}));
    EXPECT_EQ(kept(equal, {.top_k = 10, .top_p = 0.45f}), (Ids{0, 1, 2, 3, 4}));
    EXPECT_EQ(kept(equal, {.min_p = 1.0f}).size(), 40u);
    const Ids half = kept(wide, {.top_p = 0.5f});
    EXPECT_EQ(half.size(), 24576u);
    EXPECT_EQ(half.back(), 24575);
    const Ids some = kept(wide, {.top_k = 20001, .top_p = 0.5f});
    EXPECT_EQ(some.size(), 10001u);
    EXPECT_EQ(some.back(), 10000);
    EXPECT_EQ(kept({0.0f, 2.0f, 1.0f, 2.0f, -0.0f, 1.0f, 0.0f}, {.top_k = 5}), (Ids{0, 1, 2, 3, 5}));
}

TEST(CudaFilter, RowsKeepApartAndRowsWithoutOrderAreLeft) {
    R1_NEED_GPU();
    const int64_t rows = 300, v = 2000;
    Floats logits = normals(rows * v, 1, 2.0f);
    for (int64_t i = 0; i < v; i += 3) logits[at(i)] = -kInf;  // filtered before
    logits[at(5 * v + 9)] = kNan;
    logits[at(6 * v + 9)] = kInf;
    const LogitFilter filter{.top_k = 1500, .top_p = 0.8f, .min_p = 0.001f};
    const Floats all = filtered(logits, rows, filter, 1.2f);
    expect_same(filtered(logits, rows, filter, 1.2f), all, "a second run");
    for (int64_t r : {0, 150, 299}) {
        expect_same(filtered(slice(logits, v, r, r + 1), 1, filter, 1.2f), slice(all, v, r, r + 1),
                    "one row");
    }
    for (int64_t r : {5, 6})
        expect_same(slice(all, v, r, r + 1), slice(logits, v, r, r + 1), "a row left alone");
    const Vec want = reference::filter(widen(slice(logits, v, 0, 1)), 1500, 0.8f, 0.001f, 1.2f);
    expect_near(slice(all, v, 0, 1), want, reference::kCopy, "a row filtered before");
}

TEST(CudaLogprobs, StridesThatTheKernelsDoNotTakeAreNamed) {
    R1_NEED_GPU();
    expect_error(
        [] {
            cuda::logprobs_forward(test_stream(), nullptr, nullptr, nullptr, nullptr, nullptr, 1, 33, 33, 1);
        },
        {"33", "multiple of 8"});
}

}  // namespace
}  // namespace r1::ops
