#include "reward/math.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "core/check.h"
#include "core/files.h"
#include "reward/verifier.h"

namespace r1 {
namespace {

using nlohmann::json;

Outcome math(const json& gold, const std::string& completion) {
    return verify("math", gold, completion).outcome;
}

TEST(MathVerifier, FindsTheAnswer) {
    struct Case {
        const char* completion;
        Outcome outcome;
    };
    const Case cases[] = {
        {"\\boxed{42}", Outcome::correct},
        {"<think>41? \\boxed{41}</think> So it is $\\boxed{42}$.", Outcome::correct},
        {"<think>\\boxed{42}</think> I do not know.", Outcome::unparsed},
        {"<think>\\boxed{42}", Outcome::unparsed},
        {"\\boxed{41}, no, \\boxed{42}", Outcome::correct},
        {"\\boxed{42} \\boxed{41}", Outcome::wrong},
        {"\\boxed{42}, \\boxed{41}", Outcome::wrong},
        {"\\boxed{41} or \\boxed{42}", Outcome::wrong},
        {"\\boxed{41 \\text{ or } 42}", Outcome::wrong},
        {"\\boxed{}", Outcome::unparsed},
        {"The answer: \\boxed{} 42", Outcome::unparsed},
        {"\\boxed{42", Outcome::unparsed},
        {"\\boxed{\\boxed{42}}", Outcome::correct},
        {"\\fbox{42}", Outcome::correct},
        {"First $\\boxed{7}$. Final answer: The final answer is $42$. I hope it is correct.",
         Outcome::correct},
        {"The final answer is 7. Wait: $\\boxed{42}$", Outcome::correct},
        {"#### 42\nThanks for 100 questions", Outcome::correct},
        {"<answer> 42 </answer>", Outcome::correct},
        {"<answer>x = 42</answer>", Outcome::correct},
        {"<answer>41 or 42</answer>", Outcome::wrong},
        {"<answer>41</answer> \\boxed{42}", Outcome::wrong},
        {"The answer is 42, since 40 + 2 = 42 and 1 = 1.", Outcome::correct},
        {"Answer: 42 (of 50)", Outcome::correct},
        {"Answer: 41 was a guess.\nAnswer: 42", Outcome::correct},
        {"Final Answer: The largest $n$ is 42.", Outcome::correct},
        {"答案是 42 元，共 50 元", Outcome::correct},
        {"因此，一共有 42 只鸟。", Outcome::correct},
        {"Thus the residents are **42**.", Outcome::correct},
        {"She has 50 - 8 = 42 eggs left.", Outcome::correct},
        {"It costs $42 in all", Outcome::correct},
        {"In three months it is $12 + $10 + $20 = 42", Outcome::correct},
        {"$$ x = 42 $$", Outcome::correct},
        {"\\[\n42\n\\]", Outcome::correct},
        {"42", Outcome::correct},
        {"just 42", Outcome::unparsed},
        {"In 42 words or less, here is a poem.", Outcome::unparsed},
        {"What is 42 minus a number", Outcome::unparsed},
        {"Find all of 40, 41, 42 and their friends", Outcome::unparsed},
        {"x = 3 or x = 42", Outcome::wrong},
        {"39, 40, 41, 42, 43", Outcome::wrong},
        {"So x = 3 or x = 42", Outcome::unparsed},
        {"Therefore it is either 3 or 42", Outcome::unparsed},
        {"Thus there are 30 + 12 = 42 liters of water out of the 100.", Outcome::correct},
        {"The box is \\boxed{42}. My final answer is positive, because it counts.", Outcome::correct},
        {"The answer is not 42.", Outcome::wrong},
        {"The answer isn't 42", Outcome::wrong},
        {"The answer is not 41 but 42.", Outcome::correct},
        {"The answer is at least 42", Outcome::wrong},
        {"The answer is between 40 and 42.", Outcome::wrong},
        {"The answer is 42 to 50", Outcome::wrong},
        {"42 is not the answer", Outcome::unparsed},
        {"The answer is < 42", Outcome::wrong},
        {"The answer is half of 42", Outcome::wrong},
        {"The answer is a total of 42", Outcome::correct},
        {"The answer is 42 squared", Outcome::wrong},
        {"The answer is 42 plus 1", Outcome::wrong},
        {"#### 42 41", Outcome::wrong},
        {"<answer>\\boxed{41}\\boxed{42}</answer>", Outcome::correct},
        {"There were 42 dogs. How many cats?", Outcome::unparsed},
        {"\\boxed{42}, while \\boxed{41} is wrong.", Outcome::correct},
        {"The population is 42 million.", Outcome::wrong},
        {"答案不是 42", Outcome::unparsed},
        {"NaN", Outcome::wrong},
        {"0/0", Outcome::wrong},
        {"", Outcome::unparsed},
    };
    for (const Case& c : cases) EXPECT_EQ(math("42", c.completion), c.outcome) << c.completion;
    EXPECT_EQ(math("\\text{4:30 p.m.}", "The answer is 4:30 p.m."), Outcome::correct);
    EXPECT_EQ(math("\\text{4:30 p.m.}", "The answer is 4:30 a.m."), Outcome::wrong);
    EXPECT_EQ(math("Evelyn", "Therefore $\\boxed{\\text{Evelyn}}$ is our answer"), Outcome::correct);
    EXPECT_EQ(math("7,8", "\\boxed{7} and \\boxed{8}"), Outcome::correct);
}

TEST(MathVerifier, AnAnswerMayCarryItsThinking) {
    const auto outcome = [](const char* answer) {
        return grade({{"kind", "math"}, {"gold", "42"}, {"answer", answer}})["outcome"];
    };
    EXPECT_EQ(outcome("<think>\\boxed{41}</think> The answer is 42."), "correct");
    EXPECT_EQ(outcome("<think>\\boxed{42}</think> The answer is 41."), "wrong");
    EXPECT_EQ(outcome("<think>\\boxed{42}</think>"), "unparsed");
    EXPECT_EQ(outcome("<think>\\boxed{42}"), "unparsed");
}

TEST(MathVerifier, WordsBesideAFormulaAreNoSecondAnswer) {
    const auto outcome = [](const char* gold, const char* answer) {
        return grade({{"kind", "math"}, {"gold", gold}, {"answer", answer}})["outcome"];
    };
    EXPECT_EQ(outcome("x", "The answer is X"), "wrong");
    EXPECT_EQ(outcome("x = 5", "The answer is y = 5"), "wrong");
    EXPECT_EQ(outcome("(3,5)", "The answer is [3,5]"), "wrong");
    EXPECT_EQ(outcome("\\text{4:30 p.m.}", "4:30 PM"), "correct");
    EXPECT_EQ(outcome("C", "\\boxed{\\text{(C) } 12}"), "correct");
    EXPECT_EQ(outcome("C", "\\boxed{\\text{(D) } 12}"), "wrong");
}

TEST(MathVerifier, OutcomesAreCountedApart) {
    EXPECT_EQ(math("10^{10^{10}}", "\\boxed{10^{10^{10}}+1}"), Outcome::timeout);
    EXPECT_EQ(math("10^{10^{10}}", "\\boxed{10^{10^{10}}}"), Outcome::correct);
    for (const json& gold : {json(""), json("\\frac{1}{2"), json("1/0"), json(nullptr), json::array({1}),
                             json({{"policy", "default"}}), json({{"gold", "1"}, {"policy", "haiku"}}),
                             json({{"gold", "1"}, {"policy", {{"ordered", 3}}}})})
        EXPECT_THROW(check_math_gold(gold), Error) << gold;
    EXPECT_EQ(math("", "\\boxed{42}"), Outcome::error);
    for (const json& gold : {json("x^2+1"), json(18), json("#### 1,234"), json("10^{10^{10}}"),
                             json("\\infty"), json("so we get \\boxed{7}."), json(0.5)})
        EXPECT_NO_THROW(check_math_gold(gold)) << gold;
}

TEST(MathVerifier, Policies) {
    const auto with = [](const char* gold, json policy) {
        return json{{"gold", gold}, {"policy", std::move(policy)}};
    };
    EXPECT_EQ(math(with("1,-2", "unordered"), "\\boxed{-2, 1}"), Outcome::correct);
    EXPECT_EQ(math("1,-2", "\\boxed{-2, 1}"), Outcome::wrong);
    EXPECT_EQ(math(with("1/2", "lenient"), "\\boxed{2/4}"), Outcome::correct);
    EXPECT_EQ(math(with("1/2", {{"base", "default"}, {"reduced", false}}), "\\boxed{2/4}"), Outcome::correct);
    EXPECT_EQ(math("1/2", "\\boxed{2/4}"), Outcome::wrong);
    EXPECT_EQ(math(with("42", "boxed"), "The answer is 42"), Outcome::unparsed);
    EXPECT_EQ(math(with("42", "anchored"), "The answer is 42"), Outcome::correct);
    EXPECT_EQ(math(with("42", "anchored"), "It is 42"), Outcome::unparsed);
    EXPECT_EQ(math(with("42", "anchored"), "x = 42"), Outcome::correct);
    EXPECT_EQ(math({{"gold", "42"}, {"anchors", "anchored"}}, "It is 42"), Outcome::unparsed);
    EXPECT_EQ(math({{"gold", "42"}, {"anchors", "anchored"}, {"policy", {{"anchors", "any"}}}}, "It is 42"),
              Outcome::correct);
    EXPECT_EQ(math({{"gold", "42"}, {"anchors", "boxed"}, {"policy", "unordered"}}, "The answer is 42"),
              Outcome::unparsed);
    EXPECT_EQ(
        grade({{"kind", "math"}, {"gold", "1,2"}, {"policy", "unordered"}, {"answer", "2,1"}})["outcome"],
        "correct");
    EXPECT_EQ(grade({{"kind", "math"}, {"gold", "October 30"}, {"answer", "october 30"}})["outcome"],
              "correct");
    EXPECT_EQ(grade({{"kind", "math"}, {"gold", 2}, {"answer", 2}})["outcome"], "correct");
    EXPECT_THROW(grade({{"kind", "math"}, {"answer", "2"}}), Error);
}

TEST(MathVerifier, MegabytesOfNonsense) {
    for (const char* part : {"{", "\\boxed{", "\\boxed{5}", "(", "$", "answer is ", "<answer>", "[5", "$5$ ",
                             "9", "**", "</think>", "\\", "\xff"}) {
        std::string text;
        while (text.size() < 1'000'000) text += part;
        EXPECT_NE(math("42", text), Outcome::correct) << part;
    }
}

fs::path shared(const char* name) {
    return fs::path(R1_SOURCE_DIR) / "../shared/data" / name;
}

// docs/results/math-grader.md explains each of these; and no false positive among them.
TEST(MathVerifier, SharedCases) {
    if (!fs::exists(shared("math_grader_cases.jsonl"))) GTEST_SKIP() << "the shared data is not here";
    const std::set<std::string> explained = {"mg0127", "mg0245", "mg0255", "mg0411", "mg0413", "mg0414"};
    std::istringstream lines(read_file(shared("math_grader_cases.jsonl")));
    int rows = 0, agree = 0;
    for (std::string line; std::getline(lines, line); ++rows) {
        const json c = json::parse(line);
        const bool bare = c["kind"] == "bare_answer", expected = c["expected_equal"];
        json request = {{"kind", "math"}, {"gold", c["gold"]}, {bare ? "answer" : "completion", c["answer"]}};
        bool correct = false;
        try {
            correct = grade(request)["outcome"] == "correct";
        } catch (const Error&) {
        }
        agree += correct == expected;
        EXPECT_TRUE(expected || !correct) << line;
        EXPECT_TRUE(correct == expected || c["kind"] == "mcq" ||
                    explained.contains(c["id"].get<std::string>()))
            << line;
    }
    EXPECT_EQ(rows, 268);
    EXPECT_GE(agree * 100, rows * 93);
}

TEST(MathVerifier, Math500GoldsEqualThemselves) {
    if (!fs::exists(shared("math500/test.jsonl"))) GTEST_SKIP() << "the shared data is not here";
    std::istringstream lines(read_file(shared("math500/test.jsonl")));
    int rows = 0;
    for (std::string line; std::getline(lines, line); ++rows) {
        const json c = json::parse(line);
        EXPECT_NO_THROW(check_math_gold(c["answer"])) << c["answer"];
        EXPECT_EQ(math(c["answer"], "Thus \\boxed{" + c["answer"].get<std::string>() + "}."),
                  Outcome::correct)
            << c["answer"];
    }
    EXPECT_EQ(rows, 500);
}

}  // namespace
}  // namespace r1
