// What the tests of the CUDA kernels share: guarded arrays in device memory, bf16 on the host, comparisons.
#pragma once
#include <cuda_runtime_api.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "core/cuda.h"
#include "ops/cuda/cuda_test.h"
#include "ops/cuda/kernels.h"
#include "ops/op_test.h"

namespace r1::ops {

using cuda::bf16;
using Bits = std::vector<bf16>;
using Ids = std::vector<int32_t>;

// bf16's half unit in the last place, and fp32's own error before the rounding.
inline constexpr Tolerance kBf16{1e-5, 0.00394};

inline float from_bf16(bf16 x) {
    return std::bit_cast<float>(static_cast<uint32_t>(x) << 16);
}
inline bf16 rounded(float x) {  // to nearest, ties to even
    const auto bits = std::bit_cast<uint32_t>(x);
    if (std::isnan(x)) return 0x7fff;
    return static_cast<bf16>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}
inline Bits rounded(const Floats& x) {
    Bits bits;
    for (float value : x) bits.push_back(rounded(value));
    return bits;
}
inline Bits bf16_normals(int64_t count, uint64_t seed, float scale = 1.0f) {
    return rounded(normals(count, seed, scale));
}
// Many values from few.
inline Bits bf16_many(int64_t count, uint64_t seed, float scale = 1.0f) {
    const Bits some = bf16_normals(std::min<int64_t>(count, 100'003), seed, scale);
    Bits many(at(count));
    for (size_t i = 0; i < many.size(); ++i) many[i] = some[i % some.size()];
    return many;
}
inline Floats from_bf16(const Bits& bits) {
    Floats x;
    for (bf16 value : bits) x.push_back(from_bf16(value));
    return x;
}
inline Vec widen(const Bits& bits) {
    return widen(from_bf16(bits));
}

#define R1_NEED_HOPPER() \
    R1_NEED_GPU();       \
    if (!cuda::has_hopper()) GTEST_SKIP() << "Hopper's matrix products are not there"

inline cudaStream_t test_stream() {
    static cudaStream_t stream = [] {
        cudaStream_t created = nullptr;
        check_cuda(cudaStreamCreateWithFlags(&created, cudaStreamNonBlocking), "making a stream");
        return created;
    }();
    return stream;
}

// Runs what is enqueued as a graph, where kernels begin before those ahead of them have ended.
inline void run_as_graph(const std::function<void()>& enqueue) {
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t ready = nullptr;
    check_cuda(cudaStreamBeginCapture(test_stream(), cudaStreamCaptureModeThreadLocal), "capturing");
    enqueue();
    check_cuda(cudaStreamEndCapture(test_stream(), &graph), "capturing");
    check_cuda(cudaGraphInstantiate(&ready, graph, 0), "capturing");
    check_cuda(cudaGraphLaunch(ready, test_stream()), "replaying");
    check_cuda(cudaStreamSynchronize(test_stream()), "replaying");
    cudaGraphExecDestroy(ready), cudaGraphDestroy(graph);
}

// An array with guards on both sides. Made of a count, its bytes are all ones until a kernel writes them: a
// NaN that no arithmetic makes; values() finds what was not written and what was written outside.
template <class T>
class DeviceArray {
  public:
    explicit DeviceArray(int64_t count) : DeviceArray(count, nullptr) {}
    explicit DeviceArray(const std::vector<T>& start)
        : DeviceArray(static_cast<int64_t>(start.size()), start.data()) {}
    ~DeviceArray() { cudaFree(memory_); }
    DeviceArray(const DeviceArray&) = delete;
    DeviceArray& operator=(const DeviceArray&) = delete;
    operator T*() { return reinterpret_cast<T*>(memory_ + kGuard); }
    T* data() { return *this; }

    std::vector<T> values() {
        check_cuda(cudaStreamSynchronize(test_stream()), "running the kernels under test");
        std::vector<T> out(at(count_));
        std::vector<unsigned char> all(size());
        check_cuda(cudaMemcpy(all.data(), memory_, size(), cudaMemcpyDeviceToHost), "reading a result");
        std::memcpy(out.data(), all.data() + kGuard, at(count_) * sizeof(T));
        for (size_t i = 0; i < kGuard; ++i) {
            EXPECT_EQ(all[i], 0xff) << "written " << kGuard - i << " bytes before the array";
            EXPECT_EQ(all[size() - 1 - i], 0xff) << "written " << kGuard - i << " bytes after the array";
        }
        T poison;
        std::memset(&poison, 0xff, sizeof(T));
        if (std::is_same_v<T, int32_t>) return out;  // −1 is a value
        for (size_t i = 0; i < out.size(); ++i) {
            if (std::memcmp(&out[i], &poison, sizeof(T)) != 0) continue;
            ADD_FAILURE() << "element " << i << " of " << out.size() << " was not written";
            break;
        }
        return out;
    }

  private:
    static constexpr size_t kGuard = 256;
    DeviceArray(int64_t count, const T* start) : count_(count) {
        check_cuda(cudaMalloc(reinterpret_cast<void**>(&memory_), size()), "allocating a test array");
        check_cuda(cudaMemset(memory_, 0xff, size()), "filling a test array");
        if (start) {
            check_cuda(cudaMemcpy(memory_ + kGuard, start, at(count) * sizeof(T), cudaMemcpyHostToDevice),
                       "filling a test array");
        }
        check_cuda(cudaDeviceSynchronize(), "filling a test array");
    }
    size_t size() const { return at(count_) * sizeof(T) + 2 * kGuard; }
    int64_t count_;
    unsigned char* memory_ = nullptr;
};

template <class T>
std::vector<T> slice(const std::vector<T>& x, int64_t width, int64_t begin, int64_t end) {
    return {x.begin() + begin * width, x.begin() + end * width};
}

template <class T>
void expect_same(const std::vector<T>& a, const std::vector<T>& b, const std::string& what) {
    ASSERT_EQ(a.size(), b.size()) << what;
    for (size_t i = 0; i < a.size(); ++i) {
        if (std::memcmp(&a[i], &b[i], sizeof(T)) == 0) continue;
        ADD_FAILURE() << what << ": element " << i << " differs, " << a[i] << " and " << b[i];
        return;
    }
}

}  // namespace r1::ops
