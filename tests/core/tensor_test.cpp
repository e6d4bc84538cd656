#include "core/tensor.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "core/buffer.h"
#include "core/rng.h"

namespace r1 {
namespace {

// The value of a 16-bit float with these field widths, from the definition.
double value_of(uint16_t bits, int exponent_bits, int mantissa_bits) {
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const int exponent = (bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
    const int mantissa = bits & ((1 << mantissa_bits) - 1);
    const double sign = bits & 0x8000 ? -1.0 : 1.0;
    const double fraction = static_cast<double>(mantissa) / (1 << mantissa_bits);
    if (exponent == (1 << exponent_bits) - 1) return mantissa ? std::nan("") : sign * HUGE_VAL;
    if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias);
    return sign * std::ldexp(1.0 + fraction, exponent - bias);
}

struct Format {
    int exponent_bits, mantissa_bits;
    float (*to_f32)(uint16_t);
    uint16_t (*from_f32)(float);
};

class HalfTest : public testing::TestWithParam<Format> {
  protected:
    double value(uint32_t bits) const {
        return value_of(static_cast<uint16_t>(bits), GetParam().exponent_bits, GetParam().mantissa_bits);
    }
};

TEST_P(HalfTest, EveryValueToF32AndBack) {
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
        const double expected = value(bits);
        const float actual = GetParam().to_f32(static_cast<uint16_t>(bits));
        if (std::isnan(expected)) {
            EXPECT_TRUE(std::isnan(actual)) << bits;
            EXPECT_TRUE(std::isnan(GetParam().to_f32(GetParam().from_f32(actual)))) << bits;
            continue;
        }
        ASSERT_EQ(static_cast<double>(actual), expected) << bits;
        ASSERT_EQ(GetParam().from_f32(actual), bits);
    }
}

// Rounding of the f32 values at, just below and just above the midpoint of each neighbouring pair, ties to
// even.
TEST_P(HalfTest, RoundsToNearestEven) {
    const uint32_t infinity = ((1u << GetParam().exponent_bits) - 1) << GetParam().mantissa_bits;
    for (uint32_t low = 0; low < infinity; ++low) {
        // The pair (largest, infinity) splits where one more step of the same size would.
        const double below = value(low);
        const double above = low + 1 < infinity ? value(low + 1) : 2 * below - value(low - 1);
        const double exact = (below + above) / 2;
        const auto middle = static_cast<float>(exact);
        if (static_cast<double>(middle) != exact || std::isinf(middle)) continue;  // bf16 subnormals
        const uint32_t even = low & 1 ? low + 1 : low;
        for (const uint32_t sign : {0u, 0x8000u}) {
            const float s = sign ? -1.0f : 1.0f;
            ASSERT_EQ(GetParam().from_f32(s * middle), even | sign) << low;
            ASSERT_EQ(GetParam().from_f32(s * std::nextafter(middle, 0.0f)), low | sign) << low;
            ASSERT_EQ(GetParam().from_f32(s * std::nextafter(middle, HUGE_VALF)), (low + 1) | sign) << low;
        }
    }
    EXPECT_EQ(GetParam().from_f32(HUGE_VALF), infinity);
    EXPECT_EQ(GetParam().from_f32(-HUGE_VALF), infinity | 0x8000);
    EXPECT_EQ(GetParam().from_f32(3.4028235e38f), infinity);
}

INSTANTIATE_TEST_SUITE_P(Formats, HalfTest,
                         testing::Values(Format{8, 7, bf16_to_f32, f32_to_bf16},
                                         Format{5, 10, f16_to_f32, f32_to_f16}),
                         [](const auto& param) { return param.index == 0 ? "bf16" : "f16"; });

TEST(Tensor, ShapesAndViews) {
    const Shape shape{2, 3, 4};
    EXPECT_EQ(shape.numel(), 24);
    EXPECT_EQ(shape.str(), "[2, 3, 4]");
    EXPECT_EQ(Shape{}.numel(), 1);
    EXPECT_THROW((Shape{1, 1, 1, 1, 1}), Error);
    float data[6] = {};
    const TensorView tensor = view(data, {2, 3});
    EXPECT_EQ(tensor.bytes(), 24u);
    EXPECT_EQ(tensor.str(), "f32[2, 3]");
    EXPECT_EQ(tensor.as<float>(), data);
    EXPECT_THROW(tensor.as<int32_t>(), Error);
    EXPECT_FALSE(TensorView());
}

TEST(Buffer, IsZeroAndAligned) {
    const Buffer buffer(DType::f32, {5, 7});
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.view().data) % 64, 0u);
    for (int i = 0; i < 35; ++i) EXPECT_EQ(buffer.as<float>()[i], 0.0f);
    EXPECT_TRUE(buffer);
    EXPECT_FALSE(Buffer());
    EXPECT_NO_THROW(Buffer(DType::f32, {0, 4}));
}

