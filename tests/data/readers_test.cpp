#include "data/readers.h"

#include <gtest/gtest.h>

#include "core/check.h"
#include "core/files.h"
#include "data/load.h"

namespace r1 {
namespace {

using nlohmann::json;

TEST(Data, Shapes) {
    struct Case {
        const char* row;
        const char* kind;
        const char* gold;
    };
    const Case cases[] = {
        {R"({"question":"q","answer":"48/2 = <<48/2=24>>24\n#### 1,072"})", "number", R"("1,072")"},
        {R"({"question":"q","golden":"39"})", "number", R"("39")"},
        {R"({"nums":[1,2,3],"target":6})", "countdown", R"({"numbers":[1,2,3],"target":6})"},
        {R"({"prompt":[{"role":"user","content":"q"}],"reward_model":{"style":"rule","ground_truth":"72"},"data_source":"x"})",
         "number", R"("72")"},
        {R"({"prompt":[{"role":"user","content":"q"}],"reward_model":{"ground_truth":{"target":6,"numbers":[1,2,3]}}})",
         "countdown", R"({"numbers":[1,2,3],"target":6})"},
        {R"({"prompt":"q","label":"-3.5"})", "number", R"("-3.5")"},
        {R"({"prompt":"q","ground_truth":7})", "number", R"("7")"},
        {R"({"problem":"q","solution":"so \\boxed{\\frac{1}{2}}."})", "", R"("\\frac{1}{2}")"},
        {R"({"problem":"q","answer":"0","solution":"?"})", "", R"("0")"},
        {R"({"family":"arithmetic","prompt":"User: compute 1 + 1 Assistant:","gold":{"a":1,"op":"+","b":1}})",
         "arithmetic", R"({"a":1,"b":1,"op":"+"})"},
    };
    for (const Case& c : cases) {
        const Example example = parse_example(json::parse(c.row));
        // mathematics is checked as such where there is a verifier for it
        EXPECT_EQ(example.kind, *c.kind ? c.kind : can_be_graded("math") ? "math" : "number") << c.row;
        const json expected = json::parse(c.gold);
        if (expected.is_object()) {
            for (const auto& [key, value] : expected.items()) EXPECT_EQ(example.gold[key], value) << c.row;
        } else {
            EXPECT_EQ(example.gold, expected) << c.row;
        }
        EXPECT_NO_THROW(check_gold(example)) << c.row;
        EXPECT_FALSE(example.question.empty()) << c.row;
    }
}

TEST(Data, BadRowsSayWhatIsWrong) {
    for (const char* row :
         {R"([])", R"({})", R"({"question":"q","answer":"#### many"})", R"({"prompt":"q"})",
          R"({"prompt":"","label":"1"})", R"({"prompt":[],"label":"1"})",
          R"({"prompt":[{"role":"user"}],"label":"1"})", R"({"question":5,"answer":"1"})",
          R"({"nums":"1 2","target":3})", R"({"nums":[1e99],"target":3})",
          R"({"problem":"q","solution":"\\boxed{x"})", R"({"family":"chess","prompt":"q","gold":{}})",
          R"({"prompt":"q","label":null})", R"({"prompt":"q","label":[1]})"})
        EXPECT_THROW(check_gold(parse_example(json::parse(row))), Error) << row;
}

TEST(Data, CodeRows) {
    const auto read = [](const char* row) { return parse_example(json::parse(row)); };
    Example example = read(
        R"({"problem":"Add.","verification_info":{"language":"python","test_cases":[{"input":"1 2\n","output":"3\n","type":"stdin_stdout"}]}})");
    EXPECT_EQ(example.kind, "code");
    EXPECT_EQ(example.gold["language"], "python");
    EXPECT_EQ(example.gold["verification_info"]["test_cases"][0]["output"], "3\n");
    EXPECT_NE(example.prompt().find("standard input"), std::string::npos);
    EXPECT_NE(example.prompt().find("```python"), std::string::npos);
    // the same as text, and by a function
    example = read(
        R"({"prompt":"Add.","verification_info":"{\"language\":\"C++\",\"test_cases\":[{\"fn_name\":\"add\",\"input\":\"[1,2]\",\"output\":\"3\",\"type\":\"function_call\"}]}"})");
    EXPECT_EQ(example.gold["language"], "cpp");
    EXPECT_EQ(example.gold["verification_info"]["test_cases"][0]["fn_name"], "add");
    EXPECT_NE(example.instruction.find("`add`"), std::string::npos);
    EXPECT_NE(example.instruction.find("```cpp"), std::string::npos);
    // code_contests in both shapes, APPS, DeepCoder, verl's PRIME
    const std::pair<const char*, const char*> shapes[] = {
        {R"({"problem":"p","tests":{"inputs":["1"],"outputs":["2"]}})", "tests"},
        {R"({"description":"p","public_tests":{"input":["1"],"output":["2"]},"private_tests":{"input":[],"output":[]}})",
         "private_tests"},
        {R"({"question":"p","input_output":"{\"inputs\":[\"1\"],\"outputs\":[\"2\"]}"})", "tests"},
        {R"({"problem":"p","tests":"[{\"type\":\"stdin_stdout\",\"input\":\"1\",\"output\":\"2\"}]"})",
         "tests"},
        {R"({"prompt":[{"role":"user","content":"p"}],"ability":"code","reward_model":{"ground_truth":"{\"inputs\":[\"1\"],\"outputs\":[\"2\"]}"}})",
         "tests"}};
    for (const auto& [row, key] : shapes) {
        EXPECT_EQ(read(row).kind, "code") << row;
        EXPECT_TRUE(read(row).gold.contains(key)) << row;
        EXPECT_EQ(read(row).question, "p") << row;
        EXPECT_NE(read(row).instruction.find("standard input"), std::string::npos) << row;
    }
    example = read(
        R"({"task_id":"HumanEval/0","prompt":"def f(x):\n    \"\"\"One more.\"\"\"\n","entry_point":"f","canonical_solution":"    return x + 1","test":"def check(candidate):\n    assert candidate(1) == 2\n"})");
    EXPECT_EQ(example.id, "HumanEval/0");
    EXPECT_EQ(example.gold["test"], "def check(candidate):\n    assert candidate(1) == 2\n");
    EXPECT_EQ(example.gold["prompt"], "def f(x):\n    \"\"\"One more.\"\"\"\n");
    EXPECT_FALSE(example.gold.contains("canonical_solution"));
    EXPECT_NE(example.question.find("```python\ndef f(x):"), std::string::npos);
    example = read(
        R"({"text":"Write a function.","code":"?","task_id":3,"test_setup_code":"x = 2","test_list":["assert f(1) == 2","assert f(2) == 3"]})");
    EXPECT_EQ(example.gold["test_list"][1], "assert f(2) == 3");
    EXPECT_EQ(example.gold["test_setup_code"], "x = 2");
    EXPECT_NE(example.question.find("assert f(2) == 3\n```"), std::string::npos);
    for (const char* row : {R"({"problem":"p","tests":["assert f() == 1"],"language":"Rust"})",
                            R"({"problem":"","tests":["assert f() == 1"]
})",
                            R"({"prompt":"p","entry_point":5,"test":"t"})", R"({"text":"t","test_list":[]})",
                            R"({"text":"t","test_list":"assert"})"})
        EXPECT_THROW(read(row), Error) << row;
}

