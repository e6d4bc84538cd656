#include "ops/decode.h"

#include "ops/cuda/dispatch.h"

namespace r1::ops {
namespace {

// Whether it is computed.
bool run(Stream& stream, cuda::Gemm& product, Norm norm) {
    check(product.k == norm.w.numel(), "decode: a norm ", norm.w, " does not fit a weight of ", product.n,
          " × ", product.k);
    check(!product.b_transposed, "decode: the weight of ", product.n, " × ", product.k, " lies transposed");
    product.norm = cuda::half(norm.w);
    product.eps = norm.eps;
    if constexpr (kCuda) {
        if (product.m == 0 || !cuda::is_few(product) || !cuda::is_eight(product)) return false;
        cuda::gemm_eight(cuda::stream_of(stream), product);
        return true;
    }
    return false;
}

}  // namespace

bool norm_qkv_rope(Stream& stream, TensorView qkv, ConstTensorView x, Norm norm, const PackedWeight& w,
                   ConstTensorView bias, KvPages kv, BatchView view, ConstTensorView cos,
                   ConstTensorView sin) {
    if (!stream.on_cuda()) return false;
    const cuda::Batch& batch = cuda::batch_of(view);
    if (batch.slot_offsets) return false;
    const int64_t width = qkv.dim(1) * qkv.dim(2);
    check(qkv.dim(0) == x.dim(0) && batch.tokens == x.dim(0) && w.n == width && w.k == x.dim(1) &&
              qkv.dim(2) == kv.d && cos.dim(1) == kv.d / 2,
          "decode: qkv ", qkv, " and x ", x, " do not fit a weight of ", w.n, " × ", w.k);
    cuda::Gemm product = cuda::product(x, w, bias);
    product.d = qkv.data;
    product.ldd = width;
    product.rope = {cuda::pages_of(kv), static_cast<int>(qkv.dim(1)) - 2 * kv.hkv,
                    batch.positions,    batch.slots,
                    cuda::single(cos),  cuda::single(sin)};
    return run(stream, product, norm);
}

bool norm_linear_swiglu(Stream& stream, TensorView y, ConstTensorView x, Norm norm, const PackedWeight& w,
                        ConstTensorView bias) {
    if (!stream.on_cuda()) return false;
    check(y.dim(0) == x.dim(0) && 2 * y.dim(1) == w.n && x.dim(1) == w.k, "decode: y ", y, " and x ", x,
          " do not fit a weight of ", w.n, " × ", w.k);
    cuda::Gemm product = cuda::product(x, w, bias);
    product.d = y.data;
    product.ldd = y.dim(1);
    product.swiglu = true;
    return run(stream, product, norm);
}

}  // namespace r1::ops
