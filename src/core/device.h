// Where tensors lie, and what it takes to use a CUDA device: its memory, copies to and from it, its stream.
// A build without CUDA has the same functions; for Device::cuda they throw and say so.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/tensor.h"

struct CUstream_st;  // cudaStream_t is a pointer to it
struct CUevent_st;

namespace r1 {

enum class Device : uint8_t { cpu, cuda };
const char* name_of(Device device);              // "cpu", "cuda"
Device parse_device(const std::string& name);    // throws on another name
inline constexpr bool kCuda = R1_HAS_CUDA != 0;  // of this build

// Throws, with what to do, unless the device can be used here: on a build without CUDA, without a driver, or
// without a GPU that the kernels were compiled for.
void check_device(Device device);
// "NVIDIA H200, 139.8 GiB", or why there is none.
std::string describe_cuda();
struct DeviceMemory {
    size_t free = 0, total = 0;  // bytes
};
DeviceMemory device_memory(Device device);  // of the CPU nothing is said: both are 0

// Memory of a device. On the CPU 64-byte aligned, on CUDA 256-byte aligned. Throws when there is too little.
void* allocate(Device device, size_t bytes);
void deallocate(Device device, void* pointer) noexcept;
struct Deallocate {  // of a unique_ptr
    Device device = Device::cpu;
    void operator()(void* pointer) const { deallocate(device, pointer); }
};

// Both wait until the device has done everything before and the copy itself.
void copy_bytes(Device device, void* to, const void* from, size_t bytes);  // either may lie on the host
void zero_bytes(Device device, void* to, size_t bytes);

// A tensor's values where the processor can read and write them: the tensor itself on the CPU, else a copy
// that store() writes back.
class HostTensor {
  public:
    HostTensor(TensorView tensor, Device device);
    TensorView view() const { return host_; }
    template <class T>
    T* as() const {
        return host_.as<T>();
    }
    void store() const;

  private:
    Device device_;
    TensorView tensor_, host_;
    std::unique_ptr<void, Deallocate> storage_;
};

// A stream of the CUDA device and the pinned memory through which small arrays travel. Work that is enqueued
// on it runs in order; the host goes on at once.
class CudaStream {
  public:
    CudaStream();
    ~CudaStream();
    CudaStream(const CudaStream&) = delete;
    CudaStream& operator=(const CudaStream&) = delete;

    CUstream_st* get() const { return stream_; }
    // Enqueues a copy to the device; `from` may be changed at once.
    void upload(void* to, const void* from, size_t bytes);
    // Copies to the host and waits for it, and so for all before it.
    void download(void* to, const void* from, size_t bytes);
    void zero(void* to, size_t bytes);                    // enqueued
    void copy(void* to, const void* from, size_t bytes);  // enqueued, within the device
    void synchronize();
    // Memory for one op to work in; the next op may be given the same. It stays where it is until more is
    // asked for than ever before.
    void* scratch(size_t bytes);

  private:
    struct Staging;
    CUstream_st* stream_ = nullptr;
    std::unique_ptr<Staging> staging_;
    std::unique_ptr<void, Deallocate> scratch_;
    size_t scratch_bytes_ = 0;
};

// Pinned memory of the host, which kernels read and write at its address.
class PinnedMemory {
  public:
    PinnedMemory() = default;
    ~PinnedMemory();
    PinnedMemory(const PinnedMemory&) = delete;
    PinnedMemory& operator=(const PinnedMemory&) = delete;

    // At least so many bytes. Waits until no kernel uses them any more; where the memory grows, it moves.
    void* acquire(size_t bytes);
    void lend(CudaStream& stream);  // to all that was enqueued so far
    const void* wait();             // until that has run

  private:
    void* data_ = nullptr;
    size_t size_ = 0;
    CUevent_st* done_ = nullptr;
};

}  // namespace r1
