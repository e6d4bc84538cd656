#include "ops/logprobs.h"

#include "ops/cpu/kernels.h"

namespace r1::ops {
namespace {

void check_targets(ConstTensorView logits, std::span<const int32_t> targets) {
    check(logits.dim(0) == static_cast<int64_t>(targets.size()), "logprobs: logits ", logits, " have not ",
          targets.size(), " rows");
    for (int32_t target : targets) {
        check(target >= 0 && target < logits.dim(1), "logprobs: target ", target,
              " is outside a vocabulary of ", logits.dim(1));
    }
}

}  // namespace

void logprobs_forward(Stream& stream, TensorView logprobs, TensorView lse, TensorView entropy,
                      ConstTensorView logits, std::span<const int32_t> targets, float inv_temperature) {
    const int64_t rows = logits.dim(0);
    if (!targets.empty() || logprobs) check_targets(logits, targets);
    check((!logprobs || logprobs.numel() == rows) && lse.numel() == rows &&
              (!entropy || entropy.numel() == rows),
          "logprobs: logprobs ", logprobs, ", lse ", lse, " or entropy ", entropy, " does not fit logits ",
          logits);
    cpu::kernels(stream).logprobs_forward(*stream.pool, logprobs ? logprobs.as<float>() : nullptr,
                                          lse.as<float>(), entropy ? entropy.as<float>() : nullptr,
                                          logits.as<float>(), logprobs ? targets.data() : nullptr, rows,
                                          logits.dim(1), inv_temperature);
}

void logprobs_backward(Stream& stream, TensorView dlogits, ConstTensorView logits,
                       std::span<const int32_t> targets, ConstTensorView lse, ConstTensorView dlogprobs,
                       float inv_temperature) {
    check_targets(logits, targets);
    check(dlogits.shape == logits.shape && lse.numel() == logits.dim(0) && dlogprobs.numel() == logits.dim(0),
          "logprobs backward: dlogits ", dlogits, ", lse ", lse, " or dlogprobs ", dlogprobs,
          " does not fit logits ", logits);
    cpu::kernels(stream).logprobs_backward(*stream.pool, dlogits.as<float>(), logits.as<float>(),
                                           targets.data(), lse.as<float>(), dlogprobs.as<float>(),
                                           logits.dim(0), logits.dim(1), inv_temperature);
}

}  // namespace r1::ops