TEST(Data, BugFixes) {
    const Example example = parse_example(json::parse(
        R"({"name":"sqrt","buggy":"def sqrt(x, e):\n    pass\n","correct":"?","testcases":[[[2,0.5],1.5],[[4,0.2],2]],"slow_testcases":[1],"pytest":"import pytest"})"));
    EXPECT_EQ(example.kind, "bugfix");
    EXPECT_EQ(example.gold["buggy"], "def sqrt(x, e):\n    pass\n");
    for (const char* key : {"name", "testcases", "slow_testcases", "pytest", "language"})
        EXPECT_TRUE(example.gold.contains(key)) << key;
    EXPECT_FALSE(example.gold.contains("correct"));
    EXPECT_NE(example.prompt().find("```python\ndef sqrt(x, e):"), std::string::npos);
    EXPECT_THROW(parse_example(json::parse(R"({"buggy":"","tests":["assert f() == 1"]
})")),
                 Error);
}

TEST(Data, Choices) {
    for (const char* row :
         {R"({"question":"q","choices":["x","y","z"],"answer":"B"})",
          R"({"question":"q","choices":["x","y","z"],"answer":1})",
          R"({"question":"q","options":["x","y","z"],"answer":"y"})",
          R"({"question":"q","options":{"A":"x","B":"y","C":"z"},"answer":"B"})",
          R"({"question":"q","A":"x","B":"y","C":"z","answer":"B"})",
          R"({"question":"q","choices":{"text":["x","y","z"],"label":["1","2","3"]},"answerKey":"2"})"}) {
        const Example example = parse_example(json::parse(row));
        EXPECT_EQ(example.kind, "mcq") << row;
        EXPECT_EQ(example.gold, json::parse(R"({"answer":"B","choices":["x","y","z"]})")) << row;
        EXPECT_EQ(example.question, "q\n\nA. x\nB. y\nC. z") << row;
        EXPECT_FALSE(example.instruction.empty());
    }
    // a text that is a letter is not taken for another option's label
    EXPECT_EQ(
        parse_example(json::parse(R"({"question":"q","choices":["B","A"],"answer":"A"})")).gold["answer"],
        "A");
    EXPECT_NE(
        parse_example(json::parse(R"({"question":"哪个是首都？","choices":["北京","上海"],"answer":"A"})"))
            .instruction.find("答案"),
        std::string::npos);
    for (const char* row : {R"({"question":"q","choices":["x"],"answer":"A"})",
                            R"({"question":"q","choices":["x","y"],"answer":"C"})",
                            R"({"question":"q","choices":["x","y"],"answer":2})",
                            R"({"question":"q","choices":"x","answer":"A"})",
                            R"({"question":"q","choices":{"text":["x","y"],"label":["A"]},"answer":"A"})"})
        EXPECT_THROW(parse_example(json::parse(row)), Error) << row;
}

