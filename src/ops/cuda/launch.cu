#include "ops/cuda/common.cuh"

namespace r1::ops::cuda {

namespace {

int compute_capability() {  // its first number
    static const int major = [] {
        int device = 0, value = 0;
        check_cuda(cudaGetDevice(&device), "asking for the current device");
        check_cuda(cudaDeviceGetAttribute(&value, cudaDevAttrComputeCapabilityMajor, device),
                   "asking for the compute capability");
        return value;
    }();
    return major;
}

}  // namespace

int64_t most_shared() {
    static const int most = [] {
        int device = 0, value = 0;
        check_cuda(cudaGetDevice(&device), "asking for the current device");
        check_cuda(cudaDeviceGetAttribute(&value, cudaDevAttrMaxSharedMemoryPerBlockOptin, device),
                   "asking for the shared memory of a thread block");
        return value;
    }();
    return most;
}

bool has_dependent_launch() {
    return compute_capability() >= 9;
}

bool has_hopper() {
    return R1_HAS_HOPPER && compute_capability() == 9;
}

bool is_recorded(cudaStream_t stream) {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    check_cuda(cudaStreamIsCapturing(stream, &status), "asking whether a graph is recorded");
    return status == cudaStreamCaptureStatusActive;
}

}  // namespace r1::ops::cuda
