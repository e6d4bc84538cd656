// What the decode step of a few sequences computes in one kernel beside the kernels one by one.
#include "ops/batch.h"
#include "ops/cuda/device_array.h"

namespace r1::ops {
namespace {

constexpr float kEps = 1e-6f;
constexpr int kMost = 8;

struct Shape {
    int64_t c;  // columns of x
    int heads, hkv, d;
    int64_t f;
    int64_t width() const { return (heads + 2 * hkv) * int64_t{d}; }
};
const Shape kShapes[] = {{576, 9, 3, 64, 1536}, {1536, 12, 2, 128, 8960}, {64, 1, 1, 16, 8},
                         {128, 4, 2, 32, 352},  {2048, 5, 1, 256, 24},    {832, 3, 3, 48, 1360},
                         {1536, 20, 4, 96, 64}, {64, 40, 8, 48, 3400}};

cuda::Gemm product(const bf16* x, const bf16* w, const bf16* bias, int64_t m, int64_t n, int64_t k) {
    cuda::Gemm gemm{.m = m, .n = n, .k = k, .a = x, .lda = k};
    gemm.b = w, gemm.ldb = k, gemm.bias = bias;
    return gemm;
}

TEST(CudaGemmEight, IsTheNormTheProductAndTheRotation) {
    R1_NEED_HOPPER();
    constexpr int64_t kPositions = 100, kPages = 3;
    for (const Shape& s : kShapes) {
        for (const bool biased : {false, true}) {
            const int64_t n = s.width(), page_size = kPages * s.hkv * kPage * s.d;
            DeviceArray<bf16> x(bf16_normals(kMost * s.c, 1)), w(bf16_normals(n * s.c, 2, 0.05f)),
                norm(bf16_normals(s.c, 3)), bias(bf16_normals(n, 4));
            DeviceArray<float> cos(normals(kPositions * s.d / 2, 5)), sin(normals(kPositions * s.d / 2, 6));
            const Ids positions{0, 99, 31, 32, 7, 64, 1, 5}, slots{33, 0, -1, 95, 31, 64, 1, 2};
            DeviceArray<int32_t> d_positions(positions), d_slots(slots);
            for (const int64_t m : {1, 2, 5, 8}) {
                const std::string what = cat(m, " rows of ", s.c, ", ", s.heads, " heads of ", s.d);
                DeviceArray<bf16> y(m * s.c), qkv(m * n);
                const Bits before(at(page_size), 0x1234);
                DeviceArray<bf16> k(before), v(before);
                cuda::Batch batch;
                batch.tokens = m, batch.positions = d_positions, batch.slots = d_slots;
                cuda::rmsnorm_forward(test_stream(), y, nullptr, x, norm, m, s.c, kEps);
                cuda::Gemm gemm = product(y, w, biased ? bias.data() : nullptr, m, n, s.c);
                gemm.d = qkv.data(), gemm.ldd = n;
                cuda::gemm(test_stream(), gemm);
                cuda::rope_kv_forward(test_stream(), qkv, {k, v, kPages, s.hkv, s.d}, batch, cos, sin,
                                      s.heads);
                const Bits want = qkv.values(), want_k = k.values(), want_v = v.values();

                for (const bool graph : {false, true}) {
                    DeviceArray<bf16> got(Bits(at(m * n), 0x4321)), got_k(before), got_v(before);
                    cuda::Gemm one = product(x, w, biased ? bias.data() : nullptr, m, n, s.c);
                    one.d = got.data(), one.ldd = n, one.norm = norm, one.eps = kEps;
                    one.rope = {{got_k, got_v, kPages, s.hkv, s.d}, s.heads, d_positions, d_slots, cos, sin};
                    ASSERT_TRUE(cuda::is_eight(one)) << what;
                    const auto enqueue = [&] { cuda::gemm_eight(test_stream(), one); };
                    graph ? run_as_graph(enqueue) : enqueue();
                    const Bits all = got.values();
                    const int64_t queries = int64_t{s.heads} * s.d;
                    for (int64_t r = 0; r < m; ++r) {
                        expect_same(Bits(all.begin() + r * n, all.begin() + r * n + queries),
                                    Bits(want.begin() + r * n, want.begin() + r * n + queries),
                                    what + ", queries");
                    }
                    expect_same(got_k.values(), want_k, what + ", keys");
                    expect_same(got_v.values(), want_v, what + ", values");
                }
            }
        }
    }
}

TEST(CudaGemmEight, IsTheNormTheProductAndSwiglu) {
    R1_NEED_HOPPER();
    for (const Shape& s : kShapes) {
        for (const bool biased : {false, true}) {
            const int64_t n = 2 * s.f;
            DeviceArray<bf16> x(bf16_normals(kMost * s.c, 1)), w(bf16_normals(n * s.c, 2, 0.05f)),
                norm(bf16_normals(s.c, 3)), bias(bf16_normals(n, 4));
            for (const int64_t m : {1, 3, 8}) {
                const std::string what = cat(m, " rows of ", s.c, " and ", s.f);
                DeviceArray<bf16> y(m * s.c), gate_up(m * n), act(m * s.f);
                cuda::rmsnorm_forward(test_stream(), y, nullptr, x, norm, m, s.c, kEps);
                cuda::Gemm gemm = product(y, w, biased ? bias.data() : nullptr, m, n, s.c);
                gemm.d = gate_up.data(), gemm.ldd = n;
                cuda::gemm(test_stream(), gemm);
                cuda::swiglu_forward(test_stream(), act, gate_up, m, s.f);
                const Bits want = act.values();
                for (const bool graph : {false, true}) {
                    DeviceArray<bf16> got(m * s.f);
                    cuda::Gemm one = product(x, w, biased ? bias.data() : nullptr, m, n, s.c);
                    one.d = got.data(), one.ldd = s.f, one.norm = norm, one.eps = kEps, one.swiglu = true;
                    ASSERT_TRUE(cuda::is_eight(one)) << what;
                    const auto enqueue = [&] { cuda::gemm_eight(test_stream(), one); };
                    graph ? run_as_graph(enqueue) : enqueue();
                    expect_same(got.values(), want, what);
                }
            }
        }
    }
}

// More tiles than multiprocessors, all rows of A in shared memory and by stages.
TEST(CudaGemmEight, ManyTilesHaveTheBitsOfManyRows) {
    R1_NEED_HOPPER();
    constexpr int64_t kMany = 300;
    struct Case {
        int64_t n, k;
        bool logits;
    };
    for (const auto& [n, k, logits] :
         {Case{49152, 576, true}, Case{22528, 1536, false}, Case{2128, 64, false}, Case{4240, 4096, true},
          Case{4240, 4160, false}, Case{2112, 4160, true}}) {
        DeviceArray<bf16> x(bf16_normals(kMany * k, 1)), w(bf16_many(n * k, 2, 0.05f)),
            bias(bf16_normals(n, 3)), residual(bf16_many(kMany * n, 4));
        const auto multiply = [&](int64_t m) {
            DeviceArray<bf16> small(logits ? 8 : m * n);
            DeviceArray<float> large(logits ? m * n : 8);
            cuda::Gemm gemm = product(x, w, logits ? nullptr : bias.data(), m, n, k);
            gemm.ldd = n, gemm.d_f32 = logits;
            gemm.d = logits ? static_cast<void*>(large.data()) : static_cast<void*>(small.data());
            if (!logits) gemm.residual = residual;
            EXPECT_EQ(cuda::is_eight(gemm), m <= kMost);
            m <= kMost ? cuda::gemm_eight(test_stream(), gemm) : cuda::gemm(test_stream(), gemm);
            return logits ? large.values() : from_bf16(small.values());
        };
        const Floats want = multiply(kMany);
        for (const int64_t m : {1, 7, 8})
            expect_same(multiply(m), slice(want, n, 0, m), cat(m, " rows, weight ", n, " x ", k));
    }
}

TEST(CudaGemmEight, TakesWhatItCan) {
    R1_NEED_HOPPER();
    const auto with = [](int64_t m, int64_t n, int64_t k) {
        return product(nullptr, nullptr, nullptr, m, n, k);
    };
    EXPECT_TRUE(cuda::is_eight(with(8, 16, 64)));
    EXPECT_FALSE(cuda::is_eight(with(9, 16, 64)));
    EXPECT_FALSE(cuda::is_eight(with(8, 24, 64)));
    EXPECT_FALSE(cuda::is_eight(with(8, 16, 96)));
    const bf16 norm[8] = {};
    cuda::Gemm normed = with(8, 16, 2048);
    normed.norm = norm;
    EXPECT_TRUE(cuda::is_eight(normed));
    normed.k = 2112;
    EXPECT_FALSE(cuda::is_eight(normed));
}

// Long sums in which much cancels, over which our products and cuBLASLt's must not part.
TEST(CudaGemmEight, HasTheBitsOfManyRowsWhereMuchCancels) {
    R1_NEED_HOPPER();
    constexpr int64_t kMany = 300, kN = 512, kK = 4096;
    for (const int kind : {0, 1, 2}) {  // wide exponents, neighbours that cancel, tiny products
        Rng rng(7);
        const auto values = [&](int64_t rows, bool weight) {
            Bits x(at(rows * kK));
            for (size_t i = 0; i < x.size(); ++i) {
                const float u = rng.normal();
                const auto power = [&](uint32_t range, int shift) {
                    return std::ldexp(u, static_cast<int>(rng.below(range)) - shift);
                };
                if (kind == 0) x[i] = rounded(power(40, 20));
                if (kind == 1)
                    x[i] = !weight                           ? rounded(1.0f)
                           : i % 2 == 1 && rng.below(8) != 0 ? static_cast<bf16>(x[i - 1] ^ 0x8000)
                                                             : rounded(power(30, 15));
                if (kind == 2) x[i] = rounded(power(20, 80));
            }
            return x;
        };
        DeviceArray<bf16> x(values(kMany, false)), w(values(kN, true));
        DeviceArray<float> many(kMany * kN), few(kMost * kN);
        cuda::Gemm gemm = product(x, w, nullptr, kMany, kN, kK);
        gemm.d_f32 = true, gemm.ldd = kN, gemm.d = many.data();
        cuda::gemm(test_stream(), gemm);
        gemm.m = kMost, gemm.d = few.data();
        ASSERT_TRUE(cuda::is_eight(gemm));
        cuda::gemm_eight(test_stream(), gemm);
        expect_same(few.values(), slice(many.values(), kN, 0, kMost), cat("kind ", kind));
    }
}

}  // namespace
}  // namespace r1::ops