TEST(Data, ConversationsAndRowsWithoutGold) {
    const auto read = [](const char* row) { return parse_example(json::parse(row)); };
    Example example = read(
        R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"},{"role":"assistant","content":"d"}]})");
    EXPECT_EQ(example.kind, "completion");
    EXPECT_EQ(example.gold, "d");
    EXPECT_EQ(example.messages.size(), 3u);
    EXPECT_EQ(example.question, "c");
    example = read(R"({"messages":[{"role":"user","content":[{"type":"text","text":"a"}]}],"answer":"18"})");
    EXPECT_EQ(example.kind, "number");
    EXPECT_EQ(example.question, "a");
    EXPECT_TRUE(example.messages.is_null());
    EXPECT_EQ(read(R"({"prompt":"p","completion":"c"})").gold, "c");
    EXPECT_EQ(read(R"({"prompt":"p","chosen":"good","rejected":"bad"})").gold["rejected"], "bad");
    example =
        read(R"({"chosen":"\n\nHuman: hi\n\nAssistant: good","rejected":"\n\nHuman: hi\n\nAssistant: bad"})");
    EXPECT_EQ(example.question, "\n\nHuman: hi\n\nAssistant:");
    EXPECT_EQ(example.gold["chosen"], " good");
    EXPECT_EQ(read(R"({"prompt":"p","instruction_id_list":["punctuation:no_comma"],"kwargs":[{}]})").kind,
              "ifeval");
    EXPECT_EQ(read(R"({"turns":["first","second"]})").question, "first");
    for (const char* row : {R"({"prompt":"p","completion":"c"})", R"({"prompt":"p"})", R"({"turns":["t"]})"})
        EXPECT_THROW(check_gold(read(row)), Error) << row;
}

TEST(Data, OwnRows) {
    const char* row = R"({"id":"7","question":"How?","instruction":"Briefly.","kind":"number","gold":"5"})";
    const Example example = parse_example(json::parse(row));
    EXPECT_EQ(example.prompt(), "How?\n\nBriefly.");
    EXPECT_EQ(example.id, "7");
    EXPECT_NO_THROW(check_gold(example));
}