TEST(Buffer, AnImpossibleSizeIsAnError) {
    EXPECT_THROW(Buffer(DType::f32, {-1}), Error);
    EXPECT_THROW(Buffer(DType::f32, {int64_t{1} << 50}), Error);
    EXPECT_THROW(Buffer(DType::f32, {int64_t{1} << 62}), Error);
    EXPECT_THROW(Buffer(DType::f32, {int64_t{1} << 32, int64_t{1} << 32}), Error);
    EXPECT_THROW(Arena().take(DType::f32, {int64_t{1} << 62}), Error);
}

TEST(Arena, ReleasesToAMarkAndReusesTheMemory) {
    Arena arena;
    float* first = arena.floats(100);
    void* second = nullptr;
    {
        const ArenaScope scope(arena);
        second = arena.floats(200);
        EXPECT_NE(second, first);
    }
    EXPECT_EQ(arena.floats(200), second);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(arena.ints(3)) % 64, 0u);
}

// Random nesting of takes and releases: live pieces keep what was written to them.
TEST(Arena, SizesThatChangeDoNotMakeItGrow) {
    Arena arena;
    Rng rng(1);
    uint64_t moved = 0;
    for (int round = 0; round < 3000; ++round) {
        const ArenaScope scope(arena);
        const int64_t most = int64_t{1} << (10 + rng.below(12));
        for (int i = 0; i < 8; ++i)
            arena.floats(1 + static_cast<int64_t>(rng.below(static_cast<uint32_t>(most))));
        if (round == 2000) moved = arena.generation();
    }
    EXPECT_LE(arena.held_bytes(), 2 * arena.peak_bytes() + (size_t{8} << 20));
    EXPECT_EQ(arena.generation(), moved);
}

TEST(Arena, PiecesNeverOverlap) {
    Arena arena;
    Rng rng(1);
    struct Piece {
        Arena::Mark before;
        float* data;
        int64_t size;
        float tag;
    };
    std::vector<Piece> live;
    for (int step = 0; step < 3000; ++step) {
        if (!live.empty() && rng.chance(0.4f)) {
            const size_t keep = rng.below(static_cast<uint32_t>(live.size()));
            arena.release(live[keep].before);
            live.resize(keep);
        } else {
            const Arena::Mark before = arena.mark();
            const int64_t size = rng.range(1, rng.chance(0.02f) ? 3'000'000 : 5000);
            float* data = arena.floats(size);
            const auto tag = static_cast<float>(step);
            data[0] = data[size - 1] = data[size / 2] = tag;
            live.push_back({before, data, size, tag});
        }
        for (const Piece& piece : live) {
            ASSERT_EQ(piece.data[0], piece.tag);
            ASSERT_EQ(piece.data[piece.size / 2], piece.tag);
            ASSERT_EQ(piece.data[piece.size - 1], piece.tag);
        }
    }
    EXPECT_GT(arena.peak_bytes(), 0u);
}

TEST(Check, MessagesJoinTheirParts) {
    EXPECT_NO_THROW(check(true, "never"));
    try {
        check(false, "a ", 1, ' ', 2.5, " of ", DType::f32 == DType::f32);
        FAIL();
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(), "a 1 2.5 of 1");
    }
}

}  // namespace
}  // namespace r1
