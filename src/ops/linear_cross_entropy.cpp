#include "ops/linear_cross_entropy.h"

#include <algorithm>

namespace r1::ops {
namespace {

constexpr int64_t kChunkFloats = int64_t{8} << 20;  // logits held at a time: 32 MiB

int64_t chunk_rows(int64_t rows, int64_t v) {
    return std::clamp<int64_t>(kChunkFloats / v, 16, std::max<int64_t>(rows, 16));
}

ConstTensorView rows_of(ConstTensorView x, int64_t begin, int64_t count) {
    const int64_t c = x.shape.ndim == 2 ? x.dim(1) : 1;
    return {x.as<float>() + begin * c, DType::f32, x.shape.ndim == 2 ? Shape{count, c} : Shape{count}};
}
TensorView rows_of(TensorView x, int64_t begin, int64_t count) {
    const int64_t c = x.shape.ndim == 2 ? x.dim(1) : 1;
    return {x.as<float>() + begin * c, DType::f32, x.shape.ndim == 2 ? Shape{count, c} : Shape{count}};
}

// The logits of rows [begin, begin + count), filtered as the sampler's were.
void chunk_logits(Stream& stream, TensorView logits, ConstTensorView hidden, const LinearCrossEntropy& op) {
    linear_forward(stream, logits, hidden, op.head, {}, {});
    if (op.filter.active()) filter_logits(stream, logits, op.filter, op.inv_temperature);
}

}  // namespace

void linear_cross_entropy_forward(Stream& stream, TensorView logprobs, TensorView lse, TensorView entropy,
                                  ConstTensorView hidden, std::span<const int32_t> targets,
                                  const LinearCrossEntropy& op, Arena& workspace) {
    const int64_t rows = hidden.dim(0), chunk = chunk_rows(rows, op.head.n);
    check(static_cast<int64_t>(targets.size()) == rows && logprobs.numel() == rows && lse.numel() == rows,
          "linear_cross_entropy: ", targets.size(), " targets, logprobs ", logprobs, " or lse ", lse,
          " does not fit hidden ", hidden);
    for (int64_t begin = 0; begin < rows; begin += chunk) {
        const int64_t count = std::min(chunk, rows - begin);
        ArenaScope scope(workspace);
        const TensorView logits = workspace.take(DType::f32, {count, op.head.n});
        chunk_logits(stream, logits, rows_of(hidden, begin, count), op);
        logprobs_forward(stream, rows_of(logprobs, begin, count), rows_of(lse, begin, count),
                         entropy ? rows_of(entropy, begin, count) : TensorView{}, logits,
                         targets.subspan(static_cast<size_t>(begin), static_cast<size_t>(count)),
                         op.inv_temperature);
    }
}

void linear_cross_entropy_backward(Stream& stream, TensorView dhidden, TensorView dhead,
                                   ConstTensorView hidden, std::span<const int32_t> targets,
                                   ConstTensorView lse, ConstTensorView dlogprobs,
                                   const LinearCrossEntropy& op, Arena& workspace) {
    const int64_t rows = hidden.dim(0), chunk = chunk_rows(rows, op.head.n);
    check(static_cast<int64_t>(targets.size()) == rows && dhidden.shape == hidden.shape &&
              lse.numel() == rows && dlogprobs.numel() == rows,
          "linear_cross_entropy backward: ", targets.size(), " targets, dhidden ", dhidden, ", lse ", lse,
          " or dlogprobs ", dlogprobs, " does not fit hidden ", hidden);
    for (int64_t begin = 0; begin < rows; begin += chunk) {
        const int64_t count = std::min(chunk, rows - begin);
        ArenaScope scope(workspace);
        const TensorView logits = workspace.take(DType::f32, {count, op.head.n});
        const ConstTensorView h = rows_of(hidden, begin, count);
        chunk_logits(stream, logits, h, op);
        logprobs_backward(stream, logits, logits,
                          targets.subspan(static_cast<size_t>(begin), static_cast<size_t>(count)),
                          rows_of(lse, begin, count), rows_of(dlogprobs, begin, count), op.inv_temperature);
        linear_forward(stream, rows_of(dhidden, begin, count), logits, op.head_transposed, {}, {});
        if (dhead) linear_backward_weight(stream, dhead, {}, logits, h, workspace);
    }
}

}  // namespace r1::ops
