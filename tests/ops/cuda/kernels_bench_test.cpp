// Speed of the kernels that memory bounds, at the sizes of real models, as µs a call and GB/s of the bytes
// that must move. Not run by itself: test_cuda --gtest_filter='*Bandwidth' --gtest_also_run_disabled_tests
#include <algorithm>
#include <cstdio>
#include <functional>

#include "ops/batch.h"
#include "ops/cuda/device_array.h"

namespace r1::ops {
namespace {

// Median of graph replays of many calls, µs a call.
double time_of(const std::function<void(cudaStream_t)>& call) {
    constexpr int kCalls = 20, kReplays = 7;
    cudaStream_t stream = test_stream();
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t exec = nullptr;
    check_cuda(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "capturing");
    for (int i = 0; i < kCalls; ++i) call(stream);
    check_cuda(cudaStreamEndCapture(stream, &graph), "capturing");
    check_cuda(cudaGraphInstantiate(&exec, graph, 0), "capturing");
    cudaEvent_t start, stop;
    check_cuda(cudaEventCreate(&start), "timing");
    check_cuda(cudaEventCreate(&stop), "timing");
    std::vector<float> times;
    for (int i = 0; i < kReplays + 2; ++i) {
        check_cuda(cudaEventRecord(start, stream), "timing");
        check_cuda(cudaGraphLaunch(exec, stream), "timing");
        check_cuda(cudaEventRecord(stop, stream), "timing");
        check_cuda(cudaEventSynchronize(stop), "timing");
        float ms = 0.0f;
        check_cuda(cudaEventElapsedTime(&ms, start, stop), "timing");
        if (i >= 2) times.push_back(ms);
    }
    cudaEventDestroy(start), cudaEventDestroy(stop);
    cudaGraphExecDestroy(exec), cudaGraphDestroy(graph);
    std::sort(times.begin(), times.end());
    return 1000.0 * static_cast<double>(times[times.size() / 2]) / kCalls;
}

void report(const std::string& name, double bytes, const std::function<void(cudaStream_t)>& call) {
    const double us = time_of(call);
    std::printf("%-44s %9.2f us %7.0f GB/s\n", name.c_str(), us, bytes / us * 1e-3);
}

template <class T>
struct Filled {  // of a pattern of normal numbers, without guards
    T* data = nullptr;
    Filled(int64_t count, const std::vector<T>& pattern) {
        check_cuda(cudaMalloc(reinterpret_cast<void**>(&data), at(count) * sizeof(T)), "allocating");
        for (int64_t i = 0; i < count; i += static_cast<int64_t>(pattern.size())) {
            const auto part = std::min<int64_t>(count - i, static_cast<int64_t>(pattern.size()));
            check_cuda(
                cudaMemcpyAsync(data + i, pattern.data(), at(part) * sizeof(T), cudaMemcpyHostToDevice),
                "filling");
        }
        check_cuda(cudaDeviceSynchronize(), "filling");
    }
    ~Filled() { cudaFree(data); }
    Filled(const Filled&) = delete;
    Filled& operator=(const Filled&) = delete;
    operator T*() const { return data; }
};

TEST(CudaKernels, DISABLED_Bandwidth) {
    R1_NEED_GPU();
    const Floats numbers = normals(1 << 20, 1);
    const Bits halves = rounded(numbers);
    const Floats one{1.0f};
    {
        const int64_t count = int64_t{1} << 30;
        Filled<float> a(count / 2, numbers), b(count / 2, numbers);
        report("cudaMemcpy device to device, 2 GiB", 4.0 * static_cast<double>(count), [&](cudaStream_t s) {
            check_cuda(cudaMemcpyAsync(b, a, at(count) * 2, cudaMemcpyDeviceToDevice, s), "copying");
        });
    }
    struct Model {
        const char* name;
        int64_t c, f, v;
        int heads, hkv, d;
    };
    for (const Model& m :
         {Model{"135M", 576, 1536, 49152, 9, 3, 64}, Model{"1.5B", 1536, 8960, 151936, 12, 2, 128}}) {
        for (int64_t n : {1, 256, 32768}) {
            const auto label = [&](const char* op) { return cat(m.name, " ", n, " tokens ", op); };
            const auto rows = static_cast<double>(n), c = static_cast<double>(m.c),
                       f = static_cast<double>(m.f);
            const int all = m.heads + 2 * m.hkv;
            {
                Filled<bf16> x(n * m.c, halves), y(n * m.c, halves), w(m.c, halves), dx(n * m.c, halves);
                Filled<float> rstd(n, numbers), dw(m.c, numbers);
                Filled<char> workspace(static_cast<int64_t>(cuda::rmsnorm_workspace(n, m.c)),
                                       std::vector<char>(1 << 20));
                report(label("rmsnorm"), 4 * rows * c,
                       [&](cudaStream_t s) { cuda::rmsnorm_forward(s, y, rstd, x, w, n, m.c, 1e-6f); });
                report(label("rmsnorm + residual"), 8 * rows * c, [&](cudaStream_t s) {
                    cuda::rmsnorm_residual_forward(s, y, dx, rstd, x, dx, w, n, m.c, 1e-6f);
                });
                report(label("rmsnorm backward"), 8 * rows * c, [&](cudaStream_t s) {
                    cuda::rmsnorm_backward(s, dx, dw, y, x, w, rstd, n, m.c, workspace.data);
                });
                Ids ids = targets_below(n, n, 1);
                Filled<int32_t> index(n, ids);
                report(label("gather_rows"), 4 * rows * c,
                       [&](cudaStream_t s) { cuda::gather_rows(s, y, x, index, n, m.c); });
            }
            {
                Filled<bf16> gate_up(2 * n * m.f, halves), y(n * m.f, halves), d(2 * n * m.f, halves);
                report(label("swiglu"), 6 * rows * f,
                       [&](cudaStream_t s) { cuda::swiglu_forward(s, y, gate_up, n, m.f); });
                report(label("swiglu backward"), 10 * rows * f,
                       [&](cudaStream_t s) { cuda::swiglu_backward(s, d, y, gate_up, n, m.f); });
            }
            {
                const int64_t width = int64_t{all} * m.d, pages = (n + kPage - 1) / kPage;
                Filled<bf16> qkv(n * width, halves), y(n * width, halves),
                    k(pages * kPage * m.hkv * m.d, halves), v(pages * kPage * m.hkv * m.d, halves),
                    w(m.d, halves);
                Filled<float> cos(2048 * m.d / 2, numbers), sin(2048 * m.d / 2, numbers),
                    dk(pages * kPage * m.hkv * m.d, numbers), dv(pages * kPage * m.hkv * m.d, numbers),
                    rstd(n * all, numbers), dw(2 * m.d, numbers), bias(width, numbers);
                Ids place(at(n)), angle(at(n));
                for (size_t i = 0; i < at(n); ++i)
                    place[i] = static_cast<int32_t>(i), angle[i] = place[i] % 2048;
                Filled<int32_t> slots(n, place), positions(n, angle);
                cuda::Batch batch;
                batch.tokens = n, batch.positions = positions, batch.slots = slots;
                const double row = static_cast<double>(width), kv = 2.0 * m.hkv * m.d;
                report(label("rope + pages"), rows * (4 * (row - kv / 2) + kv + 2 * kv), [&](cudaStream_t s) {
                    cuda::rope_kv_forward(s, qkv, {k, v, pages, m.hkv, m.d}, batch, cos, sin, m.heads);
                });
                report(label("rope backward"), rows * (2 * row + 2 * (row - kv) + 4 * kv),
                       [&](cudaStream_t s) {
                           cuda::rope_kv_backward(s, qkv, dk, dv, batch, cos, sin, m.heads, m.hkv, m.d);
                       });
                Filled<char> workspace(static_cast<int64_t>(cuda::qk_norm_workspace(n, m.heads, m.hkv, m.d)) +
                                           static_cast<int64_t>(cuda::column_sums_workspace(n, width)),
                                       std::vector<char>(1 << 20));
                report(label("qk_norm"), 4 * rows * row, [&](cudaStream_t s) {
                    cuda::qk_norm_forward(s, y, rstd, qkv, w, w, n, m.heads, m.hkv, m.d, 1e-6f);
                });
                report(label("qk_norm backward"), rows * (6 * row - kv), [&](cudaStream_t s) {
                    cuda::qk_norm_backward(s, y, dw, dw + m.d, qkv, qkv, w, w, rstd, n, m.heads, m.hkv, m.d,
                                           workspace.data);
                });
                report(label("column_sums of qkv"), 2 * rows * row,
                       [&](cudaStream_t s) { cuda::column_sums(s, bias, qkv, n, width, workspace.data); });
            }
            if (n <= 256 || m.v < 100000) {
                const int64_t r = std::min<int64_t>(n, 2048);
                const auto bytes = static_cast<double>(r * m.v);
                const auto chunk = [&](const char* op) { return cat(m.name, " ", r, " rows ", op); };
                Filled<float> logits(r * m.v, numbers), lse(r, numbers), logprobs(r, numbers),
                    entropy(r, numbers), temperature(r, one), greedy(r, Floats{INFINITY});
                Filled<bf16> d(r * m.v, halves);
                Filled<int32_t> targets(r, targets_below(m.v, r, 1));
                Filled<uint64_t> seed(r, {1});
                Filled<uint32_t> key(r, {1});
                report(chunk("logprobs"), 4 * bytes, [&](cudaStream_t s) {
                    cuda::logprobs_forward(s, logprobs, lse, entropy, logits, targets, r, m.v, m.v, 1.0f);
                });
                report(chunk("logprobs backward"), 6 * bytes, [&](cudaStream_t s) {
                    cuda::logprobs_backward(s, d, logits, targets, lse, logprobs, r, m.v, m.v, 1.0f);
                });
                for (const auto& [name, values] :
                     {std::pair{"sample", temperature.data}, {"sample, greedy", greedy.data}}) {
                    report(chunk(name), 4 * bytes, [&, t = values](cudaStream_t s) {
                        cuda::sample(s, targets, logprobs, logits, t, {seed, key, key, key, key}, r, m.v,
                                     m.v);
                    });
                }
                // fresh logits for every call, so less the time of the copy
                Filled<float> fresh(r * m.v, numbers);
                const auto refresh = [&](cudaStream_t s) {
                    check_cuda(cudaMemcpyAsync(logits, fresh, at(r * m.v) * 4, cudaMemcpyDeviceToDevice, s),
                               "copying");
                };
                report(chunk("copy of the logits"), 8 * bytes, refresh);
                report(chunk("copy, top-p 0.95"), 16 * bytes, [&](cudaStream_t s) {
                    refresh(s);
                    cuda::filter_logits(s, logits, 0, 0.95f, 0.0f, r, m.v, m.v, 1.0f);
                });
                report(chunk("copy, top-k 20, top-p 0.95"), 16 * bytes, [&](cudaStream_t s) {
                    refresh(s);
                    cuda::filter_logits(s, logits, 20, 0.95f, 0.0f, r, m.v, m.v, 1.0f);
                });
            }
        }
    }
    {
        const int64_t n = 32768, c = 576;
        const Ids index = targets_below(49152, n, 1);
        Ids order(at(n)), rows, offsets{0};
        for (size_t i = 0; i < at(n); ++i) order[i] = static_cast<int32_t>(i);
        std::stable_sort(order.begin(), order.end(),
                         [&](int32_t a, int32_t b) { return index[at(a)] < index[at(b)]; });
        for (size_t i = 0; i < at(n); ++i) {
            if (i == 0 || index[at(order[i])] != rows.back())
                rows.push_back(index[at(order[i])]), offsets.push_back(offsets.back());
            ++offsets.back();
        }
        Filled<bf16> dy(n * c, halves);
        Filled<float> dx(49152 * c, numbers);
        Filled<int32_t> a(n, order), b(static_cast<int64_t>(rows.size()), rows),
            o(static_cast<int64_t>(offsets.size()), offsets);
        report("135M 32768 tokens scatter into the embedding",
               static_cast<double>(2 * n * c + 8 * c * static_cast<int64_t>(rows.size())),
               [&](cudaStream_t s) {
                   cuda::scatter_add_rows(s, dx.data, dy, {a, b, o, static_cast<int64_t>(rows.size())}, c);
               });
    }
    {
        const int64_t count = 135'000'000;
        Filled<float> w(count, numbers), m(count, numbers), v(count, Floats(1 << 20, 0.5f)),
            g(count, numbers), scale(1, one);
        Filled<bf16> half(count, halves);
        Filled<double> sum(1, {0.0});
        Filled<char> workspace(static_cast<int64_t>(cuda::sum_of_squares_workspace(count)),
                               std::vector<char>(1 << 20));
        report("adamw, 135M", 30.0 * static_cast<double>(count), [&](cudaStream_t s) {
            cuda::adamw(s, w, half, m, v, g, count, 0.999f, 0.9f, 0.95f, 1e-6f, 0.5f, 1e-8f, scale);
        });
        report("sum_of_squares, 135M", 4.0 * static_cast<double>(count),
               [&](cudaStream_t s) { cuda::sum_of_squares(s, sum, g, count, workspace.data); });
        report("to_bf16, 135M", 6.0 * static_cast<double>(count),
               [&](cudaStream_t s) { cuda::to_bf16(s, half, g, count); });
        report("to_f32, 135M", 6.0 * static_cast<double>(count),
               [&](cudaStream_t s) { cuda::to_f32(s, w, half, count); });
    }
}

}  // namespace
}  // namespace r1::ops
