// Scores completions beside the rollout: each is queued as soon as it ends, and worker threads call the
// verifiers. What a completion earns depends on the completion alone, so the number of workers and their
// pace change no byte; only a budget that runs out does, and that is counted as a timeout.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "infer/sampling_params.h"
#include "reward/composition.h"
#include "reward/reasoning.h"
#include "rl/config.h"
#include "rl/problems.h"

namespace r1 {

struct ScoredCompletion {
    Verdict verdict;                                      // of the answer: the part accuracy, else the first
    std::vector<std::pair<std::string, double>> rewards;  // the parts that apply, unweighted
    double reward = 0.0;                                  // their weighted sum
    ReasoningCounts reasoning;
};

ScoringRequest scoring_request(const RlProblem& problem, const std::string& text,
                               const Completion& completion, const SamplingParams& params);
// The rows of [[reward]], or what rl.accuracy_weight, rl.answer_anchors and rl.format_weight say.
std::vector<RewardPart> reward_parts(const RlConfig& config);

class Scorer {
  public:
    // `budget_seconds` is how long collect() waits after the last completion.
    Scorer(std::vector<RewardPart> parts, int workers, double budget_seconds);
    ~Scorer();
    Scorer(const Scorer&) = delete;

    void submit(size_t index, ScoringRequest request);  // each index from 0 once
    // The scores of all submitted completions by index; then the next ones begin at 0 again.
    std::vector<ScoredCompletion> collect();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace r1
