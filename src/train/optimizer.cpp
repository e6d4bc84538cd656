#include "train/optimizer.h"

#include <cmath>

#include "ops/adamw.h"

namespace r1 {

Optimizer::Optimizer(const Model& model, OptimizerOptions options)
    : options_(options), device_(model.device()), workspace_(model.device()) {
    const auto valid = [](float value, const char* name, float below) {
        check(value >= 0.0f && value < below, name, " ", value, " is not in [0, ", below, ")");
    };
    valid(options_.beta1, "adam_beta1", 1.0f);
    valid(options_.beta2, "adam_beta2", 1.0f);
    valid(options_.eps, "adam_epsilon", 1.0f);
    check(options_.eps > 0.0f, "adam_epsilon must be above 0, or a gradient of 0 would make a weight NaN");
    valid(options_.weight_decay, "weight_decay", INFINITY);
    valid(options_.max_grad_norm, "max_grad_norm", INFINITY);
    const Shape shape = model.trainable_weights().shape;
    gradients_ = Buffer(DType::f32, shape, device_);
    m_ = Buffer(DType::f32, shape, device_);
    v_ = Buffer(DType::f32, shape, device_);
    for (const auto& parameter : model.trainable_parameters()) {
        const auto kind = parameter.spec.kind;
        const bool decay = options_.weight_decay > 0.0f &&
                           (kind == ParameterKind::matrix || kind == ParameterKind::embedding);
        const int64_t end = parameter.offset + parameter.spec.shape.numel();
        if (!ranges_.empty() && ranges_.back().decay == decay) {
            ranges_.back().end = end;
        } else {
            ranges_.push_back({parameter.offset, end, decay});
        }
    }
}

void Optimizer::zero_grad() {
    zero_bytes(device_, gradients_.view().data, gradients_.view().bytes());
}

void Optimizer::set_steps(int64_t steps) {
    check(steps >= 0, "an optimizer cannot have taken ", steps, " steps");
    steps_ = steps;
}

StepResult Optimizer::step(Stream& stream, Model& model, float learning_rate) {
    const TensorView weights = model.trainable_weights();
    check(weights.numel() == gradients_.view().numel(), "the optimizer was made for ",
          gradients_.view().numel(), " parameters, and the model now trains ", weights.numel(),
          "; make the optimizer after the adapters are attached");
    check(std::isfinite(learning_rate) && learning_rate >= 0.0f, "learning_rate ", learning_rate,
          " is not a number of at least 0");
    StepResult result;
    result.grad_norm = std::sqrt(ops::sum_of_squares(stream, gradients_.view(), workspace_));
    result.skipped = !std::isfinite(result.grad_norm);
    if (result.skipped) return result;

    ops::AdamW adamw{.learning_rate = learning_rate,
                     .beta1 = options_.beta1,
                     .beta2 = options_.beta2,
                     .eps = options_.eps,
                     .step = ++steps_};
    const double limit = static_cast<double>(options_.max_grad_norm) / (result.grad_norm + 1e-6);
    result.clipped = options_.max_grad_norm > 0.0f && limit < 1.0;
    if (result.clipped) adamw.grad_scale = static_cast<float>(limit);
    const TensorView rounded = model.rounded_weights();
    for (const auto& range : ranges_) {
        const auto part = [&](TensorView flat) {
            return view(flat.as<float>() + range.begin, {range.end - range.begin});
        };
        adamw.weight_decay = range.decay ? options_.weight_decay : 0.0f;
        ops::adamw_step(
            stream, part(weights), part(m_.view()), part(v_.view()), part(gradients_.view()), adamw,
            rounded ? TensorView(rounded.as<uint16_t>() + range.begin, DType::bf16, {range.end - range.begin})
                    : TensorView{});
    }
    if (!rounded) model.pack(stream, true);
    return result;
}

}  // namespace r1
