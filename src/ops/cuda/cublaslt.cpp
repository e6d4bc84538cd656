#include "ops/cuda/cublaslt.h"

#include <dlfcn.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "core/check.h"

namespace r1::ops::cuda {
namespace {

// The library of the toolkit's major version that this was compiled with: its functions' types are those.
void* open_library() {
    const std::string name = cat("libcublasLt.so.", CUBLAS_VER_MAJOR);
    std::vector<std::string> places{name, "/usr/local/cuda/lib64/" + name};
    if (const char* path = std::getenv("R1_CUBLASLT"); path && *path) places = {path};
    std::string reasons;
    for (const auto& place : places) {
        if (void* library = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
        const char* reason = dlerror();
        reasons += cat(reasons.empty() ? "" : "; ", reason ? reason : "unknown reason");
    }
    fail("cannot open cuBLASLt (", reasons, "); install CUDA ", CUBLAS_VER_MAJOR,
         "'s cuBLAS, or set R1_CUBLASLT to the file ", name, ", or use --device cpu");
}

CublasLt open() {
    void* library = open_library();
    CublasLt lt;
#define R1_LOAD(name)                                                     \
    lt.name = reinterpret_cast<decltype(lt.name)>(dlsym(library, #name)); \
    check(lt.name != nullptr, "the cuBLASLt that was found has no function " #name);
    R1_CUBLASLT_FUNCTIONS(R1_LOAD)
#undef R1_LOAD
    lt.check_status(lt.cublasLtCreate(&lt.handle), "starting cuBLASLt");
    return lt;
}

}  // namespace

const CublasLt& CublasLt::get() {
    static const CublasLt lt = open();
    return lt;
}

void CublasLt::check_status(cublasStatus_t status, const char* what) const {
    check(status == CUBLAS_STATUS_SUCCESS, "cuBLASLt: ", what, ": ", cublasLtGetStatusString(status));
}

}  // namespace r1::ops::cuda
