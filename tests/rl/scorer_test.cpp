#include "rl/scorer.h"

#include <gtest/gtest.h>

#include "rl/toy_run.h"

namespace r1 {
namespace {

ScoringRequest answer(int number) {
    return {.kind = "number", .gold = "7", .completion = cat("#### ", number), .tokens = 3};
}

TEST(Scorer, ScoresComeByIndexWhateverTheWorkers) {
    for (const int workers : {1, 4}) {
        Scorer scorer(parse_reward_parts({R"({"kind":"accuracy"})", R"({"kind":"format","weight":0.5})"}),
                      workers, 60.0);
        for (int batch = 0; batch < 3; ++batch) {
            for (int i = 99; i >= 0; --i) scorer.submit(static_cast<size_t>(i), answer(i % 10));
            const auto scores = scorer.collect();
            ASSERT_EQ(scores.size(), 100u);
            for (size_t i = 0; i < 100; ++i) {
                EXPECT_EQ(scores[i].verdict.outcome, i % 10 == 7 ? Outcome::correct : Outcome::wrong);
                EXPECT_EQ(scores[i].reward, i % 10 == 7 ? 1.0 : 0.0);
                ASSERT_EQ(scores[i].rewards.size(), 2u);
                EXPECT_EQ(scores[i].rewards[1].first, "format");
            }
        }
    }
    Scorer idle(parse_reward_parts({R"({"kind":"accuracy"})"}), 2, 60.0);
    EXPECT_TRUE(idle.collect().empty());
}

TEST(Scorer, WhatIsNotScoredInTimeIsATimeout) {
    Scorer scorer(parse_reward_parts({R"({"kind":"accuracy"})"}), 1, 1e-9);
    size_t late = 0;
    for (int round = 0; round < 3; ++round) {
        for (size_t i = 0; i < 200; ++i) {
            ScoringRequest request = answer(7);
            request.completion.insert(0, size_t{1} << 14, ' ');
            scorer.submit(i, std::move(request));
        }
        for (const auto& score : scorer.collect()) {
            EXPECT_EQ(score.reward, score.verdict.outcome == Outcome::timeout ? 0.0 : 1.0);
            late += score.verdict.outcome == Outcome::timeout;
        }
    }
    EXPECT_GT(late, 0u);
}

TEST(Scorer, AllPartsOfARunAreInItsMetrics) {
    const Toy toy;
    RlConfig config = toy.config("run");
    config.rewards = {R"({"kind":"accuracy"})",
                      R"({"kind":"format","name":"tags","weight":0.5,"scheme":"tag-count"})",
                      R"({"kind":"format","name":"elsewhere","data":["other.jsonl"]})"};
    const ToyRun run = toy.run(config);
    for (size_t s = 1; s < run.metrics.size(); ++s) {
        const auto& line = run.metrics[s];
        EXPECT_TRUE(line.contains("rewards/accuracy/mean"));
        EXPECT_TRUE(line.contains("rewards/tags/mean"));
        EXPECT_FALSE(line.contains("rewards/elsewhere/mean"));
        EXPECT_NEAR(
            line.at("reward").get<double>(),
            line.at("rewards/accuracy/mean").get<double>() + 0.5 * line.at("rewards/tags/mean").get<double>(),
            1e-12);
    }
}

}  // namespace
}  // namespace r1
