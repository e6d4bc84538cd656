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

}  // namespace r1::ops::cuda
