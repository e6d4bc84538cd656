#include "core/device.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "core/check.h"

#if R1_HAS_CUDA
#include <array>

#include "core/cuda.h"
#endif

namespace r1 {
namespace {

constexpr size_t kAlign = 64;

void* allocate_host(size_t bytes) {
    bytes = (std::max<size_t>(bytes, 1) + kAlign - 1) / kAlign * kAlign;
    void* pointer = std::aligned_alloc(kAlign, bytes);
    check(pointer != nullptr, "out of memory: ", bytes >> 20,
          " MiB could not be allocated; use a smaller model, batch or completion length");
    return pointer;
}

#if !R1_HAS_CUDA
[[noreturn]] void no_cuda() {
    fail(
        "this build of r1 has no CUDA; build it where nvcc is found (cmake -DR1_CUDA=ON says what is "
        "missing), "
        "or use --device cpu");
}
#endif

}  // namespace

const char* name_of(Device device) {
    return device == Device::cuda ? "cuda" : "cpu";
}

Device parse_device(const std::string& name) {
    if (name == "cpu") return Device::cpu;
    check(name == "cuda", "unknown device '", name, "'; it is cpu or cuda");
    return Device::cuda;
}

HostTensor::HostTensor(TensorView tensor, Device device) : device_(device), tensor_(tensor), host_(tensor) {
    if (device == Device::cpu || tensor.bytes() == 0) return;
    storage_.reset(allocate(Device::cpu, tensor.bytes()));
    host_.data = storage_.get();
    copy_bytes(device, host_.data, tensor.data, tensor.bytes());
}

void HostTensor::store() const {
    if (host_.data != tensor_.data) copy_bytes(device_, tensor_.data, host_.data, tensor_.bytes());
}

#if R1_HAS_CUDA

void check_cuda(cudaError_t error, const char* what) {
    if (error == cudaSuccess) [[likely]]
        return;
    cudaGetLastError();  // so that the next call does not meet it again
    fail("CUDA: ", what, ": ", cudaGetErrorString(error), " (", cudaGetErrorName(error), ")",
         error == cudaErrorMemoryAllocation ? "; use a smaller micro-batch, fewer sequences, shorter "
                                              "completions or --train.gradient_checkpointing"
         : error == cudaErrorNoKernelImageForDevice
             ? "; this build has no kernels for this GPU: set R1_CUDA_ARCHITECTURES when you build"
             : "");
}

void check_device(Device device) {
    if (device == Device::cpu) return;
    int count = 0;
    const cudaError_t error = cudaGetDeviceCount(&count);
    cudaGetLastError();
    check(error == cudaSuccess && count > 0, "there is no GPU that CUDA can use here: ",
          error == cudaSuccess ? "none is installed or visible (CUDA_VISIBLE_DEVICES)"
                               : cudaGetErrorString(error),
          "; use --device cpu");
    cudaDeviceProp properties{};
    check_cuda(cudaGetDeviceProperties(&properties, 0), "asking for the GPU's properties");
    check(properties.major >= 8, "the GPU ", properties.name, " has compute capability ", properties.major,
          '.', properties.minor, "; the kernels need 8.0 or newer; use --device cpu");
    check_cuda(cudaSetDevice(0), "starting the GPU");
}

std::string describe_cuda() {
    try {
        check_device(Device::cuda);
        cudaDeviceProp properties{};
        check_cuda(cudaGetDeviceProperties(&properties, 0), "asking for the GPU's properties");
        const auto gib = static_cast<double>(properties.totalGlobalMem >> 20) / 1024.0;
        return cat(properties.name, ", compute capability ", properties.major, '.', properties.minor, ", ",
                   static_cast<double>(static_cast<int64_t>(gib * 10)) / 10, " GiB");
    } catch (const Error& error) {
        return error.what();
    }
}

DeviceMemory device_memory(Device device) {
    DeviceMemory memory;
    if (device == Device::cuda)
        check_cuda(cudaMemGetInfo(&memory.free, &memory.total), "asking for the GPU's free memory");
    return memory;
}

void* allocate(Device device, size_t bytes) {
    if (device == Device::cpu) return allocate_host(bytes);
    void* pointer = nullptr;
    const cudaError_t error = cudaMalloc(&pointer, std::max<size_t>(bytes, 256));
    if (error != cudaSuccess) {
        const std::string what = cat("allocating ", bytes >> 20, " MiB on the GPU");
        check_cuda(error, what.c_str());
    }
    return pointer;
}

void deallocate(Device device, void* pointer) noexcept {
    if (device == Device::cpu) return std::free(pointer);
    cudaFree(pointer);
}

void copy_bytes(Device device, void* to, const void* from, size_t bytes) {
    if (bytes == 0) return;
    if (device == Device::cpu) {
        std::memcpy(to, from, bytes);
        return;
    }
    check_cuda(cudaDeviceSynchronize(), "waiting for the GPU");
    check_cuda(cudaMemcpy(to, from, bytes, cudaMemcpyDefault), "copying to or from the GPU");
}

void zero_bytes(Device device, void* to, size_t bytes) {
    if (bytes == 0) return;
    if (device == Device::cpu) {
        std::memset(to, 0, bytes);
        return;
    }
    check_cuda(cudaDeviceSynchronize(), "waiting for the GPU");
    check_cuda(cudaMemset(to, 0, bytes), "clearing memory of the GPU");
    check_cuda(cudaDeviceSynchronize(), "waiting for the GPU");
}

// Pinned memory in a few blocks that take turns. Before a block is written again, its copies have been done.
struct CudaStream::Staging {
    static constexpr size_t kBlocks = 4;
    struct Block {
        std::byte* data = nullptr;
        size_t size = 0, used = 0;
        cudaEvent_t done = nullptr;
    };
    std::array<Block, kBlocks> blocks;
    size_t current = 0;
};

CudaStream::CudaStream() : staging_(std::make_unique<Staging>()) {
    check_device(Device::cuda);
    check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream");
    for (auto& block : staging_->blocks)
        check_cuda(cudaEventCreateWithFlags(&block.done, cudaEventDisableTiming), "making an event");
}

CudaStream::~CudaStream() {
    cudaStreamSynchronize(stream_);
    for (auto& block : staging_->blocks) {
        cudaEventDestroy(block.done);
        cudaFreeHost(block.data);
    }
    cudaStreamDestroy(stream_);
}

void CudaStream::upload(void* to, const void* from, size_t bytes) {
    if (bytes == 0) return;
    constexpr size_t kLeast = size_t{1} << 20;
    Staging& staging = *staging_;
    if (Staging::Block& full = staging.blocks[staging.current]; full.used + bytes > full.size) {
        check_cuda(cudaEventRecord(full.done, stream_), "recording an event");
        staging.current = (staging.current + 1) % Staging::kBlocks;
        Staging::Block& next = staging.blocks[staging.current];
        check_cuda(cudaEventSynchronize(next.done), "waiting for a copy to the GPU");
        next.used = 0;
        if (next.size < bytes) {
            check_cuda(cudaFreeHost(next.data), "freeing pinned memory");
            next.data = nullptr;
            next.size = std::max(kLeast, 2 * bytes);
            check_cuda(cudaMallocHost(reinterpret_cast<void**>(&next.data), next.size),
                       "allocating pinned memory");
        }
    }
    Staging::Block& block = staging.blocks[staging.current];
    std::memcpy(block.data + block.used, from, bytes);
    check_cuda(cudaMemcpyAsync(to, block.data + block.used, bytes, cudaMemcpyHostToDevice, stream_),
               "copying to the GPU");
    block.used += (bytes + 255) / 256 * 256;
}

void CudaStream::download(void* to, const void* from, size_t bytes) {
    if (bytes > 0)
        check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_), "copying from the GPU");
    synchronize();
}

