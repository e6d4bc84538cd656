#include <gtest/gtest.h>

#include "core/check.h"
#include "core/files.h"
#include "reward/format.h"
#include "reward/reasoning.h"
#include "reward/verifier.h"
#include "tasks/task.h"

namespace r1 {
namespace {

using nlohmann::json;

Outcome number(const char* gold, const std::string& completion) {
    return verify("number", gold, completion).outcome;
}

TEST(NumberVerifier, Extraction) {
    struct Case {
        const char* completion;
        Outcome outcome;
    };
    const Case cases[] = {
        {"<think>17? no, 18</think><answer>18</answer>", Outcome::correct},
        {"<think>18</think><answer>17</answer>", Outcome::wrong},
        {"<think>a</think><answer> 18 dollars </answer>", Outcome::correct},
        {"<answer>The answer is $18.00.</answer>", Outcome::correct},
        {"<answer>\\boxed{18}</answer>", Outcome::correct},
        {"<answer>17</answer> <answer>18</answer>", Outcome::correct},
        {"So \\boxed{17}, no, \\boxed{18}", Outcome::correct},
        {"\\boxed{\\text{18 eggs}}", Outcome::correct},
        {"She makes 9 * 2 = 18.\n#### 18", Outcome::correct},
        {"#### 18\nThanks for 100 questions", Outcome::correct},
        {"The answer is 18, since 20 - 2 = 18 and 1 = 1.", Outcome::correct},
        {"Answer: 18 (of 20)", Outcome::correct},
        {"答案是 18 元，共 20 元", Outcome::correct},
        {"She has 20 - 2 = 18 eggs left", Outcome::correct},
        {"So she has 18 eggs left", Outcome::correct},
        {"She makes $18 every day at the market.", Outcome::correct},
        {"It takes 2 bolts and 1 more. It takes 18 bolts in total.", Outcome::correct},
        {"She has 17 eggs left", Outcome::wrong},
        {"18 eggs, 20 hens", Outcome::unparsed},
        {"In 18 words or less, here is a poem.", Outcome::unparsed},
        {"Of 20 eggs, 18 questions remain", Outcome::unparsed},
        {"I do not know", Outcome::unparsed},
        {"", Outcome::unparsed},
        {"<think>18", Outcome::unparsed},
        {"<think>18</think>", Outcome::unparsed},
        {"<answer></answer> 18", Outcome::unparsed},
        {"<answer>17 or 18</answer>", Outcome::unparsed},
        {"<answer>16, 17, 18</answer>", Outcome::unparsed},
        {"\\boxed{17 \\text{ or } 18}", Outcome::unparsed},
        {"<answer>not 18</answer>", Outcome::unparsed},
        {"<answer>at least 18</answer>", Outcome::unparsed},
        {"The answer is not 18.", Outcome::wrong},
        {"\\boxed{\\boxed{18}}", Outcome::correct},
        {"\\boxed{ or so \\boxed{18}", Outcome::correct},
    };
    for (const Case& c : cases) EXPECT_EQ(number("18", c.completion), c.outcome) << c.completion;
    EXPECT_EQ(number("#### 1,234.50", "1234.5"), Outcome::correct);
    EXPECT_EQ(verify("number", 18, "18").outcome, Outcome::correct);
    EXPECT_EQ(verify("number", "eighteen", "18").outcome, Outcome::error);
    EXPECT_EQ(verify("nonsense", "18", "18").outcome, Outcome::error);
    EXPECT_EQ(number("18", std::string(1 << 20, '{') + "\\boxed{" + std::string(1 << 16, '{')),
              Outcome::unparsed);
    EXPECT_EQ(number("18", "The answer is 9999999999999999999999999999999999999999."), Outcome::wrong);
}

TEST(NumberVerifier, Anchors) {
    const auto with = [](const char* anchors, const char* completion) {
        return verify("number", {{"gold", "18"}, {"anchors", anchors}}, completion).outcome;
    };
    EXPECT_EQ(with("any", "So she has 18 eggs"), Outcome::correct);
    EXPECT_EQ(with("anchored", "So she has 18 eggs"), Outcome::unparsed);
    EXPECT_EQ(with("anchored", "The answer is 18 eggs"), Outcome::correct);
    EXPECT_EQ(with("anchored", "18"), Outcome::correct);
    EXPECT_EQ(with("anchored", "#### 18"), Outcome::correct);
    EXPECT_EQ(with("boxed", "#### 18"), Outcome::unparsed);
    EXPECT_EQ(with("boxed", "\\boxed{18}"), Outcome::correct);
    EXPECT_EQ(with("somewhere", "18"), Outcome::error);
}

TEST(TaskVerifiers, NeedOneAnswerBlockAfterTheThinking) {
    const json gold = {{"numbers", {28, 8, 23}}, {"target", 43}};
    const auto outcome = [&](const char* text) { return verify("countdown", gold, text).outcome; };
    EXPECT_EQ(outcome("<think> 28 + 23 = 51 , 51 - 8 = 43 yes</think><answer> ( 28 + 23 ) - 8</answer>"),
              Outcome::correct);
    EXPECT_EQ(outcome("<answer>28 + 23 - 8</answer>"), Outcome::correct);
    EXPECT_EQ(outcome("<think>no end<answer>28 + 23 - 8</answer>"), Outcome::correct);
    EXPECT_EQ(outcome("<answer>28 + 23 + 8</answer>"), Outcome::wrong);
    EXPECT_EQ(outcome("28 + 23 - 8"), Outcome::unparsed);
    EXPECT_EQ(outcome("<think><answer>28 + 23 - 8</answer></think>"), Outcome::unparsed);
    EXPECT_EQ(outcome("<answer>28 + 23 - 8"), Outcome::unparsed);
    EXPECT_EQ(outcome("<answer>1</answer><answer>28 + 23 - 8</answer>"), Outcome::unparsed);
    for (const Family& family : families())
        for (const Problem& p : make_problems(family.name, 2, "zh", 50, 8, Split::all)) {
            const std::string answer = family.solve(p.gold);
            EXPECT_EQ(verify(family.name, p.gold, "<think>?</think><answer> " + answer + "</answer>").score,
                      1.0)
                << p.prompt;
        }
}

TEST(Format, SharedCases) {
    const fs::path path =
        fs::path(R1_SOURCE_DIR) / "../shared/data/format_cases/think_answer_format_cases.jsonl";
    if (!fs::exists(path)) GTEST_SKIP() << "the shared data is not here";
    std::istringstream lines(read_file(path));
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
        const json c = json::parse(line);
        const auto scheme = c["scheme"].get<std::string>();
        const std::string ours = scheme.starts_with("trl")           ? "think"
                                 : scheme.starts_with("open-r1 tag") ? "tag-count"
                                                                     : "open-r1";
        EXPECT_EQ(verify_format(ours, c["completion"].get<std::string>()).score,
                  c["expected_reward"].get<double>())
            << line;
    }
    EXPECT_EQ(count, 22);
}

TEST(Format, R1) {
    const auto score = [](const char* text) { return verify_format("r1", text).score; };
    EXPECT_EQ(score("<think>a</think><answer>b</answer>"), 1);
    EXPECT_EQ(score("\n<think>a</think>\n\n<answer>b</answer>\n"), 1);
    for (const char* bad :
         {"", "a<think>a</think><answer>b</answer>", "<think>a</think>c<answer>b</answer>",
          "<think>a</think><answer>b</answer>c", "<think>a</think><think>a</think><answer>b</answer>",
          "<answer>b</answer><think>a</think>", "<think>a<answer>b</answer></think>",
          "<think>a</think><answer>b", "<think></think><answer>b</answer>",
          "<think>a</think><answer> </answer>", "<think>\u200b</think><answer>b</answer>"})
        EXPECT_EQ(score(bad), 0) << bad;
    EXPECT_THROW(verify_format("haiku", ""), Error);
}

TEST(Reasoning, Counts) {
    const auto counts = count_reasoning(
        "<think> 4 + 5 = 9 no\n wait 4 * 5 = 20 too big\n 5 - 4 = 1 yes</think><answer> But not counted: "
        "wrong</answer>");
    EXPECT_EQ(counts.reflective_words, 1);
    EXPECT_EQ(counts.checks, 3);
    EXPECT_EQ(counts.backtracks, 2);
    EXPECT_EQ(counts.tries, 3);
    const auto chinese =
        count_reasoning("<think> 假设 甲 老实 : 甲 假 不对\n 等等 假设 甲 骗子 : 甲 假 对</think>");
    EXPECT_EQ(chinese.checks, 2);
    EXPECT_EQ(chinese.backtracks, 1);
    EXPECT_EQ(chinese.reflective_words, 2);
    EXPECT_EQ(chinese.tries, 2);
    EXPECT_EQ(count_reasoning("<think> 1 + 1 = 2 no\n give up</think><answer>2</answer>").backtracks, 0);
    EXPECT_EQ(count_reasoning("<answer>2</answer>").tries, 0);
    EXPECT_EQ(
        count_reasoning("However, checking: Wait! I must re-check. Nobody retried; butter.").reflective_words,
        3);
}

TEST(Grade, Requests) {
    EXPECT_EQ(grade({{"kind", "number"}, {"gold", "18"}, {"answer", "18.0"}})["outcome"], "correct");
    EXPECT_EQ(grade({{"kind", "number"}, {"gold", "18"}, {"answer", 18}})["score"], 1.0);
    EXPECT_EQ(grade({{"kind", "number"}, {"gold", "3/4"}, {"answer", "The answer is 0.75"}})["outcome"],
              "correct");
    EXPECT_EQ(grade({{"kind", "number"}, {"gold", "18"}, {"completion", "it is 17"}})["outcome"], "wrong");
    EXPECT_EQ(
        grade(
            {{"kind", "countdown"}, {"nums", {1, 2, 3}}, {"target", 6}, {"answer", "1 + 2 + 3"}})["outcome"],
        "correct");
    EXPECT_EQ(grade({{"kind", "countdown"},
                     {"gold", {{"nums", {1, 2, 3}}, {"target", 6}}},
                     {"answer", "1 + 2"}})["outcome"],
              "wrong");
    EXPECT_EQ(grade({{"kind", "format"}, {"completion", "<think>a</think><answer>b</answer>"}})["outcome"],
              "correct");
    EXPECT_EQ(grade({{"kind", "format"}, {"scheme", "think"}, {"completion", "<think>a</think>b"}})["score"],
              1.0);
    for (const char* bad :
         {R"(5)", R"({})", R"({"kind":"poem","gold":"1","answer":"1"})", R"({"kind":"number","answer":"1"})",
          R"({"kind":"number","gold":"one","answer":"1"})", R"({"kind":"number","gold":"1"})",
          R"({"kind":"number","gold":null,"answer":"1"})", R"({"kind":"number","gold":"1","answer":null})",
          R"({"kind":"countdown","answer":"1"})", R"({"kind":"format","scheme":3,"completion":""})",
          R"({"kind":"knights","gold":{"statements":[1,2]},"answer":"A"})"})
        EXPECT_THROW(grade(json::parse(bad)), Error) << bad;
}

TEST(Verify, MarksAroundAnAnswerOfATask) {
    const json gold = {{"numbers", {3, 3, 8, 8}}, {"target", 24}};
    for (const char* right :
         {"$8/(3-8/3)$", "\\boxed{8/(3-8/3)}", " `8/(3-8/3)` ", "**$8/(3-8/3)$**", "\\(8/(3-8/3)\\)"})
        EXPECT_EQ(verify("game24", gold, cat("<think>x</think><answer>", right, "</answer>")).score, 1)
            << right;
    for (const char* wrong :
         {"$8/(3-8/3)$ or $24$", "\\boxed{8/(3-8/3)} \\boxed{3*8}", "$", "$$", "\\boxed{}", "`"})
        EXPECT_EQ(verify("game24", gold, cat("<answer>", wrong, "</answer>")).score, 0) << wrong;
}

}  // namespace
}  // namespace r1
