// cuBLASLt, opened when the first matrix product needs it: the library has half a gigabyte, so it is not
// part of the program, and the program starts where it is not installed.
#pragma once
#include <cublasLt.h>

namespace r1::ops::cuda {

// The functions of the library under the names of its header.
struct CublasLt {
#define R1_CUBLASLT_FUNCTIONS(f)                                                                           \
    f(cublasLtCreate) f(cublasLtGetStatusString) f(cublasLtMatmul) f(cublasLtMatmulAlgoConfigGetAttribute) \
        f(cublasLtMatmulAlgoGetHeuristic) f(cublasLtMatmulDescCreate) f(cublasLtMatmulDescSetAttribute)    \
            f(cublasLtMatrixLayoutCreate) f(cublasLtMatmulPreferenceCreate)                                \
                f(cublasLtMatmulPreferenceSetAttribute)
#define R1_DECLARE(name) decltype(&::name) name = nullptr;
    R1_CUBLASLT_FUNCTIONS(R1_DECLARE)
#undef R1_DECLARE
    cublasLtHandle_t handle = nullptr;

    // Opens the library once. Throws, with what to do, where there is none that fits this build.
    static const CublasLt& get();
    // Throws Error that says what was being done and what the library answered.
    void check_status(cublasStatus_t status, const char* what) const;
};

}  // namespace r1::ops::cuda
