// One step's experience: groups of completions with their rewards and advantages.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "infer/engine.h"
#include "reward/verdict.h"
#include "rl/config.h"
#include "rl/problems.h"
#include "rl/scorer.h"

namespace r1 {

struct RolloutSample {
    Completion completion;
    std::string text;
    Verdict verdict;                                      // as ScoredCompletion has it
    std::vector<std::pair<std::string, double>> rewards;  // the parts that apply, unweighted
    double reward = 0.0;                                  // their weighted sum
    float advantage = 0.0f;
    bool truncated = false;
    bool formatted = false;  // wholly in the format of RlConfig::format_scheme
    ReasoningCounts reasoning;
};

struct RolloutGroup {
    RlProblem problem;
    std::vector<RolloutSample> samples;
    bool has_signal = false;  // its rewards differ
};

struct Rollout {
    std::vector<RolloutGroup> groups;
    double reward_std = 0.0;
    int rounds = 1;  // of dynamic sampling
    double generate_seconds = 0.0, reward_seconds = 0.0;
    int64_t generated_tokens = 0, prompt_tokens = 0;
};

SamplingParams rollout_params(const RlConfig& config, const LanguageModel& language_model);
// `completed` is told how many completions of the round have ended.
Rollout make_rollout(Stream& stream, Engine& engine, Scorer& scorer, const RlConfig& config,
                     const LanguageModel& language_model, const ProblemSource& source, int64_t step,
                     const std::function<void(size_t)>& completed = {});

// TRL's and our metrics of a rollout, by name; those of time apart.
std::vector<std::pair<std::string, double>> rollout_metrics(const Rollout& rollout);

}  // namespace r1
