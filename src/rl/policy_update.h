// What a rollout teaches: its samples in minibatches, each an optimiser step, cut into micro-batches.
#pragma once
#include "rl/policy_loss.h"
#include "rl/rollout.h"
#include "train/optimizer.h"
#include "train/schedule.h"

namespace r1 {

struct UpdateResult {
    PolicyStats stats;           // sums over all minibatches and iterations
    PolicyStats first;           // of the first minibatch, where the policy still is the one that rolled out
    int64_t ratios = 0;          // of all of them, of which stats.clip_low and clip_high are clipped
    double loss = 0.0;           // mean over the optimiser steps
    double grad_norm = 0.0;      // mean over the optimiser steps
    int steps = 0, skipped = 0;  // of the optimiser; skipped ones had a gradient that is not finite
    int64_t tokens = 0;          // that went through the forward and backward
    double learning_rate = 0.0;  // of the last step
};

PolicyLossOptions policy_loss_options(const RlConfig& config);

// Groups without signal are left out of the computation (their gradient is 0) unless β asks for their KL
// term; they count in the reductions all the same. `updates` counts optimiser steps over the run and is
// advanced.
UpdateResult update_policy(Stream& stream, Model& model, Model* reference, Optimizer& optimizer,
                           const Schedule& schedule, const RlConfig& config, const Rollout& rollout,
                           int64_t step, int64_t& updates, Arena& arena);

}  // namespace r1
