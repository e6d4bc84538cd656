// AdamW and the sum of squares on CUDA.
#include "ops/cuda/device_array.h"

namespace r1::ops {
namespace {

struct State {
    Floats w, m, v;
    Bits w_bf16;
};

constexpr float kDecay = 0.9997f, kBeta1 = 0.9f, kBeta2 = 0.95f, kStep = 3e-3f, kRoot = 0.3f, kEps = 1e-8f;

// The CPU's operations, one by one (this file is compiled without contraction).
State on_host(State s, const Floats& grad, float scale) {
    for (size_t i = 0; i < grad.size(); ++i) {
        const float g = grad[i] * scale;
        s.m[i] = s.m[i] + (g - s.m[i]) * (1.0f - kBeta1);
        s.v[i] = s.v[i] * kBeta2 + g * g * (1.0f - kBeta2);
        s.w[i] = s.w[i] * kDecay - kStep * (s.m[i] / (std::sqrt(s.v[i]) / kRoot + kEps));
    }
    s.w_bf16 = rounded(s.w);
    return s;
}

TEST(CudaAdamW, HasTheBitsOfTheFormula) {
    R1_NEED_GPU();
    for (int64_t count : {1, 3, 4, 1023, 100003}) {
        State start{normals(count, 1), normals(count, 2, 0.1f), normals(count, 3, 0.1f), {}};
        for (float& x : start.v) x *= x;
        const Floats grad = normals(count, 4);
        const State want = on_host(start, grad, 0.37f), plain = on_host(start, grad, 1.0f);
        DeviceArray<float> w(start.w), m(start.m), v(start.v), g(grad), scale(Floats{0.37f});
        DeviceArray<bf16> w_bf16(count);
        cuda::adamw(test_stream(), w, w_bf16, m, v, g, count, kDecay, kBeta1, kBeta2, kStep, kRoot, kEps,
                    scale);
        expect_same(w.values(), want.w, "w");
        expect_same(m.values(), want.m, "m");
        expect_same(v.values(), want.v, "v");
        expect_same(w_bf16.values(), want.w_bf16, "w in bf16");

        // a range that starts at an address that is not aligned, without the factor and the bf16 copy
        DeviceArray<float> w2(start.w), m2(start.m), v2(start.v);
        const int64_t rest = count - 1;
        cuda::adamw(test_stream(), w2 + 1, nullptr, m2 + 1, v2 + 1, g + 1, rest, kDecay, kBeta1, kBeta2,
                    kStep, kRoot, kEps, nullptr);
        expect_same(slice(w2.values(), 1, 1, count), slice(plain.w, 1, 1, count), "w of a range");
        EXPECT_EQ(w2.values()[0], start.w[0]);
    }
}

TEST(CudaSumOfSquares, EqualsTheReferenceAndRepeats) {
    R1_NEED_GPU();
    for (int64_t count : {0, 1, 3, 4095, 4096, 4097, 5000011}) {
        const Floats x = normals(count, 1);
        double want = 0.0;
        for (float value : x) want += static_cast<double>(value) * static_cast<double>(value);
        DeviceArray<float> in(x);
        DeviceArray<double> sum(1), again(1);
        DeviceArray<char> workspace(static_cast<int64_t>(cuda::sum_of_squares_workspace(count)));
        cuda::sum_of_squares(test_stream(), sum, in, count, workspace.data());
        cuda::sum_of_squares(test_stream(), again, in, count, workspace.data());
        EXPECT_NEAR(sum.values()[0], want, 2e-6 * want) << count;
        expect_same(again.values(), sum.values(), "a second run");
    }
}

TEST(CudaSumOfSquares, ANanOrAnInfinityShows) {
    R1_NEED_GPU();
    for (float bad : {NAN, INFINITY}) {
        Floats x = normals(10000, 1);
        x[7777] = bad;
        DeviceArray<float> in(x);
        DeviceArray<double> sum(1);
        DeviceArray<char> workspace(static_cast<int64_t>(cuda::sum_of_squares_workspace(10000)));
        cuda::sum_of_squares(test_stream(), sum, in, 10000, workspace.data());
        EXPECT_FALSE(std::isfinite(sum.values()[0]));
    }
}

}  // namespace
}  // namespace r1::ops
