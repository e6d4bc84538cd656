#include "ops/cuda/common.cuh"

namespace r1::ops::cuda {

bool has_dependent_launch() {
    static const bool has = [] {
        int device = 0, major = 0;
        check_cuda(cudaGetDevice(&device), "asking for the current device");
        check_cuda(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device),
                   "asking for the compute capability");
        return major >= 9;
    }();
    return has;
}

bool is_recorded(cudaStream_t stream) {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    check_cuda(cudaStreamIsCapturing(stream, &status), "asking whether a graph is recorded");
    return status == cudaStreamCaptureStatusActive;
}

}  // namespace r1::ops::cuda
