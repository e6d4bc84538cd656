// Learning-rate schedules under transformers' names. s = 0, 1, 2, … counts optimiser steps, W = warmup_steps,
// S = total_steps, p = (s − W) / max(1, S − W) the progress after the warm-up, at most 1:
//   warm-up (s < W)        lr · (s + 1) / (W + 1)
//   constant               lr
//   constant_with_warmup   lr
//   linear                 lr · (1 − p)
//   cosine                 lr · ½ (1 + cos πp)
//   cosine_with_min_lr     min_lr + (lr − min_lr) · ½ (1 + cos πp)
// From step W on these are transformers' values. Its warm-up is lr · s / W: the first step has rate 0, which
// in reinforcement learning would throw away a whole rollout. Ref     transformers.optimization.get_scheduler
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace r1 {

// The names that lr_scheduler_type can have.
const std::vector<std::string>& lr_scheduler_types();

struct Schedule {
    std::string lr_scheduler_type = "constant_with_warmup";
    float learning_rate = 1e-6f;  // at its peak
    float min_lr = 0.0f;          // of cosine_with_min_lr
    int64_t warmup_steps = 0;
    int64_t total_steps = 1;

    // Throws on an unknown name or a value that makes no sense, naming the setting.
    void validate() const;
    // The rate of step s. The same bits on every machine.
    float rate(int64_t s) const;
};

}  // namespace r1
