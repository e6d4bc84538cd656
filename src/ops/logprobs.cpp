#include "ops/logprobs.h"

#include "ops/cpu/kernels.h"
#include "ops/cuda/dispatch.h"

namespace r1::ops {
namespace {

void check_targets(ConstTensorView logits, const Indices& targets) {
    check(logits.dim(0) == targets.size(), "logprobs: logits ", logits, " have not ", targets.size(),
          " rows");
    for (int32_t target : targets.host) {
        check(target >= 0 && target < logits.dim(1), "logprobs: target ", target,
              " is outside a vocabulary of ", logits.dim(1));
    }
}

}  // namespace

TensorView take_logits(Stream& stream, int64_t rows, int64_t v, Arena& arena) {
    return {arena.take(DType::f32, {rows, logits_stride(stream, v)}).data, DType::f32, {rows, v}};
}

TensorView logits_rows(Stream& stream, TensorView logits, int64_t begin, int64_t count) {
    const int64_t v = logits.dim(1);
    return view(logits.as<float>() + begin * logits_stride(stream, v), {count, v});
}

void logprobs_forward(Stream& stream, TensorView logprobs, TensorView lse, TensorView entropy,
                      ConstTensorView logits, Indices targets, float inv_temperature) {
    const int64_t rows = logits.dim(0);
    if (targets.size() > 0 || logprobs) check_targets(logits, targets);
    check((!logprobs || logprobs.numel() == rows) && lse.numel() == rows &&
              (!entropy || entropy.numel() == rows),
          "logprobs: logprobs ", logprobs, ", lse ", lse, " or entropy ", entropy, " does not fit logits ",
          logits);
    if constexpr (kCuda) {
        if (stream.on_cuda())
            return cuda::logprobs_forward(cuda::stream_of(stream), cuda::single(logprobs), cuda::single(lse),
                                          cuda::single(entropy), cuda::single(logits),
                                          logprobs ? cuda::device_of(targets) : nullptr, rows, logits.dim(1),
                                          logits_stride(stream, logits.dim(1)), inv_temperature);
    }
    cpu::kernels(stream).logprobs_forward(*stream.pool, logprobs ? logprobs.as<float>() : nullptr,
                                          lse.as<float>(), entropy ? entropy.as<float>() : nullptr,
                                          logits.as<float>(), logprobs ? targets.host.data() : nullptr, rows,
                                          logits.dim(1), inv_temperature);
}

void logprobs_backward(Stream& stream, TensorView dlogits, ConstTensorView logits, Indices targets,
                       ConstTensorView lse, ConstTensorView dlogprobs, float inv_temperature) {
    check_targets(logits, targets);
    check(!stream.on_cuda(), "logprobs backward: on CUDA it is a part of linear_cross_entropy_backward");
    check(dlogits.shape == logits.shape && lse.numel() == logits.dim(0) && dlogprobs.numel() == logits.dim(0),
          "logprobs backward: dlogits ", dlogits, ", lse ", lse, " or dlogprobs ", dlogprobs,
          " does not fit logits ", logits);
    cpu::kernels(stream).logprobs_backward(*stream.pool, dlogits.as<float>(), logits.as<float>(),
                                           targets.host.data(), lse.as<float>(), dlogprobs.as<float>(),
                                           logits.dim(0), logits.dim(1), inv_temperature);
}

}  // namespace r1::ops
