#include "cli/bench_tax.h"

#include <algorithm>

#include "core/buffer.h"
#include "core/check.h"
#include "core/clock.h"
#include "core/cuda_graph.h"
#include "core/rng.h"
#include "ops/cuda/dispatch.h"

namespace r1::cli {
namespace {

constexpr int64_t kCold = int64_t{200} << 20;  // bytes of weights that take turns: more than any cache
constexpr int kReplays = 5;

// µs of one call: the best of some replays of a graph of `calls`, the first of them left out.
template <class F>
double time_of(Stream& stream, int calls, F call) {
    call(0);  // plans
    CudaGraph graph(*stream.cuda, [&] {
        for (int i = 0; i < calls; ++i) call(i);
    });
    double best = 0.0;
    for (int i = 0; i <= kReplays; ++i) {
        stream.cuda->synchronize();
        const double start = seconds_now();
        graph.replay(*stream.cuda);
        stream.cuda->synchronize();
        const double seconds = seconds_now() - start;
        if (i == 1 || (i > 1 && seconds < best)) best = seconds;
    }
    return best / calls * 1e6;
}

// Random numbers that come again after kPeriod of them, as drawing all takes longer than the measurement.
TensorView random_matrix(Stream& stream, Arena& arena, int64_t rows, int64_t columns) {
    constexpr size_t kPeriod = 1'000'003;
    const TensorView matrix = arena.take(DType::bf16, {rows, columns});
    Rng rng(1);
    std::vector<uint16_t> values(static_cast<size_t>(matrix.numel()));
    const size_t drawn = std::min(values.size(), kPeriod);
    for (size_t i = 0; i < drawn; ++i) values[i] = f32_to_bf16(rng.uniform() - 0.5f);
    for (size_t i = drawn; i < values.size(); ++i) values[i] = values[i - drawn];
    upload(stream, matrix, values.data());
    return matrix;
}

}  // namespace

std::vector<TaxedProduct> measure_tax(Stream& stream, const ModelConfig& config,
                                      std::span<const int64_t> rows) {
    std::vector<TaxedProduct> table;
    if constexpr (kCuda) {
        const int64_t c = config.hidden_size, f = config.intermediate_size, d = config.head_dim;
        const int64_t q = config.num_attention_heads * d, kv = config.num_key_value_heads * d;
        Arena arena(Device::cuda);
        for (const auto& [name, n, k] :
             {std::tuple{"qkv", q + 2 * kv, c}, std::tuple{"o", c, q}, std::tuple{"gate_up", 2 * f, c},
              std::tuple{"down", c, f}, std::tuple{"head", int64_t{config.vocab_size}, c}}) {
            ArenaScope scope(arena);
            const int64_t copies = std::clamp<int64_t>(kCold / (n * k * 2), 2, 60);
            const TensorView weights = random_matrix(stream, arena, copies * n, k);
            for (const int64_t m : rows) {
                ArenaScope of_rows(arena);
                const TensorView x = random_matrix(stream, arena, m, k), y = arena.take(DType::bf16, {m, n});
                const auto run = [&](int i, bool exact) {
                    ops::cuda::Gemm gemm = ops::cuda::product(
                        x, {weights.as<uint16_t>() + i % copies * n * k, DType::bf16, n, k}, {});
                    gemm.d = y.data;
                    gemm.ldd = n;
                    if (!exact) gemm.workspace = stream.cuda->scratch(ops::cuda::kGemmWorkspace);
                    ops::cuda::gemm(ops::cuda::stream_of(stream), gemm);
                };
                const int calls =
                    static_cast<int>(std::clamp<int64_t>((int64_t{1} << 38) / (m * n * k), 4, 60));
                table.push_back({name, n, k, m, time_of(stream, calls, [&](int i) { run(i, true); }),
                                 time_of(stream, calls, [&](int i) { run(i, false); })});
            }
        }
    } else {
        fail("the tax of exactness is that of cuBLASLt's products; use --device cuda");
    }
    return table;
}

}  // namespace r1::cli
