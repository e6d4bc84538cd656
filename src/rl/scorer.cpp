#include "rl/scorer.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "core/check.h"

namespace r1 {
namespace {

ScoredCompletion score_completion(const std::vector<RewardPart>& parts, ScoringRequest request) {
    ScoredCompletion scored;
    scored.reasoning = count_reasoning(request.completion);
    bool judged = false;
    for (const RewardPart& part : parts) {
        if (!part.applies_to(request)) continue;
        Verdict verdict = score_part(part, request);
        scored.rewards.emplace_back(part.name, verdict.score);
        scored.reward += part.weight * verdict.score;
        if (part.kind == "accuracy") request.correct = verdict.outcome == Outcome::correct;
        if (part.kind == "accuracy" || !judged) scored.verdict = std::move(verdict);
        judged = true;
    }
    return scored;
}

}  // namespace

ScoringRequest scoring_request(const RlProblem& problem, const std::string& text,
                               const Completion& completion, const SamplingParams& params) {
    return {problem.kind,
            problem.gold,
            problem.family,
            problem.source,
            problem.question,
            text,
            static_cast<int64_t>(completion.ids.size()),
            params.max_tokens};
}

std::vector<RewardPart> reward_parts(const RlConfig& config) {
    if (!config.rewards.empty()) return parse_reward_parts(config.rewards);
    std::vector<RewardPart> parts{{.name = "accuracy",
                                   .kind = "accuracy",
                                   .weight = config.accuracy_weight,
                                   .anchors = config.answer_anchors}};
    if (config.format_weight > 0.0f) {
        parts.push_back({.name = "format",
                         .kind = "format",
                         .weight = config.format_weight,
                         .options = {{"scheme", config.format_scheme}}});
    }
    return parts;
}

struct Scorer::Impl {
    struct Job {
        uint64_t batch;
        size_t index;
        ScoringRequest request;
    };

    std::vector<RewardPart> parts;
    double budget_seconds;
    std::mutex mutex;
    std::condition_variable queued, scored;
    std::deque<Job> jobs;
    std::vector<std::optional<ScoredCompletion>> results;  // of the present batch
    size_t submitted = 0, finished = 0;
    uint64_t batch = 0;
    bool stopping = false;
    std::vector<std::jthread> workers;

    void work() {
        std::unique_lock lock(mutex);
        for (;;) {
            queued.wait(lock, [&] { return stopping || !jobs.empty(); });
            if (stopping) return;
            const Job job = std::move(jobs.front());
            jobs.pop_front();
            lock.unlock();
            ScoredCompletion result;
            try {
                result = score_completion(parts, job.request);
            } catch (const std::exception& error) {
                result.verdict = {0, Outcome::error, error.what()};
            }
            lock.lock();
            if (job.batch != batch) continue;  // it came too late
            results[job.index] = std::move(result);
            if (++finished == submitted) scored.notify_all();
        }
    }
};

Scorer::Scorer(std::vector<RewardPart> parts, int workers, double budget_seconds)
    : impl_(std::make_unique<Impl>()) {
    impl_->parts = std::move(parts);
    impl_->budget_seconds = budget_seconds;
    for (int i = 0; i < workers; ++i) impl_->workers.emplace_back([this] { impl_->work(); });
}

Scorer::~Scorer() {
    {
        const std::scoped_lock lock(impl_->mutex);
        impl_->stopping = true;
    }
    impl_->queued.notify_all();
}

void Scorer::submit(size_t index, ScoringRequest request) {
    {
        const std::scoped_lock lock(impl_->mutex);
        if (index >= impl_->results.size()) impl_->results.resize(index + 1);
        ++impl_->submitted;
        impl_->jobs.push_back({impl_->batch, index, std::move(request)});
    }
    impl_->queued.notify_one();
}

std::vector<ScoredCompletion> Scorer::collect() {
    std::unique_lock lock(impl_->mutex);
    check(impl_->submitted == impl_->results.size(), "a completion was not submitted for its score");
    impl_->scored.wait_for(lock, std::chrono::duration<double>(impl_->budget_seconds),
                           [&] { return impl_->finished == impl_->submitted; });
    impl_->jobs.clear();
    std::vector<ScoredCompletion> scores;
    for (auto& result : impl_->results) {
        if (!result) {
            result.emplace();
            result->verdict = {0, Outcome::timeout, "not scored within the step's budget"};
        }
        scores.push_back(std::move(*result));
    }
    impl_->results.clear();
    impl_->submitted = impl_->finished = 0;
    ++impl_->batch;
    return scores;
}

}  // namespace r1
