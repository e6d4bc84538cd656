// Programs and functions, judged by tests in the sandbox.
#include "reward/code.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "reward/bugfix.h"
#include "reward/code_problem.h"
#include "reward/mutate.h"
#include "reward/patch.h"
#include "reward/verifier.h"
#include "sandbox/boxed_test.h"

namespace r1 {
namespace {

using nlohmann::json;

class CodeTest : public sandbox::BoxedTest {};
using BugfixTest = CodeTest;

TEST(Code, LanguagesGoByManyNames) {
    for (const char* name : {"python", "Python 3", "py", "PY3", "python3.11", "PyPy 3"})
        EXPECT_EQ(programming_language(name), "python") << name;
    for (const char* name : {"cpp", "C++", "C++17", "cc", "cxx", "GNU C++20", "cpp20"})
        EXPECT_EQ(programming_language(name), "cpp") << name;
    for (const char* name : {"", "c", "pycon", "pytb", "Rust", "java", "cobol", "python2.7", "PyPy 2"})
        EXPECT_EQ(programming_language(name), "") << name;
}

TEST(CodeBlocks, TheLastOfTheLanguageAfterTheThinking) {
    CodeBlock block;
    std::string reason;
    const auto extract = [&](const std::string& text, std::string_view tests = "") {
        block = {};
        return extract_code(text, "python", tests, block, reason) ? block.text : "none: " + reason;
    };
    EXPECT_EQ(extract("```python\na\n```\ntext\n```py\nb\n```\n```text\nc\n```"), "b\n");
    EXPECT_EQ(extract("```\na\n```\n```cpp\nb\n```"), "a\n");
    EXPECT_EQ(extract("<think>\n```python\na\n```\n</think>\n<answer>\n```Python3\nb\n```\n</answer>"),
              "b\n");
    EXPECT_EQ(extract("<think>x</think><answer>\nprint(1)\n</answer>"), "print(1)\n");
    EXPECT_EQ(extract("````python\n```\n````"), "```\n");
    EXPECT_EQ(extract("~~~python\r\na\r\n~~~\r\n"), "a\n");
    EXPECT_EQ(extract("```python3.11\na\n```"), "a\n");
    EXPECT_EQ(extract("1. So:\n\n   ```python\n   if a:\n       b\n   ```\n"), "if a:\n    b\n");
    EXPECT_EQ(
        extract("```python\ndef f(): pass\n```\nTry it:\n```python\nprint(f())\n```", "assert f() is None"),
        "def f(): pass\n");
    EXPECT_EQ(extract("```py\nclass A:\n  def f(s): 1\n```\n```py\ndef ff(): 2\n```", "[{\"fn\":\"f\"}]"),
              "class A:\n  def f(s): 1\n");
    EXPECT_EQ(extract("```py\ndef f(): 1\n```\n```py\ndef f(): 2\n```", "f"), "def f(): 2\n");
    EXPECT_TRUE(extract("```python\na").starts_with("none"));
    EXPECT_TRUE(extract("<think>```python\na\n```").starts_with("none"));
    EXPECT_TRUE(extract("```cpp\na\n```").starts_with("none"));
    EXPECT_TRUE(extract("").starts_with("none"));
}

TEST(OutputsMatch, AsTheJudges) {
    const auto tokens = [](const char* got, const char* expected) {
        return outputs_match(got, expected, OutputCompare::tokens);
    };
    EXPECT_TRUE(tokens("1 2\n3", "1 2 3\n"));
    EXPECT_TRUE(tokens("yes", "YES\n"));
    EXPECT_TRUE(tokens("0.3333333", "0.333333333"));
    EXPECT_TRUE(tokens("4.0", "4"));
    EXPECT_TRUE(tokens("", "\n"));
    EXPECT_FALSE(tokens("1 2", "1 2 3"));
    EXPECT_FALSE(tokens("1 2 3", "1 2"));
    EXPECT_FALSE(tokens("", "1"));
    EXPECT_FALSE(tokens("0.334", "0.3333"));
    EXPECT_FALSE(tokens("0", "0.000001"));
    EXPECT_FALSE(tokens("nan", "1"));
    EXPECT_FALSE(tokens("inf", "1e999"));
    EXPECT_FALSE(tokens("100000000000000000001", "100000000000000000000"));
    EXPECT_TRUE(outputs_match("a b \n c\n\n", "a b\nc", OutputCompare::lines));
    EXPECT_FALSE(outputs_match("A", "a", OutputCompare::lines));
    EXPECT_FALSE(outputs_match("", "a", OutputCompare::lines));
    EXPECT_FALSE(outputs_match("a\nb", "a b", OutputCompare::lines));
    EXPECT_TRUE(outputs_match("a\n", "a", OutputCompare::exact));
    EXPECT_FALSE(outputs_match(" a", "a", OutputCompare::exact));
}

TEST(CodeGold, UnusableOnesAreNamed) {
    for (const char* text :
         {"{}", "[]", "{\"tests\": 3}", "{\"tests\": []}",
          "{\"tests\": {\"inputs\": [\"1\"], \"outputs\": []}}",
          "{\"tests\": {\"inputs\": 1, \"outputs\": 2}}",
          "{\"language\": \"cobol\", \"tests\": {\"inputs\": [\"1\"], \"outputs\": [\"1\"]}}",
          "{\"tests\": [{\"input\": \"1\"}]}",
          "{\"tests\": [{\"input\": \"1\", \"output\": \"2\", \"type\": \"magic\"}]}",
          "{\"tests\": [{\"input\": \"1\", \"output\": \"2\", \"type\": \"function_call\"}]}",
          "{\"language\": \"cpp\", \"tests\": [\"assert f() == 1\"]}",
          "{\"tests\": {\"inputs\": [{}], \"outputs\": [[1]]}}",
          "{\"tests\": [\"assert 1\"], \"time_limit\": -1}",
          "{\"tests\": [\"assert 1\"], \"time_limit\": \"x\"}",
          "{\"tests\": [\"assert 1\"], \"compare\": \"magic\"}"})
        EXPECT_THROW(check_code_gold(json::parse(text)), Error) << text;
}

json grade_code(json gold, const std::string& source) {
    gold["kind"] = "code";
    gold["source"] = source;
    return grade(gold);
}

TEST_F(CodeTest, ProgramsInPythonAndCpp) {
    const json tests = {{"tests", {{"inputs", {"1 2\n", "3 4\n"}}, {"outputs", {"3\n", "7\n"}}}}};
    EXPECT_EQ(grade_code(tests, "a, b = map(int, input().split())\nprint(a + b)")["score"], 1);
    const json wrong = grade_code(tests, "print(3)");
    EXPECT_EQ(wrong["score"], 0);
    EXPECT_EQ(wrong["outcome"], "wrong");
    EXPECT_NE(wrong["reason"].get<std::string>().find("test 2 of 2"), std::string::npos);
    json cpp = tests;
    cpp["language"] = "cpp";
    EXPECT_EQ(
        grade_code(cpp,
                   "#include <iostream>\nint main() { long a, b; std::cin >> a >> b; std::cout << a + b; }")
            ["score"],
        1);
    const json broken = grade_code(cpp, "int main() { return x; }");
    EXPECT_EQ(broken["outcome"], "wrong");
    EXPECT_NE(broken["reason"].get<std::string>().find("does not compile"), std::string::npos);
    json partial = tests;
    partial["partial"] = true;
    EXPECT_EQ(grade_code(partial, "print(7)")["score"], 0.5);
    json slow = tests;
    slow["time_limit"] = 0.1;
    EXPECT_EQ(grade_code(slow, "while True: pass")["outcome"], "timeout");
}

TEST_F(CodeTest, FormatsOfDataSets) {
    const std::string add = "def add(a, b):\n    return a + b\n",
                      wrong = "def add(a, b):\n    return a - b\n";
    const json formats[] = {
        {{"test_list", {"assert add(1, 2) == 3", "assert add(2, 2) == 4"}}, {"test_setup_code", ""}},
        {{"tests", {"assert add(1, 2) == 3"}}, {"test_imports", {"import math"}}},
        {{"prompt", "def add(a, b):\n    \"\"\"sum\"\"\"\n"},
         {"entry_point", "add"},
         {"test", "def check(candidate):\n    assert candidate(1, 2) == 3\n    assert add(0, 1) == 1\n"}},
        {{"verification_info",
          {{"language", "python"},
           {"test_cases",
            {{{"input", "1\n2"}, {"output", "3"}, {"type", "function_call"}, {"fn_name", "add"}},
             {{"input", {4, 5}}, {"output", 9}, {"type", "function_call"}, {"fn_name", "add"}}}}}}},
        {{"tests", "{\"inputs\": [[1, 2], [2, 3]], \"outputs\": [[3], [5]], \"fn_name\": \"add\"}"}},
        {{"tests",
          "from solution import add\ndef test_one():\n    assert add(1, 2) == 3\nclass TestMore:\n    def "
          "test_two(self):\n        assert add(5, 5) == 10\n"}},
        {{"tests",
          "import unittest\nclass Case(unittest.TestCase):\n    def test_add(self):\n        "
          "self.assertEqual(add(1, 2), 3)\n"}},
        {{"name", "add"}, {"testcases", {{{1, 2}, 3}, {{2, 2}, 4}}}},
    };
    for (const json& gold : formats) {
        const json good = grade_code(gold, add);
        EXPECT_EQ(good["score"], 1) << gold << good;
        EXPECT_EQ(grade_code(gold, wrong)["outcome"], "wrong") << gold;
        EXPECT_EQ(grade_code(gold, "def other(): pass")["outcome"], "wrong") << gold;
        EXPECT_EQ(grade_code(gold, "def add(a, b:")["outcome"], "wrong") << gold;
    }
    EXPECT_EQ(grade_code(formats[2], "    return a + b\n")["score"], 1) << "a body continues the prompt";
    EXPECT_EQ(grade_code({{"tests", {{{"input", "1"}, {"output", "a\nb"}, {"type", "stdin_stdout"}}}}},
                         "print('a')\nprint('b ')")["score"],
              1);
}

TEST_F(CodeTest, BadTestsAreNoFaultOfTheAnswer) {
    const Verdict verdict =
        verify("code", {{"tests", {"assert f( == 1"}}}, "```python\ndef f(): return 1\n```");
    EXPECT_EQ(verdict.outcome, Outcome::error) << verdict.reason;
}

TEST_F(CodeTest, CompletionsAreRead) {
    const json gold = {{"test_list", {"assert f() == 1"}}};
    EXPECT_EQ(verify("code", gold, "<think>hm</think>\nHere:\n```python\ndef f(): return 1\n```\n").score, 1);
    EXPECT_EQ(verify("code", gold, "def f(): return 1").outcome, Outcome::unparsed);
    EXPECT_EQ(verify("code", gold, "```python\n```").outcome, Outcome::unparsed);
}

// --- repair

TEST(Patch, FitsOrSaysWhy) {
    const std::string source = "a\nb\nc\nd\ne\nb\n";
    EXPECT_EQ(apply_patch(source, "--- x\n+++ x\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"), "a\nB\nc\nd\ne\nb\n");
    EXPECT_EQ(apply_patch(source, "@@ -40,2 +40,2 @@ def f\n d\n-e\n+E\n"), "a\nb\nc\nd\nE\nb\n")
        << "wrong numbers";
    EXPECT_EQ(apply_patch(source, "@@ -2 +2 @@\n-b\n+B\n@@ -5,2 +5 @@\n-e\n-b\n+x\n"), "a\nB\nc\nd\nx\n");
    EXPECT_EQ(apply_patch(source, "@@ -0,0 +1 @@\n+first\n"), "first\n" + source);
    EXPECT_EQ(apply_patch("a\n\nb\n", "@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n\\ No newline at end of file\n"),
              "a\n\nc\n");
    const auto reason = [&](const std::string& patch) -> std::string {
        try {
            return "applied: " + apply_patch(source, patch);
        } catch (const Error& error) {
            return error.what();
        }
    };
    EXPECT_NE(reason("@@ -9 +9 @@\n-b\n+B\n").find("several places"), std::string::npos);
    EXPECT_NE(reason("@@ -1 +1 @@\n-z\n+B\n").find("does not fit"), std::string::npos);
    EXPECT_NE(reason("@@ -1,2 +1 @@\n-a\n+B\n").find("header says"), std::string::npos);
    EXPECT_NE(reason("@@ -1 +1 @@\n-a\n+B\n+C\n").find("more lines"), std::string::npos);
    EXPECT_NE(reason("@@ -1 +1 @@\n*a\n").find("begins with neither"), std::string::npos);
    EXPECT_NE(reason("@@ what @@\n").find("header is not"), std::string::npos);
    EXPECT_NE(reason("@@ -99999999999999999999 +1 @@\n").find("header is not"), std::string::npos);
    EXPECT_NE(reason("nothing").find("no hunk"), std::string::npos);
    EXPECT_NE(reason("--- x\n+++ x\n@@ -1 +1 @@\n-a\n+b\n--- y\n+++ y\n@@ -1 +1 @@\n-a\n+b\n")
                  .find("several files"),
              std::string::npos);
}

TEST_F(BugfixTest, ASourceOrADiff) {
    const json gold = {
        {"buggy", "def add(a, b):\n    return a - b\n"},
        {"test_list", {"assert add(0, 0) == 0", "assert add(1, 2) == 3", "assert add(1, -2) == -1"}}};
    EXPECT_EQ(verify("bugfix", gold, "```python\ndef add(a, b):\n    return a + b\n```").score, 1);
    EXPECT_EQ(verify("bugfix", gold,
                     "```diff\n--- a.py\n+++ b.py\n@@ -1,2 +1,2 @@\n def add(a, b):\n-    return a - b\n+    "
                     "return a + b\n```")
                  .score,
              1);
    EXPECT_EQ(verify("bugfix", gold,
                     "```diff\n@@ -1,2 +1,2 @@\n def add(a, b):\n-    return a * b\n+    return a + b\n```")
                  .outcome,
              Outcome::unparsed);
    EXPECT_EQ(verify("bugfix", gold, "```python\ndef add(a, b):\n    return a - b\n```").score, 0);
    EXPECT_EQ(verify("bugfix", {{"buggy", 3}}, "x").outcome, Outcome::error);
    json partial = gold;
    partial["partial"] = true;
    EXPECT_EQ(verify("bugfix", partial, "```python\ndef add(a, b):\n    return a - b\n```").score, 0)
        << "nothing is repaired";
    EXPECT_DOUBLE_EQ(verify("bugfix", partial, "```python\ndef add(a, b):\n    return a + abs(b)\n```").score,
                     0.5);
    EXPECT_EQ(verify("bugfix", partial, "```python\ndef add(a, b):\n    return 3\n```").score, 0)
        << "breaks a test that passed";
}

TEST_F(BugfixTest, MutantsOfAWorkingProgram) {
    const std::string source =
        "def clamp(x, low, high):\n    # keep\n    if x < low:\n        return low\n    if x > high:\n       "
        " return high\n    return x\n";
    const std::vector<Mutant> mutants = mutants_of(source);
    EXPECT_GT(mutants.size(), 8U);
    for (const Mutant& mutant : mutants) {
        EXPECT_NE(mutant.source, source);
        EXPECT_NE(mutant.source.find("# keep"), std::string::npos);
    }
    const json gold = {
        {"test_list",
         {"assert clamp(1, 2, 5) == 2", "assert clamp(9, 2, 5) == 5", "assert clamp(3, 2, 5) == 3"}}};
    for (const uint64_t seed : {1, 2, 3}) {
        const std::vector<json> problems = make_bugfixes(gold, source, seed, 2);
        ASSERT_EQ(problems.size(), 2U);
        EXPECT_NE(problems[0]["buggy"], problems[1]["buggy"]);
        for (const json& problem : problems) {
            EXPECT_EQ(compare_bugfix(problem, problem["buggy"].get<std::string>()).score, 0);
            EXPECT_EQ(compare_bugfix(problem, source).score, 1);
        }
    }
    EXPECT_THROW(make_bugfixes(gold, "def clamp(x, low, high): return x", 1), Error) << "it does not work";
    EXPECT_THROW(mutants_of("def f(:"), Error);
}

}  // namespace
}  // namespace r1
