#include "ops/math.h"

#include "ops/op_test.h"

namespace r1::ops {
namespace {

constexpr double kPi = 3.14159265358979323846;

double ulp(double x) {
    return std::nextafter(std::abs(x), std::numeric_limits<double>::infinity()) - std::abs(x);
}

// Uniform in [low, high), with all 53 bits.
double uniform(Rng& rng, double low, double high) {
    const double high_bits = rng.next() >> 6, low_bits = rng.next() >> 5;
    return low + (high - low) * (high_bits * 0x1p27 + low_bits) * 0x1p-53;
}

void expect_log(double x) {
    const long double want = std::log(static_cast<long double>(x));
    const long double error = std::abs(static_cast<long double>(exact_log(x)) - want);
    EXPECT_LE(error, 2.0L * ulp(static_cast<double>(want))) << std::hexfloat << x;
}

TEST(Math, Log) {
    Rng rng(1);
    for (int i = 0; i < 50000; ++i) {
        expect_log(uniform(rng, 0.5, 2.0));
        expect_log(std::ldexp(uniform(rng, 1.0, 2.0), rng.range(-1022, 1023)));
        expect_log(1.0 +
                   std::ldexp(uniform(rng, -1.0, 1.0), -rng.range(1, 52)));  // near 1, where log vanishes
    }
    EXPECT_EQ(exact_log(1.0), 0.0);
    expect_log(std::numeric_limits<double>::min());
    expect_log(std::numeric_limits<double>::max());
}

TEST(Math, Exp) {
    Rng rng(2);
    const auto expect_exp = [](double x) {
        const long double want = std::exp(static_cast<long double>(x));
        const long double error = std::abs(static_cast<long double>(exact_exp(x)) - want);
        EXPECT_LE(error, 2.0L * ulp(static_cast<double>(want))) << std::hexfloat << x;
    };
    for (int i = 0; i < 50000; ++i) {
        expect_exp(uniform(rng, -1.0, 1.0));
        expect_exp(uniform(rng, -700.0, 700.0));
    }
    EXPECT_EQ(exact_exp(0.0), 1.0);
    EXPECT_EQ(exact_exp(-1e9), 0.0);
}

// A diverged model must show: its NaN may not become a plausible number on the way.
TEST(Math, NotANumberStays) {
    const double nan = std::numeric_limits<double>::quiet_NaN(),
                 inf = std::numeric_limits<double>::infinity();
    EXPECT_TRUE(std::isnan(exact_log(nan)) && std::isnan(exact_log(-nan)));
    EXPECT_TRUE(std::isnan(exact_exp(nan)) && std::isnan(exact_exp(-nan)));
    EXPECT_EQ(exact_log(inf), inf);
    EXPECT_EQ(exact_exp(-inf), 0.0);
}

TEST(Math, Pow) {
    EXPECT_NEAR(exact_pow(10000.0, -0.25), 0.1, 1e-15);
    EXPECT_NEAR(exact_pow(0.999, 1000.0), std::pow(0.999, 1000.0), 1e-14);
    EXPECT_EQ(exact_pow(7.0, 0.0), 1.0);
}

TEST(Math, SinCos) {
    Rng rng(3);
    const auto expect_sincos = [](double x) {
        double sine = 0.0, cosine = 0.0;
        exact_sincos(x, sine, cosine);
        EXPECT_NEAR(sine, static_cast<double>(std::sin(static_cast<long double>(x))), 1e-15)
            << std::hexfloat << x;
        EXPECT_NEAR(cosine, static_cast<double>(std::cos(static_cast<long double>(x))), 1e-15)
            << std::hexfloat << x;
    };
    for (int i = 0; i < 50000; ++i) {
        expect_sincos(uniform(rng, -4.0, 4.0));
        expect_sincos(uniform(rng, -1e6, 1e6));
        expect_sincos(static_cast<double>(static_cast<float>(uniform(rng, 0.0, 131072.0))));  // RoPE's angles
    }
    for (int q = 0; q < 2000; ++q) {  // at and beside the multiples of π/4
        for (double x : {q * kPi / 4, std::nextafter(q * kPi / 4, 0.0), -q * kPi / 4}) expect_sincos(x);
    }
}

}  // namespace
}  // namespace r1::ops
