#include "ops/rmsnorm.h"

#include "ops/cpu/kernels.h"
#include "ops/cuda/dispatch.h"

namespace r1::ops {

void rmsnorm_forward(Stream& stream, TensorView y, TensorView rstd, ConstTensorView x, ConstTensorView w,
                     float eps) {
    const int64_t n = x.dim(0), c = x.dim(1);
    check(y.shape == x.shape && rstd.numel() == n && w.numel() == c, "rmsnorm: y ", y, ", rstd ", rstd,
          " and w ", w, " do not fit x ", x);
    if constexpr (kCuda) {
        if (stream.on_cuda())
            return cuda::rmsnorm_forward(cuda::stream_of(stream), cuda::half(y), cuda::single(rstd),
                                         cuda::half(x), cuda::half(w), n, c, eps);
    }
    cpu::kernels(stream).rmsnorm_forward(*stream.pool, y.as<float>(), rstd.as<float>(), x.as<float>(),
                                         w.as<float>(), n, c, eps);
}

void rmsnorm_backward(Stream& stream, TensorView dx, TensorView dw, ConstTensorView dy, ConstTensorView x,
                      ConstTensorView w, ConstTensorView rstd) {
    const int64_t n = x.dim(0), c = x.dim(1);
    check(
        dx.shape == x.shape && dy.shape == x.shape && dw.numel() == c && w.numel() == c && rstd.numel() == n,
        "rmsnorm backward: dx ", dx, ", dy ", dy, ", dw ", dw, ", w ", w, " and rstd ", rstd,
        " do not fit x ", x);
    if constexpr (kCuda) {
        if (stream.on_cuda())
            return cuda::rmsnorm_backward(cuda::stream_of(stream), cuda::half(dx), cuda::single(dw),
                                          cuda::half(dy), cuda::half(x), cuda::half(w), cuda::single(rstd), n,
                                          c, stream.cuda->scratch(cuda::rmsnorm_workspace(n, c)));
    }
    cpu::kernels(stream).rmsnorm_backward(*stream.pool, dx.as<float>(), dw.as<float>(), dy.as<float>(),
                                          x.as<float>(), w.as<float>(), rstd.as<float>(), n, c);
}

namespace {

int kv_heads(ConstTensorView qkv, int heads) {
    check(heads > 0 && qkv.dim(1) > heads && (qkv.dim(1) - heads) % 2 == 0, "qk_norm: qkv ", qkv, " has not ",
          heads, " query heads and as many keys as values");
    return static_cast<int>(qkv.dim(1) - heads) / 2;
}

}  // namespace

void qk_norm_forward(Stream& stream, TensorView y, TensorView rstd, ConstTensorView x, ConstTensorView wq,
                     ConstTensorView wk, int heads, float eps) {
    const int64_t n = x.dim(0), d = x.dim(2);
    const int hkv = kv_heads(x, heads);
    check(y.shape == x.shape && rstd.numel() == n * (heads + hkv) && wq.numel() == d && wk.numel() == d,
          "qk_norm: y ", y, ", rstd ", rstd, ", wq ", wq, " and wk ", wk, " do not fit x ", x);
    if constexpr (kCuda) {
        if (stream.on_cuda())
            return cuda::qk_norm_forward(cuda::stream_of(stream), cuda::half(y), cuda::single(rstd),
                                         cuda::half(x), cuda::half(wq), cuda::half(wk), n, heads, hkv,
                                         static_cast<int>(d), eps);
    }
    cpu::kernels(stream).qk_norm_forward(*stream.pool, y.as<float>(), rstd.as<float>(), x.as<float>(),
                                         wq.as<float>(), wk.as<float>(), n, heads, hkv, d, eps);
}

void qk_norm_backward(Stream& stream, TensorView dx, TensorView dwq, TensorView dwk, ConstTensorView dy,
                      ConstTensorView x, ConstTensorView wq, ConstTensorView wk, ConstTensorView rstd,
                      int heads) {
    const int64_t n = x.dim(0), d = x.dim(2);
    const int hkv = kv_heads(x, heads);
    check(dx.shape == x.shape && dy.shape == x.shape && rstd.numel() == n * (heads + hkv) &&
              wq.numel() == d && wk.numel() == d && dwq.numel() == d && dwk.numel() == d,
          "qk_norm backward: dx ", dx, ", dy ", dy, ", rstd ", rstd, " and weights ", wq, " do not fit x ",
          x);
    if constexpr (kCuda) {
        if (stream.on_cuda()) {
            const int width = static_cast<int>(d);
            return cuda::qk_norm_backward(
                cuda::stream_of(stream), cuda::half(dx), cuda::single(dwq), cuda::single(dwk), cuda::half(dy),
                cuda::half(x), cuda::half(wq), cuda::half(wk), cuda::single(rstd), n, heads, hkv, width,
                stream.cuda->scratch(cuda::qk_norm_workspace(n, heads, hkv, width)));
        }
    }
    cpu::kernels(stream).qk_norm_backward(*stream.pool, dx.as<float>(), dwq.as<float>(), dwk.as<float>(),
                                          dy.as<float>(), x.as<float>(), wq.as<float>(), wk.as<float>(),
                                          rstd.as<float>(), n, heads, hkv, d);
}

}  // namespace r1::ops
