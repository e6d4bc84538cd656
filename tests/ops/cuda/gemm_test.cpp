// Matrix products against double, and that a row's bits depend on itself alone.
#include "ops/cuda/device_array.h"

namespace r1::ops {
namespace {

struct Shape3 {
    int64_t m, n, k;
};

float element(const Bits& x, int64_t stride, bool transposed, int64_t row, int64_t k) {
    return from_bf16(x[at(transposed ? k * stride + row : row * stride + k)]);
}

// Any layout, bias, residual and accumulation: within rounding of the double sums.
TEST(CudaGemm, IsNearTheDoubleProduct) {
    R1_NEED_GPU();
    DeviceArray<unsigned char> workspace(static_cast<int64_t>(cuda::kGemmWorkspace));
    int seed = 0;
    for (const auto [m, n, k] :
         {Shape3{33, 48, 64}, Shape3{1, 24, 40}, Shape3{7, 13, 9}, Shape3{130, 72, 264}}) {
        for (const int layout : {0, 1, 2, 3}) {
            const bool a_transposed = layout & 1, b_transposed = layout & 2;
            for (const bool d_f32 : {false, true}) {
                const int64_t lda = a_transposed ? m : k, ldb = b_transposed ? n : k,
                              ldd = d_f32 ? (n + 7) / 8 * 8 : n;
                const Bits a = bf16_normals(m * k, ++seed), b = bf16_normals(n * k, ++seed),
                           bias = bf16_normals(n, ++seed), residual = bf16_normals(m * n, ++seed);
                const Floats before = normals(m * ldd, ++seed);
                DeviceArray<bf16> da(a), db(b), dbias(bias), dresidual(residual), small(m * n);
                DeviceArray<float> large(before);
                cuda::Gemm gemm{.m = m, .n = n, .k = k, .a = da, .lda = lda, .a_transposed = a_transposed};
                gemm.b = db, gemm.ldb = ldb, gemm.b_transposed = b_transposed, gemm.ldd = ldd,
                gemm.d_f32 = d_f32;
                gemm.d = d_f32 ? static_cast<void*>(large.data()) : static_cast<void*>(small.data());
                if (d_f32) {
                    gemm.accumulate = true, gemm.alpha = 0.5f;
                    gemm.workspace = workspace;
                } else {
                    gemm.bias = dbias, gemm.residual = dresidual;
                }
                cuda::gemm(test_stream(), gemm);
                const Floats got = d_f32 ? large.values() : from_bf16(small.values());
                for (int64_t i = 0; i < m; ++i) {
                    for (int64_t j = 0; j < n; ++j) {
                        double sum = 0.0, size = 0.0;
                        for (int64_t l = 0; l < k; ++l) {
                            const double term = static_cast<double>(element(a, lda, a_transposed, i, l)) *
                                                static_cast<double>(element(b, ldb, b_transposed, j, l));
                            sum += term, size += std::abs(term);
                        }
                        const double want =
                            d_f32 ? 0.5 * sum + static_cast<double>(before[at(i * ldd + j)])
                                  : sum + static_cast<double>(from_bf16(bias[at(j)]) +
                                                              from_bf16(residual[at(i * n + j)]));
                        const double bound = 1e-5 * (size + 1.0) + (d_f32 ? 0.0 : 0.004 * std::abs(want));
                        ASSERT_NEAR(got[at(i * ldd + j)], want, bound)
                            << m << " x " << n << " x " << k << ", layout " << layout << ", element " << i
                            << ", " << j;
                    }
                }
            }
        }
    }
}

// The shapes of the models at hand, with and without bias and residual, in bf16 and as logits.
TEST(CudaGemm, ARowsBitsDoNotDependOnTheNumberOfRows) {
    R1_NEED_GPU();
    constexpr int64_t kMost = 1024;
    const Shape3 weights[] = {{0, 960, 576},   {0, 576, 576},   {0, 3072, 576},   {0, 576, 1536},
                              {0, 2048, 1536}, {0, 1536, 1536}, {0, 17920, 1536}, {0, 1536, 8960},
                              {0, 384, 128},   {0, 704, 128},   {0, 128, 352},    {0, 8, 576},
                              {0, 48, 576},    {0, 960, 48},    {0, 576, 8},      {0, 49152, 576},
                              {0, 608, 128},   {0, 97, 64},     {0, 99, 24}};
    for (const auto& [unused, n, k] : weights) {
        for (const int kind : {0, 1, 2}) {  // plain, bias and residual, logits
            if (n > 20000 && kind != 2) continue;
            const int64_t ldd = kind == 2 ? (n + 7) / 8 * 8 : n;
            const int64_t most = n > 20000 ? 300 : kMost;
            DeviceArray<bf16> x(bf16_many(most * k, 1)), w(bf16_many(n * k, 2, 0.05f)), bias(bf16_many(n, 3)),
                residual(bf16_many(kind == 1 ? most * n : 8, 4));
            Floats want;
            for (const int64_t m :
                 {most, int64_t{1}, int64_t{2}, int64_t{3}, int64_t{7}, int64_t{16}, int64_t{31}, int64_t{64},
                  int64_t{65}, int64_t{129}, int64_t{256}, int64_t{300}}) {
                DeviceArray<bf16> small(kind == 2 ? 8 : m * n);
                DeviceArray<float> large(kind == 2 ? m * ldd : 8);
                cuda::Gemm gemm{.m = m, .n = n, .k = k, .a = x, .lda = k};
                gemm.b = w, gemm.ldb = k, gemm.ldd = ldd, gemm.d_f32 = kind == 2;
                gemm.d = kind == 2 ? static_cast<void*>(large.data()) : static_cast<void*>(small.data());
                if (kind == 1) gemm.bias = bias, gemm.residual = residual;
                cuda::gemm(test_stream(), gemm);
                check_cuda(cudaStreamSynchronize(test_stream()), "running the kernels under test");
                Floats got(at(m * n));
                if (kind == 2) {
                    check_cuda(cudaMemcpy2D(got.data(), at(n) * 4, large.data(), at(ldd) * 4, at(n) * 4,
                                            at(m), cudaMemcpyDeviceToHost),
                               "reading a result");
                } else {
                    got = from_bf16(small.values());
                }
                if (want.empty()) want = got;
                const Floats part(want.begin(), want.begin() + m * n);
                EXPECT_SAME_BYTES(got, part) << m << " rows, weight " << n << " x " << k << ", kind " << kind;
            }
        }
    }
}

// What a run asks at its start, and what becomes of a shape that does not hold.
TEST(CudaGemm, ADistrustedShapeIsMultipliedByPlainChains) {
    R1_NEED_GPU();
    constexpr int64_t m = 300, n = 224, k = 1032;  // of no other test
    DeviceArray<bf16> x(bf16_many(m * k, 1)), w(bf16_many(n * k, 2, 0.05f));
    const auto multiply = [&](int64_t rows, void (*kernel)(cudaStream_t, const cuda::Gemm&)) {
        DeviceArray<float> d(rows * n);
        cuda::Gemm gemm{.m = rows, .n = n, .k = k, .a = x, .lda = k};
        gemm.b = w, gemm.ldb = k, gemm.ldd = n, gemm.d_f32 = true, gemm.d = d.data();
        kernel(test_stream(), gemm);
        return d.values();
    };
    const Floats plain = multiply(m, cuda::gemm_tiles);
    EXPECT_NE(multiply(m, cuda::gemm), plain);  // chains of 16 products at a time have other bits
    cuda::distrust(n, k);
    EXPECT_SAME_BYTES(multiply(m, cuda::gemm), plain);
    EXPECT_SAME_BYTES(multiply(3, cuda::gemm), Floats(plain.begin(), plain.begin() + 3 * n));
}

// The products for few rows, alone and in graphs, beside those that many rows take.
void expect_bits_of_many(std::initializer_list<Shape3> weights) {
    constexpr int64_t kMany = 300;
    for (const auto& [unused, n, k] : weights) {
        DeviceArray<bf16> x(bf16_many(kMany * k, 1)), w(bf16_many(n * k, 2, 0.05f)), bias(bf16_many(n, 3)),
            residual(bf16_many(kMany * n, 4));
        const auto product = [&](int64_t m) {
            cuda::Gemm gemm{.m = m, .n = n, .k = k, .a = x, .lda = k};
            gemm.b = w, gemm.ldb = k, gemm.ldd = n, gemm.bias = bias;
            return gemm;
        };
        DeviceArray<bf16> plain(kMany * n), added(kMany * n), act(kMany * n / 2);
        DeviceArray<float> logits(kMany * n);
        cuda::Gemm many = product(kMany);
        many.d = plain.data();
        cuda::gemm(test_stream(), many);
        cuda::swiglu_forward(test_stream(), act, plain, kMany, n / 2);
        many.d = added.data(), many.residual = residual;
        cuda::gemm(test_stream(), many);
        many.d = logits.data(), many.d_f32 = true, many.residual = nullptr, many.bias = nullptr;
        cuda::gemm(test_stream(), many);
        const Bits want_added = added.values(), want_act = act.values();
        const Floats want_logits = logits.values();
        for (const int64_t m : {1, 5, 8, 9, 16, 24, 32, 33, 64, 100, 255, 256}) {
            DeviceArray<bf16> few_added(m * n), few_act(m * n / 2);
            DeviceArray<float> few_logits(m * n);
            const auto enqueue = [&] {
                cuda::Gemm few = product(m);
                few.d = few_added.data(), few.residual = residual;
                cuda::gemm_few(test_stream(), few);
                few.d = few_logits.data(), few.d_f32 = true, few.residual = nullptr, few.bias = nullptr;
                cuda::gemm_few(test_stream(), few);
                if (n % 16 != 0) return;
                few = product(m);
                few.d = few_act.data(), few.ldd = n / 2, few.swiglu = true;
                cuda::gemm_few(test_stream(), few);
            };
            for (const bool graph : {false, true}) {
                graph ? run_as_graph(enqueue) : enqueue();
                const std::string what = cat(m, " rows, weight ", n, " x ", k, graph ? ", in a graph" : "");
                expect_same(few_added.values(), slice(want_added, n, 0, m), what);
                expect_same(few_logits.values(), slice(want_logits, n, 0, m), what + ", logits");
                if (n % 16 == 0)
                    expect_same(few_act.values(), slice(want_act, n / 2, 0, m), what + ", swiglu");
            }
        }
    }
}

TEST(CudaGemm, FewRowsHaveTheBitsOfMany) {
    R1_NEED_HOPPER();
    expect_bits_of_many(
        {{0, 960, 576}, {0, 3072, 576}, {0, 576, 1536}, {0, 2048, 1536}, {0, 1536, 8960}, {0, 1360, 192}});
}

TEST(CudaGemm, FewRowsOfSmallWeightsHaveTheBitsOfMany) {
    R1_NEED_HOPPER();
    expect_bits_of_many({{0, 704, 128}, {0, 128, 320}, {0, 48, 576}, {0, 8, 64}, {0, 96, 4160}});
}

}  // namespace
}  // namespace r1::ops
