// Problems of repair made from working programs.
#include "data/repairs.h"

#include <gtest/gtest.h>

#include "core/check.h"
#include "data/readers.h"
#include "reward/bugfix.h"
#include "sandbox/launch.h"

namespace r1 {
namespace {

using nlohmann::json;

TEST(Repairs, TheProgramOfARow) {
    EXPECT_EQ(working_program({{"code", "x = 1"}}), "x = 1");
    EXPECT_EQ(working_program({{"prompt", "def f():\n"}, {"canonical_solution", "    return 1"}}),
              "def f():\n    return 1");
    EXPECT_EQ(working_program({{"gold_standard_solution", "```python\nx = 1\n```"}}), "x = 1\n");
    EXPECT_EQ(working_program({{"solutions", {"x = 1", "x = 2"}}}), "x = 1");
    EXPECT_EQ(working_program({{"solutions", {{"language", {2, 3}}, {"solution", {"int x;", "x = 1"}}}}}),
              "x = 1");
    for (const json& row : {json{{"text", "x"}}, json{{"code", 3}}, json{{"solutions", json::array()}},
                            json{{"solutions", {{"language", {2}}, {"solution", {"int x;"}}}}}})
        EXPECT_THROW(working_program(row), Error) << row;
}

TEST(Repairs, RowsThatTheReadersTake) {
    const std::string problem = sandbox::sandbox_problem();
    if (!problem.empty()) GTEST_SKIP() << problem;
    const json row = {
        {"task_id", 7},
        {"text", "Write a function that keeps x within low and high."},
        {"code",
         "def clamp(x, low, high):\n    if x < low:\n        return low\n    if x > high:\n        return "
         "high\n"
         "    return x\n"},
        {"test_list",
         {"assert clamp(1, 2, 5) == 2", "assert clamp(9, 2, 5) == 5", "assert clamp(3, 2, 5) == 3"}}};
    const std::string program = working_program(row);
    const std::vector<Example> repairs = repairs_of(parse_example(row), program, 3, 1);
    ASSERT_EQ(repairs.size(), 3u);
    for (size_t i = 0; i < repairs.size(); ++i) {
        const Example& repair = repairs[i];
        EXPECT_EQ(repair.id, cat("7/", i + 1));
        const std::string buggy = repair.gold["buggy"];
        EXPECT_NE(buggy, program);
        EXPECT_NE(repair.question.find(buggy), std::string::npos);
        EXPECT_NE(repair.question.find("keeps x within"), std::string::npos);
        const Example read =
            parse_example({{"question", repair.question}, {"kind", repair.kind}, {"gold", repair.gold}});
        EXPECT_NO_THROW(check_gold(read));
        EXPECT_EQ(compare_bugfix(read.gold, buggy).score, 0) << buggy;
        EXPECT_EQ(compare_bugfix(read.gold, program).score, 1);
    }
    EXPECT_EQ(repairs_of(parse_example(row), program, 3, 1)[2].gold, repairs[2].gold);
    EXPECT_THROW(repairs_of(parse_example(row), "def clamp(x, low, high): return x", 1, 1), Error);
    EXPECT_THROW(repairs_of(parse_example({{"question", "1 + 1?"}, {"answer", "2"}}), "x = 1", 1, 1), Error);
}

}  // namespace
}  // namespace r1