void CudaStream::zero(void* to, size_t bytes) {
    if (bytes > 0) check_cuda(cudaMemsetAsync(to, 0, bytes, stream_), "clearing memory of the GPU");
}

void CudaStream::copy(void* to, const void* from, size_t bytes) {
    if (bytes > 0)
        check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_), "copying on the GPU");
}

void CudaStream::synchronize() {
    check_cuda(cudaStreamSynchronize(stream_), "running the kernels before this");
}

void* CudaStream::scratch(size_t bytes) {
    if (bytes > scratch_bytes_) {
        synchronize();
        scratch_.reset();
        scratch_bytes_ = std::max(bytes, 2 * scratch_bytes_);
        scratch_ = {allocate(Device::cuda, scratch_bytes_), Deallocate{Device::cuda}};
    }
    return scratch_.get();
}

PinnedMemory::~PinnedMemory() {
    if (done_) {
        cudaEventSynchronize(done_);
        cudaEventDestroy(done_);
    }
    cudaFreeHost(data_);
}

void* PinnedMemory::acquire(size_t bytes) {
    if (!done_) check_cuda(cudaEventCreateWithFlags(&done_, cudaEventDisableTiming), "making an event");
    wait();
    if (bytes > size_) {
        check_cuda(cudaFreeHost(data_), "freeing pinned memory");
        data_ = nullptr, size_ = 0;
        check_cuda(cudaMallocHost(&data_, 2 * bytes), "allocating pinned memory");  // grows seldom
        size_ = 2 * bytes;
    }
    return data_;
}

void PinnedMemory::lend(CudaStream& stream) {
    check_cuda(cudaEventRecord(done_, stream.get()), "recording an event");
}

const void* PinnedMemory::wait() {
    check_cuda(cudaEventSynchronize(done_), "running the kernels before this");
    return data_;
}

#else

void check_device(Device device) {
    if (device != Device::cpu) no_cuda();
}

std::string describe_cuda() {
    return "not in this build";
}

DeviceMemory device_memory(Device) {
    return {};
}

void* allocate(Device device, size_t bytes) {
    check_device(device);
    return allocate_host(bytes);
}

void deallocate(Device, void* pointer) noexcept {
    std::free(pointer);
}

void copy_bytes(Device device, void* to, const void* from, size_t bytes) {
    check_device(device);
    if (bytes > 0) std::memcpy(to, from, bytes);
}

void zero_bytes(Device device, void* to, size_t bytes) {
    check_device(device);
    if (bytes > 0) std::memset(to, 0, bytes);
}

struct CudaStream::Staging {};
CudaStream::CudaStream() {
    no_cuda();
}
CudaStream::~CudaStream() = default;
void CudaStream::upload(void*, const void*, size_t) {}
void CudaStream::download(void*, const void*, size_t) {}
void CudaStream::zero(void*, size_t) {}
void CudaStream::copy(void*, const void*, size_t) {}
void CudaStream::synchronize() {}
void* CudaStream::scratch(size_t) {
    no_cuda();
}
PinnedMemory::~PinnedMemory() = default;
void* PinnedMemory::acquire(size_t) {
    no_cuda();
}
void PinnedMemory::lend(CudaStream&) {}
const void* PinnedMemory::wait() {
    no_cuda();
}

#endif

}  // namespace r1
