#include "rl/policy_update.h"

#include <algorithm>

#include "core/rng.h"
#include "train/backprop.h"

namespace r1 {
namespace {

struct Member {
    int32_t group, sample;
};

// The samples of one micro-batch, those of a group side by side so that they share its prompt.
struct MicroBatch {
    PackedSamples packed;
    std::vector<float> old_logprobs, advantages;
    std::vector<uint8_t> masked;
};

bool is_masked(const RlConfig& config, const RolloutSample& sample) {
    return config.mask_truncated_completions && sample.truncated;
}

MicroBatch pack(const RlConfig& config, const Rollout& rollout, std::span<const Member> members) {
    MicroBatch batch;
    for (size_t begin = 0, end = 0; begin < members.size(); begin = end) {
        const RolloutGroup& group = rollout.groups[static_cast<size_t>(members[begin].group)];
        std::vector<std::span<const int32_t>> completions;
        for (; end < members.size() && members[end].group == members[begin].group; ++end) {
            const RolloutSample& sample = group.samples[static_cast<size_t>(members[end].sample)];
            completions.push_back(sample.completion.ids);
            const auto& logprobs = sample.completion.logprobs;
            batch.old_logprobs.insert(batch.old_logprobs.end(), logprobs.begin(), logprobs.end());
            batch.advantages.push_back(sample.advantage);
            batch.masked.push_back(is_masked(config, sample));
        }
        batch.packed.add_group(group.problem.ids, completions);
    }
    return batch;
}

// Pieces of about micro_batch_tokens, a prompt counted once for the members of its group that are side by
// side.
std::vector<std::span<const Member>> cut(const RlConfig& config, const Rollout& rollout,
                                         std::span<const Member> members) {
    std::vector<std::span<const Member>> pieces;
    size_t begin = 0;
    int64_t tokens = 0;
    for (size_t i = 0; i < members.size(); ++i) {
        const RolloutGroup& group = rollout.groups[static_cast<size_t>(members[i].group)];
        const bool same = i > begin && members[i - 1].group == members[i].group;
        const auto prompt = static_cast<int64_t>(group.problem.ids.size());
        const auto own =
            static_cast<int64_t>(group.samples[static_cast<size_t>(members[i].sample)].completion.ids.size());
        if (i > begin && tokens + own + (same ? 0 : prompt) > config.micro_batch_tokens) {
            pieces.push_back(members.subspan(begin, i - begin));
            begin = i;
            tokens = prompt;
        } else if (!same) {
            tokens += prompt;
        }
        tokens += own;
    }
    if (begin < members.size()) pieces.push_back(members.subspan(begin));
    return pieces;
}

int64_t loss_tokens(const RlConfig& config, const Rollout& rollout, std::span<const Member> members) {
    int64_t tokens = 0;
    for (const Member& m : members) {
        const auto& sample =
            rollout.groups[static_cast<size_t>(m.group)].samples[static_cast<size_t>(m.sample)];
        if (!is_masked(config, sample)) tokens += static_cast<int64_t>(sample.completion.ids.size());
    }
    return tokens;
}

}  // namespace

PolicyLossOptions policy_loss_options(const RlConfig& config) {
    PolicyLossOptions options;
    options.loss_type = parse_loss_type(config.loss_type);
    options.sequence_level = config.importance_sampling_level == "sequence" || config.loss_type == "gspo";
    options.epsilon = config.epsilon;
    options.epsilon_high = config.epsilon_high.value_or(config.epsilon);
    options.delta = config.delta;
    options.beta = config.beta;
    options.kl_estimator = parse_kl_estimator(config.kl_estimator);
    options.use_bias_correction_kl = config.use_bias_correction_kl;
    options.max_completion_length = config.max_completion_length;
    return options;
}

UpdateResult update_policy(Stream& stream, Model& model, Model* reference, Optimizer& optimizer,
                           const Schedule& schedule, const RlConfig& config, const Rollout& rollout,
                           int64_t step, int64_t& updates, Arena& arena) {
    const PolicyLossOptions options = policy_loss_options(config);
    const BackpropOptions backprop_options{
        config.temperature, {config.top_k, config.top_p, config.min_p}, config.gradient_checkpointing};
    std::vector<Member> members;
    for (size_t g = 0; g < rollout.groups.size(); ++g) {
        for (size_t s = 0; s < rollout.groups[g].samples.size(); ++s) {
            members.push_back({static_cast<int32_t>(g), static_cast<int32_t>(s)});
        }
    }
    Rng rng(config.seed, 0x6d696e69 + (static_cast<uint64_t>(step) << 32));
    if (config.num_minibatches > 1) rng.shuffle(members);  // as in the paper: split at random
    const auto count =
        std::max<size_t>(1, std::min<size_t>(static_cast<size_t>(config.num_minibatches), members.size()));
    LossScale scale{0, 0, loss_tokens(config, rollout, members), static_cast<int>(count)};

    UpdateResult result;
    for (int iteration = 0; iteration < config.num_iterations; ++iteration) {
        for (size_t b = 0; b < count; ++b) {
            const size_t begin = members.size() * b / count, end = members.size() * (b + 1) / count;
            std::vector<Member> minibatch(members.begin() + static_cast<int64_t>(begin),
                                          members.begin() + static_cast<int64_t>(end));
            scale.sequences = static_cast<int64_t>(minibatch.size());
            scale.tokens = loss_tokens(config, rollout, minibatch);
            std::sort(minibatch.begin(), minibatch.end(), [](const Member& x, const Member& y) {
                return x.group != y.group ? x.group < y.group : x.sample < y.sample;
            });
            std::erase_if(minibatch, [&](const Member& m) {
                const RolloutGroup& group = rollout.groups[static_cast<size_t>(m.group)];
                const RolloutSample& sample = group.samples[static_cast<size_t>(m.sample)];
                return is_masked(config, sample) || sample.completion.ids.empty() ||
                       (!group.has_signal && options.beta == 0.0f);
            });
            result.ratios += ratio_count(options, scale);
            if (minibatch.empty()) continue;

            optimizer.zero_grad();
            PolicyStats stats;
            for (const auto piece : cut(config, rollout, minibatch)) {
                const MicroBatch batch = pack(config, rollout, piece);
                std::vector<float> ref_logprobs;
                if (reference)
                    ref_logprobs = score(stream, *reference, batch.packed, config.temperature,
                                         backprop_options.filter, arena)
                                       .logprobs;
                backprop(
                    stream, model, optimizer.gradients(), batch.packed, backprop_options,
                    [&](const Scores& scores, std::span<float> dlogprobs) {
                        stats.add(
                            policy_loss(options, scale,
                                        {scores.logprobs, batch.old_logprobs, ref_logprobs, scores.entropy,
                                         batch.packed.samples, batch.advantages, batch.masked},
                                        dlogprobs));
                    },
                    arena);
                result.tokens += batch.packed.tokens();
            }
            const float rate = schedule.rate(updates++);
            const StepResult taken = optimizer.step(stream, model, rate);
            ++result.steps;
            result.skipped += taken.skipped;
            result.grad_norm += taken.grad_norm;
            result.loss += stats.loss;
            result.learning_rate = static_cast<double>(rate);
            if (result.steps == 1) result.first = stats;
            if (stats.tokens < static_cast<double>(scale.tokens))
                stats.clip_low_min = 0.0;  // of those left out
            result.stats.add(stats);
        }
    }
    if (result.steps > 0) result.grad_norm /= result.steps, result.loss /= result.steps;
    return result;
}

}  // namespace r1
