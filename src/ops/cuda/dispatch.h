// From views to the pointers of kernels.h.
#pragma once
#include "core/stream.h"
#include "core/tensor.h"
#include "ops/batch.h"
#include "ops/cuda/kernels.h"
#include "ops/linear.h"

namespace r1::ops::cuda {

inline cudaStream_t stream_of(Stream& stream) {
    return stream.cuda->get();
}
inline bf16* half(TensorView t) {
    return t ? t.as<uint16_t>() : nullptr;
}
inline const bf16* half(ConstTensorView t) {
    return t ? t.as<uint16_t>() : nullptr;
}
inline float* single(TensorView t) {
    return t ? t.as<float>() : nullptr;
}
inline const float* single(ConstTensorView t) {
    return t ? t.as<float>() : nullptr;
}
// x Wᵀ + bias; where to is the caller's to say.
inline Gemm product(ConstTensorView x, const PackedWeight& w, ConstTensorView bias) {
    Gemm product{.m = x.dim(0), .n = w.n, .k = w.k, .a = half(x), .lda = w.k};
    product.b = static_cast<const bf16*>(w.data);
    product.ldb = w.transposed ? w.n : w.k;
    product.b_transposed = w.transposed;
    product.bias = half(bias);
    return product;
}
// dw[n,k] += Σ_m dy[m·dy_stride + n] x[m,k]: the gradient of a weight [N, K].
inline void weight_gradient(Stream& stream, float* dw, const bf16* dy, int64_t dy_stride, const bf16* x,
                            int64_t m, int64_t n, int64_t k) {
    Gemm product{.m = n, .n = k, .k = m, .a = dy, .lda = dy_stride, .a_transposed = true};
    product.b = x;
    product.ldb = k;
    product.b_transposed = true;
    product.d = dw;
    product.ldd = k;
    product.d_f32 = product.accumulate = true;
    product.workspace = stream.cuda->scratch(kGemmWorkspace);
    gemm(stream_of(stream), product);
}
inline const Batch& batch_of(const BatchView& batch) {
    check(batch.device != nullptr, "the batch was not uploaded to the GPU");
    return *batch.device;
}
inline const int32_t* device_of(const Indices& indices) {
    check(indices.device != nullptr || indices.host.empty(), "the indices were not uploaded to the GPU");
    return indices.device;
}
inline const RowGroups& groups_of(const Indices& indices) {
    check(indices.groups != nullptr, "the indices were not sorted for an op that adds by them");
    return *indices.groups;
}
inline KvPages pages_of(const ops::KvPages& kv) {
    return {kv.k_bf16, kv.v_bf16, kv.pages, kv.hkv, kv.d};
}

}  // namespace r1::ops::cuda
