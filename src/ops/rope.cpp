#include "ops/rope.h"

#include "ops/cpu/attention_args.h"
#include "ops/cuda/dispatch.h"
#include "ops/math.h"

namespace r1::ops {
namespace {

void check_table(ConstTensorView cos, ConstTensorView sin, int d) {
    check(d % 2 == 0 && cos.dim(1) == d / 2 && sin.shape == cos.shape, "rope: cos ", cos, " and sin ", sin,
          " do not fit head_dim ", d, ", which must be even");
}

void check_angles(const PackedBatch& batch, ConstTensorView cos, ConstTensorView sin, int d) {
    check_table(cos, sin, d);
    for (int32_t position : batch.positions) {
        check(position >= 0 && position < cos.dim(0), "rope: position ", position,
              " is outside the table of ", cos.dim(0), " positions");
    }
}

}  // namespace

void rope_table(TensorView cos, TensorView sin, std::span<const float> inv_freq) {
    const auto half = static_cast<int64_t>(inv_freq.size());
    check(cos.dim(1) == half && sin.shape == cos.shape, "rope_table: cos ", cos, " and sin ", sin,
          " do not fit ", half, " frequencies");
    for (int64_t t = 0; t < cos.dim(0); ++t) {
        for (int64_t i = 0; i < half; ++i) {
            const float angle = static_cast<float>(t) * inv_freq[static_cast<size_t>(i)];
            double s, c;
            exact_sincos(static_cast<double>(angle), s, c);
            cos.as<float>()[t * half + i] = static_cast<float>(c);
            sin.as<float>()[t * half + i] = static_cast<float>(s);
        }
    }
}

void rope_kv_forward(Stream& stream, TensorView qkv, KvPages kv, BatchView batch, ConstTensorView cos,
                     ConstTensorView sin) {
    if constexpr (kCuda) {
        if (stream.on_cuda()) {
            check_table(cos, sin, kv.d);
            return cuda::rope_kv_forward(cuda::stream_of(stream), cuda::half(qkv), cuda::pages_of(kv),
                                         cuda::batch_of(batch), cuda::single(cos), cuda::single(sin),
                                         static_cast<int>(qkv.dim(1)) - 2 * kv.hkv);
        }
    }
    const cpu::Attention at = cpu::attention_args(qkv, kv, *batch.host, 1.0f);
    check_angles(*batch.host, cos, sin, at.d);
    cpu::kernels(stream).rope_kv_forward(*stream.pool, qkv.as<float>(), at, cos.as<float>(), sin.as<float>());
}

void rope_kv_backward(Stream& stream, TensorView dqkv, KvPages dkv, BatchView batch, ConstTensorView cos,
                      ConstTensorView sin) {
    if constexpr (kCuda) {
        if (stream.on_cuda()) {
            check_table(cos, sin, dkv.d);
            return cuda::rope_kv_backward(cuda::stream_of(stream), cuda::half(dqkv), dkv.k, dkv.v,
                                          cuda::batch_of(batch), cuda::single(cos), cuda::single(sin),
                                          static_cast<int>(dqkv.dim(1)) - 2 * dkv.hkv, dkv.hkv, dkv.d);
        }
    }
    const cpu::Attention at = cpu::attention_args(dqkv, dkv, *batch.host, 1.0f);
    check_angles(*batch.host, cos, sin, at.d);
    cpu::kernels(stream).rope_kv_backward(*stream.pool, dqkv.as<float>(), dkv.k, dkv.v, at, cos.as<float>(),
                                          sin.as<float>());
}

}  // namespace r1::ops
