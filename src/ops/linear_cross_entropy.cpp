#include "ops/linear_cross_entropy.h"

#include <algorithm>

#include "ops/cuda/dispatch.h"

namespace r1::ops {
namespace {

// Logits held at a time: 32 MiB, on CUDA 1 GiB, as the matrix products are the faster the more rows they
// have.
int64_t chunk_rows(const Stream& stream, int64_t rows, int64_t v) {
    const int64_t floats = stream.on_cuda() ? int64_t{256} << 20 : int64_t{8} << 20;
    const int64_t count = std::clamp<int64_t>(floats / v, 16, std::max<int64_t>(rows, 16));
    return stream.on_cuda() && count > 128 ? count / 128 * 128 : count;
}

template <class Void>
BasicTensorView<Void> rows_of(BasicTensorView<Void> x, int64_t begin, int64_t count) {
    using Byte = std::conditional_t<std::is_const_v<Void>, const char, char>;
    const int64_t c = x.shape.ndim == 2 ? x.dim(1) : 1;
    return {static_cast<Byte*>(x.data) + begin * c * static_cast<int64_t>(size_of(x.dtype)), x.dtype,
            x.shape.ndim == 2 ? Shape{count, c} : Shape{count}};
}

// The logits of rows [begin, begin + count), filtered as the sampler's were.
void chunk_logits(Stream& stream, TensorView logits, ConstTensorView hidden, const LinearCrossEntropy& op) {
    linear_forward(stream, logits, hidden, op.head, {}, {});
    if (op.filter.active()) filter_logits(stream, logits, op.filter, op.inv_temperature);
}

// From the logits of some rows to their part of both gradients: dlogits in bf16, whose rows are as far apart
// as the logits', then the two products.
void chunk_backward(Stream& stream, TensorView dhidden, TensorView dhead, ConstTensorView hidden,
                    ConstTensorView logits, const Indices& targets, ConstTensorView lse,
                    ConstTensorView dlogprobs, const LinearCrossEntropy& op, Arena& workspace) {
    if constexpr (kCuda) {
        const int64_t rows = logits.dim(0), v = logits.dim(1), c = hidden.dim(1);
        const int64_t stride = logits_stride(stream, v);
        const cudaStream_t queue = cuda::stream_of(stream);
        auto* dlogits = workspace.take(DType::bf16, {rows, stride}).as<uint16_t>();
        cuda::logprobs_backward(queue, dlogits, logits.as<float>(), cuda::device_of(targets), lse.as<float>(),
                                dlogprobs.as<float>(), rows, v, stride, op.inv_temperature);
        cuda::Gemm product{.m = rows, .n = c, .k = v, .a = dlogits, .lda = stride};
        product.b = static_cast<const uint16_t*>(op.head.data);
        product.ldb = c;
        product.b_transposed = true;
        product.d = dhidden.as<uint16_t>();
        product.ldd = c;
        cuda::gemm(queue, product);
        if (dhead)
            cuda::weight_gradient(stream, dhead.as<float>(), dlogits, stride, cuda::half(hidden), rows, v, c);
    }
}

}  // namespace

void linear_cross_entropy_forward(Stream& stream, TensorView logprobs, TensorView lse, TensorView entropy,
                                  ConstTensorView hidden, Indices targets, const LinearCrossEntropy& op,
                                  Arena& workspace) {
    const int64_t rows = hidden.dim(0), chunk = chunk_rows(stream, rows, op.head.n);
    check(targets.size() == rows && logprobs.numel() == rows && lse.numel() == rows,
          "linear_cross_entropy: ", targets.size(), " targets, logprobs ", logprobs, " or lse ", lse,
          " does not fit hidden ", hidden);
    for (int64_t begin = 0; begin < rows; begin += chunk) {
        const int64_t count = std::min(chunk, rows - begin);
        ArenaScope scope(workspace);
        const TensorView logits = take_logits(stream, count, op.head.n, workspace);
        chunk_logits(stream, logits, rows_of(hidden, begin, count), op);
        logprobs_forward(stream, rows_of(logprobs, begin, count), rows_of(lse, begin, count),
                         entropy ? rows_of(entropy, begin, count) : TensorView{}, logits,
                         targets.part(begin, count), op.inv_temperature);
    }
}

void linear_cross_entropy_backward(Stream& stream, TensorView dhidden, TensorView dhead,
                                   ConstTensorView hidden, Indices targets, ConstTensorView lse,
                                   ConstTensorView dlogprobs, const LinearCrossEntropy& op,
                                   Arena& workspace) {
    const int64_t rows = hidden.dim(0), chunk = chunk_rows(stream, rows, op.head.n);
    check(targets.size() == rows && dhidden.shape == hidden.shape && lse.numel() == rows &&
              dlogprobs.numel() == rows,
          "linear_cross_entropy backward: ", targets.size(), " targets, dhidden ", dhidden, ", lse ", lse,
          " or dlogprobs ", dlogprobs, " does not fit hidden ", hidden);
    for (int64_t begin = 0; begin < rows; begin += chunk) {
        const int64_t count = std::min(chunk, rows - begin);
        ArenaScope scope(workspace);
        const TensorView logits = take_logits(stream, count, op.head.n, workspace);
        const ConstTensorView h = rows_of(hidden, begin, count);
        chunk_logits(stream, logits, h, op);
        if constexpr (kCuda) {
            if (stream.on_cuda()) {
                chunk_backward(stream, rows_of(dhidden, begin, count), dhead, h, logits,
                               targets.part(begin, count), rows_of(lse, begin, count),
                               rows_of(dlogprobs, begin, count), op, workspace);
                continue;
            }
        }
        logprobs_backward(stream, logits, logits, targets.part(begin, count), rows_of(lse, begin, count),
                          rows_of(dlogprobs, begin, count), op.inv_temperature);
        linear_forward(stream, rows_of(dhidden, begin, count), logits, op.head_transposed, {}, {});
        if (dhead) linear_backward_weight(stream, dhead, {}, logits, h, workspace);
    }
}

}  // namespace r1::ops
