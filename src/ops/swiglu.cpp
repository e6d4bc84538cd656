#include "ops/swiglu.h"

#include "ops/cpu/kernels.h"
#include "ops/cuda/dispatch.h"

namespace r1::ops {

void swiglu_forward(Stream& stream, TensorView y, ConstTensorView gate_up) {
    check(y.dim(0) == gate_up.dim(0) && 2 * y.dim(1) == gate_up.dim(1), "swiglu: y ", y,
          " does not fit gate_up ", gate_up);
    if constexpr (kCuda) {
        if (stream.on_cuda())
            return cuda::swiglu_forward(cuda::stream_of(stream), cuda::half(y), cuda::half(gate_up), y.dim(0),
                                        y.dim(1));
    }
    cpu::kernels(stream).swiglu_forward(*stream.pool, y.as<float>(), gate_up.as<float>(), y.dim(0), y.dim(1));
}

void linear_swiglu_forward(Stream& stream, TensorView y, TensorView gate_up, bool keep, ConstTensorView x,
                           const PackedWeight& w, ConstTensorView bias) {
    if constexpr (kCuda) {
        if (stream.on_cuda() && !keep) {
            cuda::Gemm gemm = cuda::product(x, w, bias);
            gemm.d = y.data;
            gemm.ldd = y.dim(1);
            gemm.swiglu = true;
            check(y.dim(0) == gemm.m && 2 * y.dim(1) == gemm.n && x.dim(1) == gemm.k, "swiglu: y ", y,
                  " and x ", x, " do not fit a weight of ", w.n, " × ", w.k);
            if (gemm.m > 0 && cuda::is_few(gemm)) return cuda::gemm_few(cuda::stream_of(stream), gemm);
        }
    }
    linear_forward(stream, gate_up, x, w, bias, {});
    swiglu_forward(stream, y, gate_up);
}

void swiglu_backward(Stream& stream, TensorView dgate_up, ConstTensorView dy, ConstTensorView gate_up) {
    check(dgate_up.shape == gate_up.shape && dy.dim(0) == gate_up.dim(0) && 2 * dy.dim(1) == gate_up.dim(1),
          "swiglu backward: dgate_up ", dgate_up, " and dy ", dy, " do not fit gate_up ", gate_up);
    if constexpr (kCuda) {
        if (stream.on_cuda())
            return cuda::swiglu_backward(cuda::stream_of(stream), cuda::half(dgate_up), cuda::half(dy),
                                         cuda::half(gate_up), dy.dim(0), dy.dim(1));
    }
    cpu::kernels(stream).swiglu_backward(*stream.pool, dgate_up.as<float>(), dy.as<float>(),
                                         gate_up.as<float>(), dy.dim(0), dy.dim(1));
}

}  // namespace r1::ops
