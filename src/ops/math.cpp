#include "ops/math.h"

#include <bit>
#include <cstdint>
#include <limits>

namespace r1::ops {

double exact_log(double x) {
    if (!(x <= std::numeric_limits<double>::max())) return x;  // NaN and infinity stay what they are
    const auto bits = std::bit_cast<uint64_t>(x);
    int64_t exponent = static_cast<int64_t>(bits >> 52) - 1023;
    double m = std::bit_cast<double>((bits & 0xfffffffffffffu) | 0x3ff0000000000000u);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        ++exponent;
    }
    // log m = 2 atanh(s), s = (m-1)/(m+1), |s| <= 0.1716: terms to s^21 leave less than 1e-17
    const double s = (m - 1.0) / (m + 1.0);
    const double s2 = s * s;
    double sum = 0.0;
    for (int k = 21; k >= 3; k -= 2) sum = sum * s2 + 1.0 / k;
    const double e = static_cast<double>(exponent);
    return e * 0.6931471803691238 + (2.0 * s + (2.0 * s * s2 * sum + e * 1.9082149292705877e-10));
}

double exact_exp(double x) {
    if (x != x) return x;
    if (x < -700.0) return 0.0;
    if (x > 700.0) x = 700.0;
    const double shifted = x * 1.4426950408889634 + 6755399441055744.0;  // rounds to an integer
    const double n = shifted - 6755399441055744.0;
    const double r = (x - n * 0.6931471803691238) - n * 1.9082149292705877e-10;
    double sum = 1.0;
    for (int k = 16; k >= 1; --k) sum = 1.0 + sum * r / k;
    return sum * std::bit_cast<double>(static_cast<uint64_t>(static_cast<int64_t>(n) + 1023) << 52);
}

double exact_pow(double x, double y) {
    return exact_exp(y * exact_log(x));
}

void exact_sincos(double x, double& sine, double& cosine) {
    // x = q·π/2 + r with π/2 in three parts, each product exact for |q| < 2^20
    const double q = (x * 0.6366197723675814 + 6755399441055744.0) - 6755399441055744.0;
    double r = x - q * 1.5707963267341256;
    r -= q * 6.077100506303966e-11;
    r -= q * 2.0222662487959506e-21;
    const double r2 = r * r;
    double s = 0.0, c = 0.0;
    for (int k = 19; k >= 3; k -= 2) s = (s + 1.0) * (-r2 / (static_cast<double>(k) * (k - 1)));
    s = r + r * s;
    for (int k = 20; k >= 2; k -= 2) c = (c + 1.0) * (-r2 / (static_cast<double>(k) * (k - 1)));
    c = 1.0 + c;
    switch (static_cast<int64_t>(q) & 3) {
        case 0:
            sine = s, cosine = c;
            break;
        case 1:
            sine = c, cosine = -s;
            break;
        case 2:
            sine = -s, cosine = -c;
            break;
        default:
            sine = -c, cosine = s;
            break;
    }
}

}  // namespace r1::ops
