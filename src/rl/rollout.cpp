#include "rl/rollout.h"

#include <algorithm>
#include <cmath>

#include "core/clock.h"
#include "reward/format.h"
#include "reward/length.h"
#include "rl/advantages.h"
#include "rl/evaluate.h"

namespace r1 {
namespace {

void set_score(const RlConfig& config, ScoredCompletion scored, RolloutSample& sample) {
    sample.verdict = std::move(scored.verdict);
    sample.reasoning = scored.reasoning;
    sample.rewards = std::move(scored.rewards);
    sample.reward = scored.reward;
    sample.formatted = verify_format(config.format_scheme, sample.text).score >= 1.0;
    if (config.soft_overlong_cache > 0) {
        const double penalty =
            soft_overlong_penalty(static_cast<int64_t>(sample.completion.ids.size()),
                                  config.max_completion_length, config.soft_overlong_cache);
        sample.rewards.emplace_back("soft_overlong", penalty);
        sample.reward += penalty;
    }
}

void set_advantages(const RlConfig& config, Rollout& rollout) {
    std::vector<double> rewards;
    for (const auto& group : rollout.groups) {
        for (const auto& sample : group.samples) rewards.push_back(sample.reward);
    }
    const Advantages advantages =
        compute_advantages(rewards, config.num_generations, parse_scale_rewards(config.scale_rewards));
    rollout.reward_std = advantages.reward_std;
    size_t next = 0;
    for (size_t g = 0; g < rollout.groups.size(); ++g) {
        rollout.groups[g].has_signal = advantages.group_has_signal[g] != 0;
        for (auto& sample : rollout.groups[g].samples) sample.advantage = advantages.values[next++];
    }
}

}  // namespace

SamplingParams rollout_params(const RlConfig& config, const LanguageModel& language_model) {
    SamplingParams params;
    params.temperature = config.temperature;
    params.filter = {config.top_k, config.top_p, config.min_p};
    params.max_tokens = config.max_completion_length;
    params.stop_ids = language_model.tokenizer.stop_ids();
    return params;
}

Rollout make_rollout(Stream& stream, Engine& engine, Scorer& scorer, const RlConfig& config,
                     const LanguageModel& language_model, ProblemSource& source, int64_t step,
                     const std::function<void(size_t)>& completed) {
    const SamplingParams params = rollout_params(config, language_model);
    Rollout rollout;
    const auto wanted = static_cast<size_t>(config.prompts_per_step);
    for (int round = 0; round <= config.dynamic_sampling_rounds; ++round) {
        std::vector<RlProblem> problems = source.training(step, round, config.prompts_per_step);
        std::vector<Request> requests;
        for (const auto& problem : problems) {
            const auto index = static_cast<uint32_t>(static_cast<size_t>(round) * wanted + requests.size());
            requests.push_back({problem.ids, config.num_generations, params, config.seed,
                                static_cast<uint32_t>(step), index});
        }
        const auto group_size = static_cast<size_t>(config.num_generations);
        std::vector<std::string> texts(problems.size() * group_size);
        size_t complete = 0;
        Engine::Callbacks callbacks;
        callbacks.complete = [&](size_t request, int sample, const Completion& completion) {
            const size_t index = request * group_size + static_cast<size_t>(sample);
            texts[index] = completion_text(language_model.tokenizer, params, completion);
            scorer.submit(index, scoring_request(problems[request], texts[index], completion, params));
            if (completed) completed(++complete);
        };
        const double start = seconds_now();
        auto results = engine.generate(stream, requests, callbacks);
        rollout.generate_seconds += seconds_now() - start;
        rollout.generated_tokens += engine.generated_tokens();
        rollout.prompt_tokens += engine.prompt_tokens();
        const double scoring = seconds_now();  // what was not scored beside the rollout
        std::vector<ScoredCompletion> scores = scorer.collect();
        for (size_t i = 0; i < problems.size(); ++i) {
            RolloutGroup group{std::move(problems[i]), {}, false};
            for (auto& completion : results[i]) {
                RolloutSample sample;
                const size_t index = i * group_size + group.samples.size();
                sample.text = std::move(texts[index]);
                sample.truncated = completion.finish_reason == FinishReason::length;
                sample.completion = std::move(completion);
                set_score(config, std::move(scores[index]), sample);
                group.samples.push_back(std::move(sample));
            }
            const auto differs = [&](const RolloutSample& s) { return s.reward != group.samples[0].reward; };
            group.has_signal = std::any_of(group.samples.begin(), group.samples.end(), differs);
            const auto solved =
                std::count_if(group.samples.begin(), group.samples.end(),
                              [](const RolloutSample& s) { return s.verdict.outcome == Outcome::correct; });
            source.observe(group.problem,
                           static_cast<double>(solved) / static_cast<double>(group.samples.size()));
            rollout.groups.push_back(std::move(group));
        }
        rollout.reward_seconds += seconds_now() - scoring;
        rollout.rounds = round + 1;
        // Dynamic sampling: groups without signal make way for groups with it.
        std::stable_partition(rollout.groups.begin(), rollout.groups.end(),
                              [](const RolloutGroup& g) { return g.has_signal; });
        if (rollout.groups.size() > wanted) rollout.groups.resize(wanted);
        if (rollout.groups.size() == wanted && rollout.groups.back().has_signal) break;
    }
    set_advantages(config, rollout);
    return rollout;
}

std::vector<std::pair<std::string, double>> rollout_metrics(const Rollout& rollout) {
    double count = 0, reward = 0, zero_std = 0, clipped = 0, formatted = 0, length = 0, terminated_length = 0,
           terminated = 0;
    double shortest = INFINITY, longest = 0, shortest_end = INFINITY, longest_end = 0;
    double reflective = 0, checks = 0, backtracks = 0, tries = 0;
    double outcomes[5] = {};
    std::vector<std::pair<std::string, std::vector<double>>> parts;
    for (const auto& group : rollout.groups) {
        zero_std += !group.has_signal;
        for (const auto& sample : group.samples) {
            const auto tokens = static_cast<double>(sample.completion.ids.size());
            count += 1, reward += sample.reward, length += tokens;
            shortest = std::min(shortest, tokens), longest = std::max(longest, tokens);
            clipped += sample.truncated, formatted += sample.formatted;
            if (!sample.truncated) {
                terminated += 1, terminated_length += tokens;
                shortest_end = std::min(shortest_end, tokens), longest_end = std::max(longest_end, tokens);
            }
            reflective += sample.reasoning.reflective_words, checks += sample.reasoning.checks;
            backtracks += sample.reasoning.backtracks, tries += sample.reasoning.tries;
            outcomes[static_cast<size_t>(sample.verdict.outcome)] += 1;
            for (const auto& [name, score] : sample.rewards) {
                auto part = std::ranges::find(parts, name, [](const auto& p) { return p.first; });
                if (part == parts.end()) part = parts.insert(part, {name, {}});
                part->second.push_back(score);
            }
        }
    }
    count = std::max(count, 1.0);
    const auto outcome = [&](Outcome o) { return outcomes[static_cast<size_t>(o)] / count; };
    std::vector<std::pair<std::string, double>> metrics{{"reward", reward / count},
                                                        {"reward_std", rollout.reward_std}};
    for (const auto& [name, values] : parts) {
        double mean = 0, squares = 0;
        for (double x : values) mean += x;
        mean /= static_cast<double>(values.size());
        for (double x : values) squares += (x - mean) * (x - mean);
        metrics.emplace_back("rewards/" + name + "/mean", mean);
        metrics.emplace_back(
            "rewards/" + name + "/std",
            values.size() > 1 ? std::sqrt(squares / static_cast<double>(values.size() - 1)) : 0.0);
    }
    const std::vector<std::pair<std::string, double>> rest{
        {"frac_reward_zero_std",
         zero_std / std::max<double>(static_cast<double>(rollout.groups.size()), 1.0)},
        {"completions/mean_length", length / count},
        {"completions/min_length", std::isinf(shortest) ? 0.0 : shortest},
        {"completions/max_length", longest},
        {"completions/mean_terminated_length", terminated > 0 ? terminated_length / terminated : 0.0},
        {"completions/min_terminated_length", std::isinf(shortest_end) ? 0.0 : shortest_end},
        {"completions/max_terminated_length", longest_end},
        {"completions/clipped_ratio", clipped / count},
        {"format_rate", formatted / count},
        {"reasoning/reflective_words_per_completion", reflective / count},
        {"reasoning/tries_per_completion", tries / count},
        {"reasoning/checks_per_completion", checks / count},
        {"reasoning/backtracks_per_completion", backtracks / count},
        {"verifier/unparsed", outcome(Outcome::unparsed)},
        {"verifier/timeout", outcome(Outcome::timeout)},
        {"verifier/error", outcome(Outcome::error)},
        {"dynamic_sampling/rounds", static_cast<double>(rollout.rounds)}};
    metrics.insert(metrics.end(), rest.begin(), rest.end());
    return metrics;
}

}  // namespace r1
