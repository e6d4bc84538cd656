// Where and with what an op runs: the device, the threads and the instruction set.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "core/device.h"

namespace r1 {

// Every instruction set computes the same bits; they differ in speed alone.
enum class Isa : uint8_t { portable, avx2, avx512 };
Isa best_isa();  // what this processor can do; the environment variable R1_ISA lowers it
bool isa_supported(Isa isa);
const char* name_of(Isa isa);            // "portable", "avx2", "avx512"
Isa parse_isa(const std::string& name);  // throws on an unknown or unsupported name

// A reference to a callable `void(int64_t begin, int64_t end)`; the callable outlives the call.
class RangeFn {
  public:
    template <class F>
    RangeFn(const F& f)
        : context_(&f), call_([](const void* context, int64_t begin, int64_t end) {
              (*static_cast<const F*>(context))(begin, end);
          }) {}
    void operator()(int64_t begin, int64_t end) const { call_(context_, begin, end); }

  private:
    const void* context_;
    void (*call_)(const void*, int64_t, int64_t);
};

// A persistent pool whose workers spin briefly, then sleep. One caller at a time; calls do not nest.
// How a range is cut over threads never changes a result: ops give each output to one thread, and every
// thread flushes subnormal numbers to zero while it runs a piece.
class ThreadPool {
  public:
    explicit ThreadPool(
        int threads);  // including the caller; 0 = one for each core that this process may use
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    int size() const;
    // Calls fn on pieces of [0, count) of at most `grain` items, on all threads; returns when all are done.
    // The first exception of a piece is rethrown here.
    void parallel(int64_t count, int64_t grain, RangeFn fn);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

struct Stream {
    ThreadPool* pool = nullptr;
    Device device = Device::cpu;
    Isa isa = best_isa();
    CudaStream* cuda = nullptr;  // of Device::cuda

    bool on_cuda() const { return device == Device::cuda; }
    DType activations() const { return on_cuda() ? DType::bf16 : DType::f32; }
};

// Between the host and the stream's device, in the stream's order: memcpy on the CPU. A download waits.
void upload(Stream& stream, TensorView to, const void* from);
void download(Stream& stream, void* to, ConstTensorView from);
void zero(Stream& stream, TensorView to);

// A pool, a device and the stream over them: what a program holds once.
class Runtime {
  public:
    explicit Runtime(int threads = 0, Device device = Device::cpu);
    Stream& stream() { return stream_; }

  private:
    ThreadPool pool_;
    std::unique_ptr<CudaStream> cuda_;
    Stream stream_;
};

}  // namespace r1
