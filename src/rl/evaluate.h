// Held-out evaluation: one completion a problem, drawn with the run's sampling and random numbers of its own
// that are the same at every evaluation, so that two evaluations differ by the weights alone.
#pragma once
#include <vector>

#include "infer/engine.h"
#include "infer/language_model.h"
#include "reward/verdict.h"
#include "rl/problems.h"
#include "rl/scorer.h"

namespace r1 {

struct EvaluatedCompletion {
    std::string text;
    Completion completion;
    Verdict verdict;
};

struct Evaluation {
    double accuracy = 0.0, length = 0.0, clipped_ratio = 0.0;
    std::vector<std::pair<std::string, double>> by_family;  // accuracy, where problems have families
    std::vector<EvaluatedCompletion> completions;           // in the order of the problems
};

Evaluation evaluate(Stream& stream, Engine& engine, Scorer& scorer, const Tokenizer& tokenizer,
                    const std::vector<RlProblem>& problems, const SamplingParams& params, uint64_t seed);

}  // namespace r1
