#include "rl/problems.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "rl/toy_run.h"

namespace r1 {
namespace {

class ProblemSourceTest : public testing::Test {
  protected:
    ProblemSourceTest() {
        config_.data = {folder_ / "train.jsonl"}, config_.eval_data = {folder_ / "held_out.jsonl"};
        config_.max_completion_length = 16;
        write_toy_data(config_.data[0], config_.eval_data[0]);
    }
    ProblemSource source() { return {config_, model_}; }
    void write(const std::string& lines) { write_quickly(config_.data[0], lines); }

    TempFolder folder_;
    Runtime runtime_{1};
    LanguageModel model_ = toy_model(runtime_.stream());
    RlConfig config_;
};

TEST_F(ProblemSourceTest, APassTakesEachProblemOnce) {
    ProblemSource problems = source();
    EXPECT_EQ(problems.held_out().size(), 5u);
    EXPECT_TRUE(problems.notes().empty());
    for (const bool shuffle : {true, false}) {
        config_.shuffle_dataset = shuffle;
        std::vector<std::string> asked;
        for (int64_t step = 1; step <= 14; ++step) {  // two passes of 35 in steps of 5
            for (const auto& problem : problems.training(step, 0, 5)) asked.push_back(problem.question);
        }
        const std::vector<std::string> first(asked.begin(), asked.begin() + 35),
            second(asked.begin() + 35, asked.end());
        EXPECT_EQ(std::set<std::string>(first.begin(), first.end()).size(), 35u);
        EXPECT_EQ(std::set<std::string>(second.begin(), second.end()).size(), 35u);
        EXPECT_EQ(first == second, !shuffle);
    }
    EXPECT_EQ(problems.training(3, 0, 5)[2].ids, problems.training(3, 0, 5)[2].ids);
}

TEST_F(ProblemSourceTest, GeneratedProblemsDifferByStepAndRoundAndSeed) {
    config_.data = config_.eval_data = {};
    config_.task = "arithmetic:2";
    config_.eval_problems = 20;
    ProblemSource problems = source();
    std::set<std::string> asked;
    for (int64_t step = 1; step <= 3; ++step) {
        for (int round = 0; round < 3; ++round) {
            for (const auto& problem : problems.training(step, round, 4)) asked.insert(problem.prompt);
        }
    }
    EXPECT_GT(asked.size(), 30u);
    for (const auto& problem : problems.held_out()) EXPECT_FALSE(asked.contains(problem.prompt));
    const std::string before = problems.training(1, 0, 1)[0].prompt;
    ++config_.seed;
    EXPECT_NE(problems.training(1, 0, 1)[0].prompt, before);
}

TEST_F(ProblemSourceTest, ABaseModelTakesQuestionsIntoItsPromptTemplate) {
    write("{\"question\": \"How many?\", \"answer\": \"1 + 2 = 3\\n#### 3\"}\n");
    EXPECT_EQ(source().training(1, 0, 1)[0].prompt, "How many?\n\nPut the final answer in \\boxed{}.");
    config_.prompt_template = "Q: {question} A:";
    const auto problem = source().training(1, 0, 1)[0];
    EXPECT_EQ(problem.prompt, "Q: How many? A:");
    EXPECT_EQ(problem.question, "How many?");
    EXPECT_EQ(problem.gold, "3");
    EXPECT_EQ(model_.tokenizer.decode(problem.ids), problem.prompt);
    config_.prompt_template = "none";
    EXPECT_NE(error_of([&] { source(); }).find("{question}"), std::string::npos);
    config_.prompt_template.clear();
    write(
        R"({"prompt": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}], "answer": "3"})");
    EXPECT_NE(error_of([&] { source(); }).find("chat template"), std::string::npos);
}

TEST_F(ProblemSourceTest, AChatModelTakesThemIntoItsTemplate) {
    model_.tokenizer = tiny_tokenizer();
    config_.system_prompt = "Think";
    write("{\"messages\": [{\"role\": \"user\", \"content\": \"How?\"}], \"answer\": \"3\"}\n"
          "{\"prompt\": \"How?\", \"answer\": \"3\"}\n");
    for (const auto& problem : source().training(1, 0, 2)) {
        EXPECT_EQ(problem.prompt, "Think<|end|>How?<|end|>");
        EXPECT_EQ(std::count(problem.ids.begin(), problem.ids.end(), 96), 2);
        EXPECT_EQ(problem.question, "How?");
    }
}

TEST_F(ProblemSourceTest, BadLinesAreNamedAndSkipped) {
    write(
        "{\"prompt\": \"a\", \"answer\": \"1\"}\nnot JSON\n\n{\"prompt\": \"b\"}\n"
        "{\"prompt\": \"c\", \"answer\": \"\"}\n{\"prompt\": \"d\", \"answer\": 2}\n[1]\n");
    ProblemSource problems = source();
    const auto pass = problems.training(1, 0, 2);
    EXPECT_NE(pass[0].question, pass[1].question);
    EXPECT_TRUE(any_contains(problems.notes(), "train.jsonl:2: "));
    EXPECT_TRUE(any_contains(problems.notes(), "train.jsonl:4: "));
    EXPECT_TRUE(any_contains(problems.notes(), "train.jsonl:5: "));
    EXPECT_TRUE(any_contains(problems.notes(), "train.jsonl:7: "));
    EXPECT_TRUE(any_contains(problems.notes(), "4 lines skipped"));
}

TEST_F(ProblemSourceTest, AMixtureGivesEachPartItsShare) {
    const auto rows = [](const char* word, int count) {
        std::string lines;
        for (int i = 0; i < count; ++i)
            lines += nlohmann::json{{"prompt", cat(word, i)}, {"answer", "1"}}.dump() + "\n";
        return lines;
    };
    write_quickly(folder_ / "apples.jsonl", rows("a", 10));
    write_quickly(folder_ / "pears.jsonl", rows("p", 4));
    config_.data = {(folder_ / "apples.jsonl").string() + "=2", (folder_ / "pears.jsonl").string(),
                    "task:arithmetic:1=1"};
    config_.eval_data = config_.data;
    config_.eval_problems = 12;
    ProblemSource problems = source();
    EXPECT_EQ(problems.description(), "apples ×2 + pears + arithmetic:1");
    std::map<std::string, std::vector<std::string>> asked;
    for (int64_t step = 1; step <= 5; ++step) {
        for (const auto& problem : problems.training(step, 0, 4))
            asked[problem.family].push_back(problem.question);
    }
    ASSERT_EQ(asked["apples"].size(), 10u);
    EXPECT_EQ(std::set<std::string>(asked["apples"].begin(), asked["apples"].end()).size(), 10u);
    ASSERT_EQ(asked["pears"].size(), 5u);
    EXPECT_EQ(std::set<std::string>(asked["pears"].begin(), asked["pears"].begin() + 4).size(), 4u);
    EXPECT_EQ(std::set<std::string>(asked["arithmetic"].begin(), asked["arithmetic"].end()).size(), 5u);
    EXPECT_EQ(problems.training(3, 1, 4)[3].prompt, source().training(3, 1, 4)[3].prompt);
    std::map<std::string, int> held_out;
    for (const auto& problem : problems.held_out()) ++held_out[problem.family];
    EXPECT_EQ(held_out["apples"], 6);
    EXPECT_EQ(held_out["pears"], 3);
    EXPECT_EQ(held_out["arithmetic"], 3);
}

TEST_F(ProblemSourceTest, InstructionsGoWhereTheTemplateHasThem) {
    write(R"({"question": "q", "choices": ["x", "y"], "answer": "A", "kind": null})"
          "\n"
          R"({"question": "q", "instruction": "Briefly.", "kind": "number", "gold": "1"})"
          "\n");
    config_.shuffle_dataset = false;
    const auto last = [&] { return source().training(1, 0, 2).back().prompt; };
    EXPECT_EQ(last(), "q\n\nBriefly.");
    config_.prompt_template = "Q: {question} A:";
    EXPECT_EQ(last(), "Q: q A:");
    config_.prompt_template = "{instruction} {question}";
    EXPECT_EQ(last(), "Briefly. q");
}

TEST_F(ProblemSourceTest, NothingToUseIsAnError) {
    write("");
    EXPECT_NE(error_of([&] { source(); }).find("the file is empty"), std::string::npos);
    write("{}\n");
    EXPECT_NE(error_of([&] { source(); }).find("train.jsonl:1"), std::string::npos);
    config_.data = {folder_ / "absent.jsonl"};
    EXPECT_NE(error_of([&] { source(); }).find("absent.jsonl"), std::string::npos);
    config_.data = {folder_ / "train.jsonl"}, config_.eval_data = {};
    write("{\"prompt\": \"a\", \"answer\": \"1\"}\n");
    EXPECT_NE(error_of([&] { source(); }).find("data.eval_data"), std::string::npos);
}

TEST_F(ProblemSourceTest, PromptsThatAreTooLongAreLeftOutAndCounted) {
    const auto row = [](size_t size) {
        return nlohmann::json{{"prompt", std::string(size, 'x')}, {"answer", "1"}}.dump() + "\n";
    };
    write(row(144) + row(145) + row(3) + row(900));  // the context is 160, completions take 16
    EXPECT_TRUE(any_contains(source().notes(), "2 prompts longer than 144 tokens left out"));
    config_.max_prompt_length = 30;
    EXPECT_TRUE(any_contains(source().notes(), "3 prompts longer than 30 tokens left out"));
    config_.max_prompt_length = 5000;  // no more than the context
    EXPECT_TRUE(any_contains(source().notes(), "1 prompts longer than 160 tokens left out"));
    config_.max_prompt_length = 2;
    EXPECT_NE(error_of([&] { source(); }).find("max_prompt_length"), std::string::npos);
    config_.max_prompt_length = 0, config_.max_completion_length = 200;
    EXPECT_NE(error_of([&] { source(); }).find("max_completion_length"), std::string::npos);
}

}  // namespace
}  // namespace r1
