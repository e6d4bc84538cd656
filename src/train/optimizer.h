// AdamW over what a model trains: its fp32 masters, or its adapters where it has them.
// One step: n = ‖g‖₂ over all gradients;  g ← g · min(1, max_grad_norm / (n + 1e-6));  ops::adamw_step, with
// weight decay on matrices and embeddings alone (no norms, no biases);  model.pack(). Ref torch.optim.AdamW
// and torch.nn.utils.clip_grad_norm_ as transformers' Trainer calls them
#pragma once
#include <cstdint>
#include <vector>

#include "core/buffer.h"
#include "core/stream.h"
#include "model/model.h"

namespace r1 {

struct OptimizerOptions {
    float beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f, weight_decay = 0.0f;
    float max_grad_norm = 1.0f;  // 0 = no clipping
};

struct StepResult {
    double grad_norm = 0.0;  // before clipping
    bool clipped = false;
    bool skipped = false;  // the norm was not finite: weights, moments and step count are as before
};

class Optimizer {
  public:
    // For the model as it is: attach adapters before. Throws on an impossible option, naming it.
    Optimizer(const Model& model, OptimizerOptions options);

    const OptimizerOptions& options() const { return options_; }
    // [P] fp32, laid out like model.trainable_weights(), on the model's device. A backward adds to it.
    TensorView gradients() const { return gradients_.view(); }
    void zero_grad();

    // Updates the weights and packs them for training. The gradients stay as they are.
    StepResult step(Stream& stream, Model& model, float learning_rate);

    // What a checkpoint holds besides the weights.
    TensorView exp_avg() const { return m_.view(); }     // [P] m
    TensorView exp_avg_sq() const { return v_.view(); }  // [P] v
    int64_t steps() const { return steps_; }             // taken so far; skipped ones do not count
    void set_steps(int64_t steps);

  private:
    struct Range {  // of neighbours that share a weight decay
        int64_t begin, end;
        bool decay;
    };
    OptimizerOptions options_;
    Device device_;
    Buffer gradients_, m_, v_;
    std::vector<Range> ranges_;
    int64_t steps_ = 0;
    Arena workspace_;
};

}  // namespace r1
