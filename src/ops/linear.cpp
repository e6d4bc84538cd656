#include "ops/linear.h"

#include <algorithm>
#include <vector>

#include "core/device.h"
#include "core/rng.h"
#include "ops/cpu/kernels.h"
#include "ops/cuda/dispatch.h"
#include "ops/logprobs.h"

namespace r1::ops {
namespace {

constexpr int64_t kWeightBlock = 512;  // tokens a pass of the weight gradient

ConstTensorView bf16_rows(const Buffer& buffer, int64_t rows) {
    return TensorView{buffer.view().data, DType::bf16, {rows, buffer.view().dim(1)}};
}

}  // namespace

size_t packed_bytes(DType dtype, int64_t n, int64_t k) {
    return static_cast<size_t>((n + 15) / 16 * 16 * k) * size_of(dtype);
}

PackedWeight pack_weight(Stream& stream, void* out, DType dtype, ConstTensorView w, bool transposed) {
    check(dtype == DType::f32 || dtype == DType::bf16, "pack_weight: weights are packed as f32 or bf16, not ",
          name_of(dtype));
    const int64_t n = w.dim(transposed ? 1 : 0), k = w.dim(transposed ? 0 : 1);
    if constexpr (kCuda) {
        if (stream.on_cuda()) {
            check(dtype == DType::bf16, "pack_weight: on CUDA weights are bf16, not ", name_of(dtype));
            cuda::to_bf16(cuda::stream_of(stream), static_cast<uint16_t*>(out), w.as<float>(), w.numel());
            return {out, dtype, n, k, transposed};
        }
    }
    cpu::kernels(stream).pack(*stream.pool, out, dtype == DType::bf16, w.as<float>(), n, k,
                              transposed ? 1 : k, transposed ? n : 1);
    return {out, dtype, n, k};
}

void linear_forward(Stream& stream, TensorView y, ConstTensorView x, const PackedWeight& w,
                    ConstTensorView bias, ConstTensorView residual) {
    const int64_t m = x.dim(0), k = x.dim(1), n = y.dim(1);
    check(y.dim(0) == m && w.n == n && w.k == k, "linear: y ", y, " and x ", x, " do not fit a weight of ",
          w.n, " × ", w.k);
    check(!bias || bias.numel() == n, "linear: bias ", bias, " does not fit y ", y);
    check(!residual || (residual.shape == y.shape && residual.data != y.data), "linear: residual ", residual,
          " must have y's shape ", y, " and other memory");
    if (m == 0) return;  // a step that computes nothing but the beginning of a prompt
    if constexpr (kCuda) {
        if (stream.on_cuda()) {
            cuda::Gemm gemm = cuda::product(x, w, bias);
            gemm.d = y.data;
            gemm.d_f32 = y.dtype == DType::f32;
            gemm.ldd = gemm.d_f32 ? logits_stride(stream, n) : n;
            gemm.residual = cuda::half(residual);
            return cuda::gemm(cuda::stream_of(stream), gemm);
        }
    }
    const auto& kernels = cpu::kernels(stream);
    kernels.gemm(
        *stream.pool,
        {m, n, k, x.as<float>(), kernels.gemm_rows * k, k, 1, w.data, w.dtype == DType::bf16, y.as<float>(),
         n, false, bias ? bias.as<float>() : nullptr, residual ? residual.as<float>() : nullptr});
}

bool confirm_rows(Stream& stream, const PackedWeight& w, ConstTensorView bias, bool residual, bool logits) {
    if constexpr (kCuda) {
        if (!stream.on_cuda()) return true;
        const int64_t many = logits ? 300 : 1024;  // more than any kernel for few rows takes
        Rng rng(1);
        const auto random = [&](int64_t columns) {
            Buffer rows(DType::bf16, {many, columns}, stream.device);
            const HostTensor values(rows.view(), stream.device);
            for (int64_t i = 0; i < many * columns; ++i)
                values.as<uint16_t>()[i] = f32_to_bf16(2.0f * rng.uniform() - 1.0f);
            values.store();
            return rows;
        };
        const Buffer x = random(w.k), added = residual ? random(w.n) : Buffer();
        const DType dtype = logits ? DType::f32 : DType::bf16;
        const int64_t stride = logits ? logits_stride(stream, w.n) : w.n;
        const Buffer y(dtype, {many, stride}, stream.device);
        const auto multiply = [&](int64_t rows) {
            linear_forward(stream, {y.view().data, dtype, {rows, w.n}}, bf16_rows(x, rows), w, bias,
                           residual ? bf16_rows(added, rows) : ConstTensorView{});
            std::vector<std::byte> bytes(static_cast<size_t>(rows * stride) * size_of(dtype));
            copy_bytes(stream.device, bytes.data(), y.view().data, bytes.size());
            return bytes;
        };
        const std::vector<std::byte> all = multiply(many);
        for (const int64_t rows : {1, 8, 40, 200, 300}) {
            const std::vector<std::byte> few = multiply(rows);
            if (std::equal(few.begin(), few.end(), all.begin())) continue;
            cuda::distrust(w.n, w.k);
            return false;
        }
    }
    return true;
}

void linear_backward_weight(Stream& stream, TensorView dw, TensorView dbias, ConstTensorView dy,
                            ConstTensorView x, Arena& workspace) {
    const int64_t m = dy.dim(0), n = dy.dim(1), k = x.dim(1);
    check(x.dim(0) == m && dw.dim(0) == n && dw.dim(1) == k, "linear backward: dw ", dw, " does not fit dy ",
          dy, " and x ", x);
    check(!dbias || dbias.numel() == n, "linear backward: dbias ", dbias, " does not fit dy ", dy);
    if constexpr (kCuda) {
        if (stream.on_cuda()) {
            cuda::weight_gradient(stream, dw.as<float>(), cuda::half(dy), n, cuda::half(x), m, n, k);
            if (dbias)
                cuda::column_sums(cuda::stream_of(stream), dbias.as<float>(), cuda::half(dy), m, n,
                                  stream.cuda->scratch(cuda::column_sums_workspace(m, n)));
            return;
        }
    }
    const auto& kernels = cpu::kernels(stream);
    const float* dy_data = dy.as<float>();
    const float* x_data = x.as<float>();
    const int tile = kernels.gemm_rows;
    const int64_t block = std::min(m, kWeightBlock);
    ArenaScope scope(workspace);
    float* a = workspace.floats((n + tile - 1) / tile * tile * block);
    float* b = workspace.floats((k + 15) / 16 * 16 * block);
    for (int64_t m0 = 0; m0 < m; m0 += block) {
        const int64_t count = std::min(block, m - m0);
        kernels.pack_rows(*stream.pool, a, dy_data + m0 * n, count, n, n, tile);
        kernels.pack_rows(*stream.pool, b, x_data + m0 * k, count, k, k, 16);
        kernels.gemm(*stream.pool, {n, k, count, a, tile * count, 1, tile, b, false, dw.as<float>(), k, true,
                                    nullptr, nullptr});
    }
    if (dbias) kernels.column_sums(*stream.pool, dbias.as<float>(), dy_data, m, n);
}

}  // namespace r1::ops
