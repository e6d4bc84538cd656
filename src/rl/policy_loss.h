// The policy-gradient loss over the tokens of a minibatch, and its gradient with respect to their
// log-probabilities.
//
//   ratio      w = logprob − old (token), or its mean over the sequence (GSPO);  ρ = exp(w)
//   clipped    ℓ = −min(min(ρ, delta)·A, clip(ρ, 1−ε, 1+ε_high)·A)      grpo, bnpo, dr_grpo, dapo
//   cispo      ℓ = −stop_gradient(min(ρ, ε_high))·A·logprob
//   KL         + β·k with d = ref − logprob:  k1 = −d,  k2 = d²/2,  k3 = exp(d) − d − 1; times ρ with the
//   bias
//              correction of TRL
//   reduction  grpo     mean over sequences of the mean over their tokens
//              bnpo     mean over the minibatch's tokens
//              dr_grpo  Σ / (sequences · max_completion_length)
//              dapo, cispo  Σ / (tokens of the whole rollout / minibatches)
// Ref: DeepSeekMath (GRPO), Dr. GRPO, DAPO, GSPO, CISPO (MiniMax-M1); the same loss and gradient as TRL's
// GRPOTrainer.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace r1 {

enum class LossType : uint8_t { grpo, bnpo, dr_grpo, dapo, cispo };
LossType parse_loss_type(const std::string& name);  // throws, naming the known ones
enum class KlEstimator : uint8_t { k1, k2, k3 };
KlEstimator parse_kl_estimator(const std::string& name);

struct PolicyLossOptions {
    LossType loss_type = LossType::grpo;
    bool sequence_level = false;  // importance_sampling_level = sequence
    float epsilon = 0.2f, epsilon_high = 0.2f;
    std::optional<float> delta;
    float beta = 0.0f;
    KlEstimator kl_estimator = KlEstimator::k3;
    bool use_bias_correction_kl = false;
    int max_completion_length = 512;
};

// What the reduction divides by; of the whole minibatch, however it is cut into micro-batches.
struct LossScale {
    int64_t sequences = 0;       // rows of the minibatch, empty and masked ones included
    int64_t tokens = 0;          // of its sequences that are not masked
    int64_t rollout_tokens = 0;  // the same over the whole rollout
    int minibatches = 1;         // of the rollout
};

// How many ratios there are, of which some are clipped: one a token, or one a sequence.
inline int64_t ratio_count(const PolicyLossOptions& options, const LossScale& scale) {
    return options.sequence_level ? scale.sequences : scale.tokens;
}

// The targets of some samples, those of one sample side by side and in order.
struct PolicyTokens {
    std::span<const float> logprobs, old_logprobs;  // [R]
    std::span<const float> ref_logprobs;            // [R], or empty if β is 0
    std::span<const float> entropy;                 // [R], or empty
    std::span<const int32_t> samples;               // [R] index into the next two
    std::span<const float> advantages;              // [S]
    std::span<const uint8_t> masked;                // [S] 1 = takes no part in the loss
};

struct PolicyStats {
    double loss = 0.0;
    double tokens = 0.0;                               // that took part
    double kl = 0.0, entropy = 0.0;                    // sums over them
    double clip_low = 0.0, clip_high = 0.0;            // ratios that were clipped: tokens' or sequences'
    double clip_low_min = -1.0, clip_high_max = -1.0;  // over sequences, of their share; −1 = none yet
    double ratio_max = 0.0, ratio_min = 0.0;
    double logp_difference_max = 0.0, logp_difference_sum = 0.0;  // |logprob − old|
    void add(const PolicyStats& other);
};

// Fills dlogprobs [R] and returns the sums. A value that is not finite gives a loss that is not finite.
PolicyStats policy_loss(const PolicyLossOptions& options, const LossScale& scale, const PolicyTokens& tokens,
                        std::span<float> dlogprobs);

}  // namespace r1
