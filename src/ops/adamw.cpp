#include "ops/adamw.h"

#include <cmath>

#include "ops/cpu/kernels.h"
#include "ops/cuda/dispatch.h"

namespace r1::ops {

void adamw_step(Stream& stream, TensorView w, TensorView m, TensorView v, ConstTensorView grad,
                const AdamW& o, TensorView rounded) {
    check(m.numel() == w.numel() && v.numel() == w.numel() && grad.numel() == w.numel(), "adamw: m ", m,
          ", v ", v, " or grad ", grad, " does not fit w ", w);
    check(o.step >= 1, "adamw: steps count from 1, not ", o.step);
    double power1 = 1.0, power2 = 1.0;  // by multiplication: the same on every machine
    for (int64_t i = 0; i < o.step && (power1 > 1e-18 || power2 > 1e-18); ++i) {
        power1 *= static_cast<double>(o.beta1);
        power2 *= static_cast<double>(o.beta2);
    }
    const auto step_size = static_cast<float>(static_cast<double>(o.learning_rate) / (1.0 - power1));
    const auto root_correction = static_cast<float>(std::sqrt(1.0 - power2));
    const float decay = 1.0f - o.learning_rate * o.weight_decay;
    if constexpr (kCuda) {
        if (stream.on_cuda()) {
            float* scale = static_cast<float*>(stream.cuda->scratch(sizeof(float)));
            stream.cuda->upload(scale, &o.grad_scale, sizeof(float));
            return cuda::adamw(cuda::stream_of(stream), w.as<float>(), cuda::half(rounded), m.as<float>(),
                               v.as<float>(), grad.as<float>(), w.numel(), decay, o.beta1, o.beta2, step_size,
                               root_correction, o.eps, scale);
        }
    }
    cpu::kernels(stream).adamw(*stream.pool, w.as<float>(), m.as<float>(), v.as<float>(), grad.as<float>(),
                               w.numel(), decay, o.beta1, o.beta2, step_size, root_correction, o.eps,
                               o.grad_scale);
}

double sum_of_squares(Stream& stream, ConstTensorView x, Arena& workspace) {
    if constexpr (kCuda) {
        if (stream.on_cuda()) {
            auto* sum =
                static_cast<double*>(stream.cuda->scratch(256 + cuda::sum_of_squares_workspace(x.numel())));
            cuda::sum_of_squares(cuda::stream_of(stream), sum, x.as<float>(), x.numel(),
                                 reinterpret_cast<char*>(sum) + 256);
            double total = 0.0;
            stream.cuda->download(&total, sum, sizeof total);
            return total;
        }
    }
    constexpr int64_t kBlock = 4096;
    ArenaScope scope(workspace);
    const int64_t blocks = (x.numel() + kBlock - 1) / kBlock;
    float* sums = workspace.floats(blocks);
    cpu::kernels(stream).block_squares(*stream.pool, sums, x.as<float>(), x.numel(), kBlock);
    double total = 0.0;
    for (int64_t b = 0; b < blocks; ++b) total += static_cast<double>(sums[b]);
    return total;
}

}  // namespace r1::ops
