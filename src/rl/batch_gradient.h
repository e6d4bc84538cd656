// Loss and gradient of a batch that was written down: the policy loss without a rollout, to compare with
// other programs.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "core/stream.h"
#include "rl/config.h"
#include "rl/policy_loss.h"

namespace r1 {

class Model;

// A sequence and what is known of its tokens; each list has one entry for each id.
struct LossRow {
    std::vector<int32_t> ids;
    std::vector<uint8_t> mask;  // 1 = takes part in the loss; others are context
    float advantage = 0.0f;
    std::vector<float> old_logprobs;  // empty: those of the model itself (ratio 1)
    std::vector<float> ref_logprobs;  // empty where there are none
};

// {"ids", "completion_mask", "advantages", "old_logprobs", "ref_logprobs"}. A list that is shorter than "ids"
// stands for the last ids, or has an entry for each token that takes part; without a mask all but the first
// id take part. "advantages" is a number, or a list whose entries for the tokens that take part are all
// equal. Throws, naming the field.
LossRow parse_loss_row(const nlohmann::json& row, int32_t vocab_size);

// Adds the gradient of the whole batch's loss to `grads` (flat, like trainable_weights) and returns its sums.
// The model is packed for training.
PolicyStats batch_gradient(Stream& stream, Model& model, TensorView grads, const std::vector<LossRow>& rows,
                           const RlConfig& config);

}  // namespace r1
