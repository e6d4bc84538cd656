#include "ops/convert.h"

#include "ops/cuda/dispatch.h"

namespace r1::ops {

void to_bf16(Stream& stream, TensorView y, ConstTensorView x) {
    check(stream.on_cuda() && y.numel() == x.numel(), "to_bf16: y ", y, " does not fit x ", x,
          ", or the stream is not CUDA's");
    if constexpr (kCuda) cuda::to_bf16(cuda::stream_of(stream), y.as<uint16_t>(), x.as<float>(), x.numel());
}

}  // namespace r1::ops
