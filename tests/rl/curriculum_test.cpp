#include "rl/curriculum.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "rl/toy_run.h"

namespace r1 {
namespace {

TEST(Curriculum, ChancesFollowTheShareSolved) {
    Curriculum adaptive({"adaptive", 2, 0.5f, 0.125f}, {3});
    EXPECT_EQ(adaptive.chance(0, 0), 1.0);
    adaptive.observe(0, 0, 1.0);
    EXPECT_EQ(adaptive.chance(0, 0), 1.0);  // one visit says little
    adaptive.observe(0, 0, 1.0);
    EXPECT_EQ(adaptive.chance(0, 0), 0.125);
    adaptive.observe(0, 0, 0.5);  // share 0.75
    EXPECT_EQ(adaptive.chance(0, 0), 0.5);
    adaptive.observe(0, 1, 0.0), adaptive.observe(0, 1, 1.0);
    EXPECT_EQ(adaptive.chance(0, 1), 1.0);
    EXPECT_EQ(adaptive.chance(0, 2), 1.0);
    Curriculum skip({"skip", 1, 0.5f, 0.0f}, {2});
    skip.observe(0, 0, 0.0), skip.observe(0, 1, 0.9);
    EXPECT_EQ(skip.chance(0, 0), 0.0);
    EXPECT_EQ(skip.chance(0, 1), 1.0);
    const auto sum = skip.summary();
    EXPECT_EQ(sum.visited, 2u);
    EXPECT_EQ(sum.unsolved, 1u);
    EXPECT_EQ(sum.solved, 0u);
}

TEST(Curriculum, ItsStateComesBack) {
    Curriculum one({"adaptive", 1, 0.5f, 0.1f}, {2, 0, 1});
    one.observe(0, 1, 1.0 / 3), one.observe(2, 0, 0.7), one.cursor(2) = uint64_t{1} << 40;
    const auto state = nlohmann::json::parse(one.state().dump());
    Curriculum other({"adaptive", 1, 0.5f, 0.1f}, {2, 0, 1});
    other.restore(state);
    EXPECT_EQ(other.state(), one.state());
    EXPECT_EQ(other.chance(0, 1), one.chance(0, 1));
    EXPECT_THROW(Curriculum({"adaptive", 1, 0.5f, 0.1f}, {2, 1, 1}).restore(state), Error);
    EXPECT_THROW(Curriculum({"adaptive", 1, 0.5f, 0.1f}, {2}).restore(state), Error);
    EXPECT_THROW(other.restore({}), Error);
}

class CurriculumRun : public testing::Test {
  protected:
    Toy toy_;
    RlConfig config(const std::string& name) {
        RlConfig c = toy_.config(name);
        c.curriculum = {"adaptive", 1, 0.5f, 0.0f};
        c.prompts_per_step = 8;
        return c;
    }
};

TEST_F(CurriculumRun, WhatIsAlwaysOrNeverSolvedIsPassedOver) {
    RlConfig c = config("source");
    Runtime runtime(1);
    LanguageModel model = toy_model(runtime.stream());
    ProblemSource source(c, model);
    std::set<std::string> asked;
    for (int64_t step = 1; step <= 5; ++step) {  // a pass over the 35 problems and a few more
        for (const auto& problem : source.training(step, 0, 7)) {
            asked.insert(problem.question);
            source.observe(problem, problem.question == "What..2" ? 0.5 : 1.0);
        }
    }
    EXPECT_EQ(asked.size(), 35u);
    // of all that were asked one is left; the others come only when a whole pass has none
    size_t again = 0;
    for (int64_t step = 6; step <= 15; ++step) again += source.training(step, 0, 1)[0].question == "What..2";
    EXPECT_EQ(again, 10u);
}

TEST_F(CurriculumRun, AStoppedRunGoesOnToTheSameBytes) {
    RlConfig c = config("whole");
    c.steps = 8, c.save_steps = 4;
    const ToyRun whole = toy_.run(c);
    EXPECT_GT(whole.metrics.back().at("curriculum/visited").get<int>(), 30);
    c.out = toy_ / "stopped";
    toy_.run(c, 1, 6);
    c.resume = toy_ / "stopped";
    toy_.run(c, 2);
    for (const char* run : {"whole", "stopped"}) {  // which checkpoints are kept depends on where it stopped
        fs::remove_all(toy_ / run / "checkpoints/step-4");
        fs::remove_all(toy_ / run / "checkpoints/step-6");
    }
    expect_same_run(toy_ / "stopped", toy_ / "whole");
}

TEST_F(CurriculumRun, GeneratedProblemsHaveNone) {
    RlConfig c = config("none");
    c.data.clear(), c.eval_data.clear();
    Runtime runtime(1);
    const LanguageModel model = toy_model(runtime.stream());
    EXPECT_NE(error_of([&] { ProblemSource(c, model); }).find("data.curriculum"), std::string::npos);
}

}  // namespace
}  // namespace r1
