#include "rl/evaluate.h"

#include <algorithm>
#include <map>

namespace r1 {
namespace {

constexpr uint32_t kEvaluationStep = 0xffffffffu;  // no training step's random numbers

}  // namespace

Evaluation evaluate(Stream& stream, Engine& engine, Scorer& scorer, const Tokenizer& tokenizer,
                    const std::vector<RlProblem>& problems, const SamplingParams& params, uint64_t seed) {
    std::vector<Request> requests;
    for (const auto& problem : problems) {
        requests.push_back(
            {problem.ids, 1, params, seed, kEvaluationStep, static_cast<uint32_t>(requests.size())});
    }
    std::vector<std::string> texts(problems.size());
    Engine::Callbacks callbacks;
    callbacks.complete = [&](size_t i, int, const Completion& completion) {
        texts[i] = completion_text(tokenizer, params, completion);
        scorer.submit(i, scoring_request(problems[i], texts[i], completion, params));
    };
    auto results = engine.generate(stream, requests, callbacks);
    std::vector<ScoredCompletion> scores = scorer.collect();
    Evaluation evaluation;
    std::map<std::string, std::pair<double, double>> families;  // correct, all
    for (size_t i = 0; i < problems.size(); ++i) {
        EvaluatedCompletion row{std::move(texts[i]), std::move(results[i][0]), std::move(scores[i].verdict)};
        const bool correct = row.verdict.outcome == Outcome::correct;
        evaluation.accuracy += correct;
        evaluation.length += static_cast<double>(row.completion.ids.size());
        evaluation.clipped_ratio += row.completion.finish_reason == FinishReason::length;
        auto& family = families[problems[i].family];
        family.first += correct, family.second += 1.0;
        evaluation.completions.push_back(std::move(row));
    }
    const auto count = std::max<double>(static_cast<double>(problems.size()), 1.0);
    evaluation.accuracy /= count, evaluation.length /= count, evaluation.clipped_ratio /= count;
    if (families.size() > 1) {
        for (const auto& [name, sums] : families)
            evaluation.by_family.emplace_back(name, sums.first / sums.second);
    }
    return evaluation;
}

}  // namespace r1
