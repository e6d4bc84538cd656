#include "ops/cuda/common.cuh"

namespace r1::ops::cuda {
namespace {

int of_device(cudaDeviceAttr attribute) {
    int device = 0, value = 0;
    check_cuda(cudaGetDevice(&device), "asking for the current device");
    check_cuda(cudaDeviceGetAttribute(&value, attribute, device), "asking what the device can do");
    return value;
}
int compute_capability() {  // its first number
    static const int major = of_device(cudaDevAttrComputeCapabilityMajor);
    return major;
}

__global__ void any_kernel() {}

// What the code that is loaded was compiled for: one for older processors knows nothing of what this one has.
int compiled_for() {  // 80, 90 …
    static const int version = [] {
        cudaFuncAttributes attributes{};
        check_cuda(cudaFuncGetAttributes(&attributes, any_kernel),
                   "asking what the kernels were compiled for");
        return attributes.ptxVersion;
    }();
    return version;
}

}  // namespace

bool has_dependent_launch() {
    return compiled_for() >= 90;
}

bool has_hopper() {
    return R1_HAS_HOPPER && compute_capability() == 9;
}

int64_t most_shared() {
    static const int most = of_device(cudaDevAttrMaxSharedMemoryPerBlockOptin);
    return most;
}

bool is_recorded(cudaStream_t stream) {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    check_cuda(cudaStreamIsCapturing(stream, &status), "asking whether a graph is recorded");
    return status == cudaStreamCaptureStatusActive;
}

}  // namespace r1::ops::cuda
