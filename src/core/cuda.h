// What all CUDA code needs of the runtime. Included by sources that are compiled only where there is a CUDA
// toolkit, and by no header that others see.
#pragma once
#include <cuda_runtime_api.h>

namespace r1 {

// Throws Error that says what was being done and what the runtime answered.
void check_cuda(cudaError_t error, const char* what);

// After a launch: check_launch("rmsnorm") throws if the kernel could not be started.
inline void check_launch(const char* kernel) {
    check_cuda(cudaGetLastError(), kernel);
}

}  // namespace r1
