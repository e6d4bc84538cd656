#include <cmath>
#include <map>
#include <mutex>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/cuda.h"
#include "ops/cuda/cublaslt.h"
#include "ops/cuda/kernels.h"

namespace r1::ops::cuda {
namespace {

constexpr uint32_t kAlignment = 16;  // bytes, of every matrix that cuBLASLt is given

bool aligned(const void* data, int64_t stride, int64_t size) {
    return reinterpret_cast<uintptr_t>(data) % kAlignment == 0 && stride * size % kAlignment == 0;
}

std::set<std::pair<int64_t, int64_t>>& distrusted() {  // weights' shapes
    static std::set<std::pair<int64_t, int64_t>> shapes;
    return shapes;
}

// Whether cuBLASLt computes it. What decides depends on the weight's shape and on how its rows lie, never on
// the number of rows of the other matrix.
bool fits(const Gemm& g) {
    const bool sums_over_rows = g.a_transposed;  // then k is a number of tokens
    return (sums_over_rows || (g.k % 8 == 0 && !distrusted().contains({g.n, g.k}))) &&
           aligned(g.a, g.lda, 2) && aligned(g.b, g.ldb, 2) && aligned(g.d, g.ldd, g.d_f32 ? 4 : 2) &&
           aligned(g.residual, g.ldd, 2) && aligned(g.bias, 0, 2) && aligned(g.norm, 0, 2);
}

// What a plan depends on.
using Key = std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int>;
Key key_of(const Gemm& g) {
    const int flags = g.a_transposed | g.b_transposed << 1 | g.d_f32 << 2 | g.accumulate << 3 |
                      (g.bias != nullptr) << 4 | (g.residual != nullptr) << 5 | (g.workspace != nullptr) << 6;
    return {g.m, g.n, g.k, g.lda, g.ldb, g.ldd, flags};
}

struct Plan {
    cublasLtMatmulDesc_t product = nullptr;
    cublasLtMatrixLayout_t a = nullptr, b = nullptr, d = nullptr;
    cublasLtMatmulAlgo_t algorithm{};
};

// cuBLASLt's matrices are column-major, so it is asked for Dᵀ = B Aᵀ.
Plan describe(const CublasLt& lt, const Gemm& g) {
    Plan plan;
    const auto done = [&](cublasStatus_t status) { lt.check_status(status, "describing a matrix product"); };
    const auto set = [&](cublasLtMatmulDescAttributes_t attribute, const auto& value) {
        done(lt.cublasLtMatmulDescSetAttribute(plan.product, attribute, &value, sizeof value));
    };
    done(lt.cublasLtMatmulDescCreate(&plan.product, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    set(CUBLASLT_MATMUL_DESC_TRANSA, g.b_transposed ? CUBLAS_OP_N : CUBLAS_OP_T);
    set(CUBLASLT_MATMUL_DESC_TRANSB, g.a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    if (g.bias) {
        set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
        set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, g.bias);
        set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, CUDA_R_16BF);
    }
    const auto layout = [&](cublasLtMatrixLayout_t& out, cudaDataType type, bool transposed, int64_t rows,
                            int64_t columns, int64_t stride) {
        done(lt.cublasLtMatrixLayoutCreate(&out, type, static_cast<uint64_t>(transposed ? rows : columns),
                                           static_cast<uint64_t>(transposed ? columns : rows), stride));
    };
    layout(plan.a, CUDA_R_16BF, g.b_transposed, g.n, g.k, g.ldb);
    layout(plan.b, CUDA_R_16BF, g.a_transposed, g.m, g.k, g.lda);
    layout(plan.d, g.d_f32 ? CUDA_R_32F : CUDA_R_16BF, false, g.m, g.n, g.ldd);
    return plan;
}

// What cuBLASLt would take, best first.
std::vector<cublasLtMatmulAlgo_t> candidates(const CublasLt& lt, const Gemm& g, const Plan& plan) {
    const auto done = [&](cublasStatus_t status) { lt.check_status(status, "describing a matrix product"); };
    static cublasLtMatmulPreference_t preference = [&] {
        cublasLtMatmulPreference_t made = nullptr;
        done(lt.cublasLtMatmulPreferenceCreate(&made));
        for (const auto attribute :
             {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
              CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
            done(lt.cublasLtMatmulPreferenceSetAttribute(made, attribute, &kAlignment, sizeof kAlignment));
        return made;
    }();
    const uint64_t workspace = g.workspace ? kGemmWorkspace : 0;
    // sums over K are never split where there is no workspace, and never by atomics
    const uint32_t schemes =
        g.workspace ? CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE : CUBLASLT_REDUCTION_SCHEME_NONE;
    done(lt.cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                                 &workspace, sizeof workspace));
    done(lt.cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
                                                 &schemes, sizeof schemes));
    cublasLtMatmulHeuristicResult_t found[16];
    int count = 0;
    const cublasStatus_t status = lt.cublasLtMatmulAlgoGetHeuristic(
        lt.handle, plan.product, plan.a, plan.b, plan.d, plan.d, preference, 16, found, &count);
    check(status == CUBLAS_STATUS_SUCCESS && count > 0, "cuBLASLt has no algorithm for a product of ", g.m,
          " × ", g.k, " and ", g.n, " × ", g.k, ": ", lt.cublasLtGetStatusString(status));
    std::vector<cublasLtMatmulAlgo_t> algorithms;
    for (int i = 0; i < count; ++i) algorithms.push_back(found[i].algo);
    return algorithms;
}

int id_of(const CublasLt& lt, const cublasLtMatmulAlgo_t& algorithm) {
    int id = -1;
    size_t written = 0;
    lt.check_status(lt.cublasLtMatmulAlgoConfigGetAttribute(&algorithm, CUBLASLT_ALGO_CONFIG_ID, &id,
                                                            sizeof id, &written),
                    "describing an algorithm");
    return id;
}

void run(const CublasLt& lt, const Gemm& g, const Plan& plan, cudaStream_t stream) {
    if (g.bias) {
        lt.check_status(lt.cublasLtMatmulDescSetAttribute(plan.product, CUBLASLT_MATMUL_DESC_BIAS_POINTER,
                                                          &g.bias, sizeof g.bias),
                        "describing a matrix product");
    }
    const float beta = g.accumulate || g.residual ? 1.0f : 0.0f;
    const void* c = g.residual ? g.residual : g.d;
    lt.check_status(
        lt.cublasLtMatmul(lt.handle, plan.product, &g.alpha, g.b, plan.a, g.a, plan.b, &beta, c, plan.d, g.d,
                          plan.d, &plan.algorithm, g.workspace, g.workspace ? kGemmWorkspace : 0, stream),
        "a matrix product");
}

// The fastest of some algorithms that give the same bits; D is written again and again.
cublasLtMatmulAlgo_t fastest(const CublasLt& lt, const Gemm& g, Plan plan,
                             const std::vector<cublasLtMatmulAlgo_t>& algorithms, cudaStream_t stream) {
    constexpr int kRuns = 10;
    cudaEvent_t begin = nullptr, end = nullptr;
    check_cuda(cudaEventCreate(&begin), "making an event");
    check_cuda(cudaEventCreate(&end), "making an event");
    float best = INFINITY;
    cublasLtMatmulAlgo_t chosen = algorithms.front();
    for (const auto& algorithm : algorithms) {
        plan.algorithm = algorithm;
        run(lt, g, plan, stream);
        check_cuda(cudaEventRecord(begin, stream), "timing a matrix product");
        for (int i = 0; i < kRuns; ++i) run(lt, g, plan, stream);
        check_cuda(cudaEventRecord(end, stream), "timing a matrix product");
        check_cuda(cudaEventSynchronize(end), "timing a matrix product");
        float time = 0.0f;
        check_cuda(cudaEventElapsedTime(&time, begin, end), "timing a matrix product");
        if (time < best) best = time, chosen = algorithm;
    }
    cudaEventDestroy(begin);
    cudaEventDestroy(end);
    return chosen;
}

constexpr int64_t kManyRows = 4096;
constexpr int64_t kTuned = 1024;  // rows of a decode step: few of them, and each is computed many times

const Plan& plan_of(const CublasLt& lt, const Gemm& g, cudaStream_t stream);

// Without a workspace a row's bits must not depend on m: so the algorithm is of the kind that many rows have,
// whatever its tiles. cuBLASLt has other kinds for a few rows of small matrices.
Plan make_plan(const CublasLt& lt, const Gemm& g, cudaStream_t stream) {
    Plan plan = describe(lt, g);
    std::vector<cublasLtMatmulAlgo_t> algorithms = candidates(lt, g, plan);
    if (!g.workspace) {
        Gemm many = g;
        many.m = kManyRows;
        const cublasLtMatmulAlgo_t reference =
            g.m == kManyRows ? algorithms.front() : plan_of(lt, many, stream).algorithm;
        const int id = id_of(lt, reference);
        std::erase_if(algorithms, [&](const auto& algorithm) { return id_of(lt, algorithm) != id; });
        if (algorithms.empty()) algorithms.push_back(reference);
    }
    plan.algorithm = algorithms.front();
    const bool again = !g.accumulate && g.m <= kTuned && !is_recorded(stream);
    if (again && algorithms.size() > 1) plan.algorithm = fastest(lt, g, plan, algorithms, stream);
    return plan;
}

const Plan& plan_of(const CublasLt& lt, const Gemm& g, cudaStream_t stream) {
    static std::map<Key, Plan> plans;
    const Key key = key_of(g);
    auto found = plans.find(key);
    if (found == plans.end()) found = plans.emplace(key, make_plan(lt, g, stream)).first;
    return found->second;
}

}  // namespace

void distrust(int64_t n, int64_t k) {
    distrusted().emplace(n, k);
}

bool is_few(const Gemm& g) {
    return has_hopper() && fits(g) && !g.a_transposed && !g.b_transposed && !g.accumulate && !g.workspace &&
           g.alpha == 1.0f && (is_eight(g) || suits_few(g));
}

void gemm(cudaStream_t stream, const Gemm& g) {
    if (g.m == 0 || g.n == 0) return;
    if (is_few(g)) return gemm_few(stream, g);
    if (!fits(g)) return gemm_tiles(stream, g);
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    const CublasLt& lt = CublasLt::get();
    run(lt, g, plan_of(lt, g, stream), stream);
}

}  // namespace r1::ops::cuda
