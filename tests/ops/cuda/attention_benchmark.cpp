// Times of the attention kernels; not run by default:
//   test_cuda --gtest_also_run_disabled_tests --gtest_filter='*AttentionBenchmark*'
// bench_attention.py beside times PyTorch at the same shapes. FLOP/s are of the causal half: forward 4·T²/2·D
// a head, backward 2.5 times that, as is the custom; GB/s count each page of keys and values once.
#include <cuda_runtime_api.h>

#include <functional>

#include "core/cuda.h"
#include "ops/cuda/attention_device.h"

namespace r1::ops::cuda {
namespace {

// Random bits that repeat every million values.
struct RandomBits {
    std::unique_ptr<void, Deallocate> memory;
    explicit RandomBits(int64_t count)
        : memory(allocate(Device::cuda, static_cast<size_t>(count) * 2), Deallocate{Device::cuda}) {
        static const Bits values = rounded(normals(1 << 20, 1));
        for (int64_t i = 0; i < count; i += 1 << 20)
            copy_bytes(Device::cuda, get() + i, values.data(), at(std::min<int64_t>(1 << 20, count - i)) * 2);
    }
    uint16_t* get() const { return static_cast<uint16_t*>(memory.get()); }
};
struct Memory {
    std::unique_ptr<void, Deallocate> memory;
    explicit Memory(size_t bytes) : memory(allocate(Device::cuda, bytes), Deallocate{Device::cuda}) {}
    float* get() const { return static_cast<float*>(memory.get()); }
};

// Median seconds of what `enqueue` enqueues, replayed as a graph.
double seconds(const std::function<void(cudaStream_t)>& enqueue) {
    CudaStream stream;
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t exec = nullptr;
    check_cuda(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal), "capture");
    enqueue(stream.get());
    check_cuda(cudaStreamEndCapture(stream.get(), &graph), "capture");
    check_cuda(cudaGraphInstantiate(&exec, graph, 0), "instantiate");
    cudaEvent_t begin, end;
    check_cuda(cudaEventCreate(&begin), "event");
    check_cuda(cudaEventCreate(&end), "event");
    std::vector<float> times;
    for (int i = 0; i < 13; ++i) {
        check_cuda(cudaEventRecord(begin, stream.get()), "event");
        check_cuda(cudaGraphLaunch(exec, stream.get()), "replay");
        check_cuda(cudaEventRecord(end, stream.get()), "event");
        stream.synchronize();
        if (i >= 3) {
            times.push_back(0.0f);
            check_cuda(cudaEventElapsedTime(&times.back(), begin, end), "event");
        }
    }
    cudaEventDestroy(begin), cudaEventDestroy(end);
    cudaGraphExecDestroy(exec), cudaGraphDestroy(graph);
    std::sort(times.begin(), times.end());
    return times[times.size() / 2] * 1e-3;
}

// `sequences` tokens at the last position of `context`, groups of `group` sharing the whole pages of a prompt
// of half the context. As many layers as exceed the L2 cache.
void decode(Heads heads, int sequences, int context, int group) {
    PackedBatch batch;
    int32_t pages = 0;
    Table prompt;
    for (int s = 0; s < sequences; ++s) {
        if (s % group == 0) {
            prompt.clear();
            if (group > 1)
                while (static_cast<int>(prompt.size()) < context / 2 / kPage) prompt.push_back(pages++);
        }
        Table table = prompt;
        while (static_cast<int>(table.size()) * kPage < context) table.push_back(pages++);
        add_segment(batch, table, context - 1, context);
    }
    const OnDeviceBatch on_device(batch);
    const int64_t layer = int64_t{pages} * heads.hkv * kPage * heads.d;
    const auto layers = std::max<int64_t>(2, (int64_t{300} << 20) / (layer * 4));
    const RandomBits k(layer * layers), v(layer * layers), qkv(sequences * heads.width());
    const Memory out(static_cast<size_t>(sequences * heads.h * heads.d) * 2),
        lse(static_cast<size_t>(sequences * heads.h) * 4);
    const double time =
        seconds([&](cudaStream_t stream) {
            for (int64_t l = 0; l < layers; ++l) {
                const KvPages kv{k.get() + l * layer, v.get() + l * layer, pages, static_cast<int>(heads.hkv),
                                 static_cast<int>(heads.d)};
                attention_forward(stream, reinterpret_cast<uint16_t*>(out.get()), lse.get(), qkv.get(), kv,
                                  on_device.batch, static_cast<int>(heads.h), scale_of(heads));
            }
        }) /
        static_cast<double>(layers);
    const double read = 4.0 * sequences * context * static_cast<double>(heads.hkv * heads.d);
    std::printf("decode  %5d x %4d, groups of %2d, D %3d: %8.1f us, %6.0f GB/s of pages, %6.0f GB/s read\n",
                sequences, context, group, static_cast<int>(heads.d), time * 1e6,
                static_cast<double>(layer) * 4 / time * 1e-9, read / time * 1e-9);
}

void train(const char* what, Heads heads, const PackedBatch& batch, int64_t pages) {
    const OnDeviceBatch on_device(batch);
    const int h = static_cast<int>(heads.h), hkv = static_cast<int>(heads.hkv), d = static_cast<int>(heads.d);
    const int64_t n = batch.tokens(), layer = pages * hkv * kPage * d;
    const RandomBits k(layer), v(layer), qkv(n * heads.width()), dout(n * h * d);
    const Memory out(static_cast<size_t>(n * h * d) * 2), lse(static_cast<size_t>(n * h) * 4),
        dqkv(static_cast<size_t>(n * heads.width()) * 2), dk(static_cast<size_t>(layer) * 4),
        dv(static_cast<size_t>(layer) * 4),
        workspace(attention_backward_workspace(on_device.batch, h, hkv, d));
    auto* out_bits = reinterpret_cast<uint16_t*>(out.get());
    const KvPages kv{k.get(), v.get(), pages, hkv, d};
    const double forward_time = seconds([&](cudaStream_t stream) {
                                    for (int i = 0; i < 4; ++i)
                                        attention_forward(stream, out_bits, lse.get(), qkv.get(), kv,
                                                          on_device.batch, h, scale_of(heads));
                                }) /
                                4;
    const double backward_time =
        seconds([&](cudaStream_t stream) {
            for (int i = 0; i < 4; ++i)
                attention_backward(stream, reinterpret_cast<uint16_t*>(dqkv.get()), dk.get(), dv.get(),
                                   dout.get(), out_bits, lse.get(), qkv.get(), kv, on_device.batch, h,
                                   scale_of(heads), workspace.get());
        }) /
        4;
    double flops = 0.0;
    for (int32_t position : batch.positions)
        flops += 4.0 * (position + 1) * static_cast<double>(heads.h * heads.d);
    std::printf(
        "train   %s, D %3d: forward %7.1f us, %4.0f TFLOP/s; backward %7.1f us, %4.0f TFLOP/s; "
        "%.0fk tokens/s a layer\n",
        what, d, forward_time * 1e6, flops / forward_time * 1e-12, backward_time * 1e6,
        2.5 * flops / backward_time * 1e-12, static_cast<double>(n) / (forward_time + backward_time) * 1e-3);
}

void train_documents(Heads heads, int documents, int length) {
    PackedBatch batch;
    int32_t pages = 0;
    for (int i = 0; i < documents; ++i) {
        Table table;
        while (static_cast<int>(table.size()) * kPage < length) table.push_back(pages++);
        add_segment(batch, table, 0, length);
    }
    train(cat(documents, " x ", length).c_str(), heads, batch, pages);
}

void train_groups(Heads heads, int groups, int prompt, int samples, int length) {
    PackedBatch batch;
    int32_t pages = 0;
    for (int g = 0; g < groups; ++g) {
        Table shared;
        while (static_cast<int>(shared.size()) * kPage < prompt) shared.push_back(pages++);
        add_segment(batch, shared, 0, prompt);
        for (int s = 0; s < samples; ++s) {
            Table table = shared;
            while (static_cast<int>(table.size()) * kPage < prompt + length) table.push_back(pages++);
            add_segment(batch, table, prompt, prompt + length);
        }
    }
    train(cat(groups, " groups of ", prompt, " + ", samples, " x ", length).c_str(), heads, batch, pages);
}

const Heads small{9, 3, 64}, large{12, 2, 128};  // SmolLM2-135M, Qwen2.5-1.5B

TEST(AttentionBenchmark, DISABLED_Decode) {
    R1_NEED_GPU();
    for (const Heads& heads : {small, large}) {
        decode(heads, 256, 192, 1);
        decode(heads, 256, 192, 16);
        decode(heads, 1024, 512, 1);
        decode(heads, 1024, 512, 16);
        decode(heads, 1, 512, 1);
        decode(heads, 1, 4096, 1);
        decode(heads, 16, 1024, 16);
    }
}

TEST(AttentionBenchmark, DISABLED_Train) {
    R1_NEED_GPU();
    train_documents(small, 32, 1024);
    train_documents(large, 8, 1024);
    train_documents(large, 2, 4096);
    train_groups(small, 4, 128, 16, 512);
    train_groups(large, 1, 128, 16, 512);
}

}  // namespace
}  // namespace r1::ops::cuda
