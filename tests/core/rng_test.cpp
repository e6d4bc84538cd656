#include "core/rng.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

namespace r1 {
namespace {

using Counter = std::array<uint32_t, 4>;

// Known answers of the Random123 distribution (kat_vectors, philox4x32 10).
TEST(Philox, KnownAnswers) {
    EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Counter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
    constexpr uint32_t f = 0xffffffff;
    EXPECT_EQ(philox({f, f, f, f}, {f, f}), (Counter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
    EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
              (Counter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Rng, UniformIsBelowOne) {
    EXPECT_EQ(to_uniform(0), 0.0f);
    EXPECT_LT(to_uniform(0xffffffffu), 1.0f);
    EXPECT_EQ(to_uniform(0xffffffffu), 1.0f - 0x1p-24f);
}

TEST(Rng, ASampleDependsOnEachPartOfItsKey) {
    const SampleKey key{.seed = (uint64_t{5} << 32) + 1, .step = 2, .prompt = 3, .sample = 4, .position = 5};
    std::set<float> values{sample_uniform(key)};
    for (int part = 0; part < 6; ++part) {
        SampleKey other = key;
        if (part == 0) other.seed ^= 1;
        if (part == 1) other.seed ^= uint64_t{1} << 63;
        if (part == 2) ++other.step;
        if (part == 3) ++other.prompt;
        if (part == 4) ++other.sample;
        if (part == 5) ++other.position;
        values.insert(sample_uniform(other));
    }
    EXPECT_EQ(values.size(), 7u);
}

TEST(Rng, StreamsAreRepeatableAndApart) {
    Rng a(7, 0), b(7, 0), c(7, 1), d(8, 0);
    for (int i = 0; i < 100; ++i) {
        const uint32_t value = a.next();
        EXPECT_EQ(value, b.next());
        EXPECT_NE(value, c.next());
        EXPECT_NE(value, d.next());
    }
}

TEST(Rng, BelowIsInRangeAndEven) {
    Rng rng(1);
    std::array<int, 7> counts{};
    for (int i = 0; i < 70'000; ++i) ++counts[rng.below(7)];
    for (const int count : counts) EXPECT_NEAR(count, 10'000, 500);  // five standard deviations
    EXPECT_EQ(rng.below(1), 0u);
    for (int i = 0; i < 1000; ++i) {
        const int value = rng.range(-3, 3);
        EXPECT_GE(value, -3);
        EXPECT_LE(value, 3);
    }
}

TEST(Rng, NormalHasMeanZeroAndVarianceOne) {
    Rng rng(3);
    double sum = 0, squares = 0;
    constexpr int kCount = 50'000;
    for (int i = 0; i < kCount; ++i) {
        const double value = rng.normal();
        sum += value;
        squares += value * value;
    }
    EXPECT_NEAR(sum / kCount, 0, 0.025);
    EXPECT_NEAR(squares / kCount, 1, 0.04);
}

TEST(Rng, ShuffleKeepsTheItems) {
    Rng rng(5);
    std::vector<int> items(100);
    std::iota(items.begin(), items.end(), 0);
    std::vector<int> shuffled = items;
    rng.shuffle(shuffled);
    EXPECT_NE(shuffled, items);
    std::sort(shuffled.begin(), shuffled.end());
    EXPECT_EQ(shuffled, items);
    std::vector<int> none;
    rng.shuffle(none);
}

TEST(Rng, HashesAreFixed) {
    EXPECT_EQ(hash_bytes("", 0), hash_bytes("x", 0));
    EXPECT_NE(hash_bytes("ab", 2), hash_bytes("ba", 2));
    EXPECT_NE(hash_bytes("ab", 2, 1), hash_bytes("ab", 2, 2));
    // Splits of data sets rest on these values: they must never change.
    EXPECT_EQ(hash_bytes("", 0), 0xefd01f60ba992926u);
    EXPECT_EQ(hash_bytes("countdown", 9), 0xccd2acfc0ca56e3cu);
}

}  // namespace
}  // namespace r1