TEST(Data, MathematicsAsksForABoxAndListsOfSolutionsHaveNoOrder) {
    const auto read = [](const char* problem, const char* answer) {
        return parse_example({{"problem", problem}, {"answer", answer}});
    };
    EXPECT_NE(read("How many?", "5").instruction.find("\\boxed{}"), std::string::npos);
    EXPECT_NE(read("一共有多少只鸟？", "5").instruction.find("最终答案"), std::string::npos);
    EXPECT_TRUE(parse_example({{"prompt", "How many?"}, {"answer", "5"}}).instruction.empty());

    const auto policy = [&](const char* problem, const char* answer) {
        const json gold = read(problem, answer).gold;
        return gold.is_object() ? gold.at("policy").get<std::string>() : "";
    };
    EXPECT_EQ(policy("Find all roots, separated by commas.", "1,-2"), "unordered");
    EXPECT_EQ(policy("求所有的解。", "1, -2"), "unordered");
    EXPECT_EQ(policy("Find all roots in increasing order.", "-2,1"), "");
    EXPECT_EQ(policy("What are the mean and the median?", "1, 2"), "");
    EXPECT_EQ(policy("Find all pairs.", "(1,2)"), "");
    EXPECT_EQ(policy("Find the sum of all possible values.", "12,345"), "");
    EXPECT_EQ(policy("Find the sum of all possible values.", "12,\\!345"), "");
    EXPECT_EQ(read("From the \\boxed{7}", "so \\boxed{x = \\boxed{3}}").gold, "x = \\boxed{3}");
}

// Every set that is at hand: how many rows are read, and how many of them a verifier can grade.
TEST(Data, SharedSets) {
    const fs::path shared = fs::path(R1_SOURCE_DIR) / "../shared/data";
    if (!fs::exists(shared)) GTEST_SKIP() << "the shared data is not here";
    struct Set {
        const char* file;
        size_t rows;
        const char* kind;  // "math" is "number" where there is no verifier for it
    };
    const Set sets[] = {{"aime2024/aime2024.jsonl", 30, "math"},
                        {"amc/amc23.jsonl", 40, "math"},
                        {"amc/amc_test.jsonl", 83, "math"},
                        {"chinese_math/cmath.jsonl.gz", 1098, "number"},
                        {"chinese_math/mgsm_zh.jsonl.gz", 250, "number"},
                        {"code_contests/test.jsonl.gz", 165, "code"},
                        {"gsm8k/test.jsonl.gz", 1319, "number"},
                        {"hh_rlhf/harmless-base_test.jsonl.gz", 2312, "preference"},
                        {"humaneval/HumanEval.jsonl.gz", 164, "code"},
                        {"ifeval/input_data.jsonl.gz", 541, "ifeval"},
                        {"math500/test.jsonl", 500, "math"},
                        {"mbpp/mbpp.jsonl.gz", 974, "code"},
                        {"mbpp/sanitized-mbpp.json.gz", 427, "code"},
                        {"mmlu/dev.jsonl.gz", 285, "mcq"},
                        {"mt_bench/question.jsonl", 80, ""},
                        {"quixbugs/quixbugs_python.jsonl", 40, "bugfix"}};
    for (const Set& set : sets) {
        const LoadedData data = load_examples(shared / set.file, false);
        EXPECT_EQ(data.examples.size(), set.rows) << set.file;
        EXPECT_EQ(data.skipped, 0u) << set.file << ": " << data.problems.front();
        for (const Example& example : data.examples) {
            const bool number = set.kind == std::string("math") && example.kind == "number";
            ASSERT_TRUE(number ? !can_be_graded("math") : example.kind == set.kind)
                << set.file << example.kind;
            if (can_be_graded(example.kind)) {
                ASSERT_NO_THROW(check_gold(example)) << set.file << " " << example.gold.dump();
            }
        }
    }
}

}  // namespace
}  // namespace r1
