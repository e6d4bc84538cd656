// The reference solutions of published data sets. By default every 20th row; all with R1_TEST_ALL=1.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "data/rows.h"
#include "reward/bugfix.h"
#include "reward/code.h"
#include "sandbox/boxed_test.h"

namespace r1 {
namespace {

using nlohmann::json;

class CodeDataTest : public sandbox::BoxedTest {
  protected:
    // A share of the rows; none, and the test skips, where the data is not beside the checkout.
    std::vector<json> rows(const std::string& name, size_t step = 20) {
        const std::filesystem::path path = std::filesystem::path(R1_SOURCE_DIR) / "../shared/data" / name;
        std::vector<json> found;
        if (!std::filesystem::exists(path)) return found;
        const bool all = std::getenv("R1_TEST_ALL") != nullptr;
        size_t number = 0;
        for_each_line(read_text_file(path), [&](std::string_view line, size_t) {
            if (all || number++ % step == 0) found.push_back(json::parse(line));
        });
        return found;
    }
};

#define ROWS_OR_SKIP(name, path)               \
    const std::vector<json> name = rows(path); \
    if (name.empty()) GTEST_SKIP() << "there is no ../shared/data/" << path

TEST_F(CodeDataTest, HumanEval) {
    ROWS_OR_SKIP(problems, "humaneval/HumanEval.jsonl.gz");
    for (const json& row : problems) {
        const Verdict good = compare_code(row, row["canonical_solution"].get<std::string>());
        EXPECT_EQ(good.score, 1) << row["task_id"] << good.reason;
        const Verdict none = compare_code(row, "    return None\n");
        EXPECT_EQ(none.outcome, Outcome::wrong) << row["task_id"] << none.reason;
    }
}

TEST_F(CodeDataTest, Mbpp) {
    ROWS_OR_SKIP(problems, "mbpp/mbpp.jsonl.gz");
    for (json row : problems) {
        row["challenge"] = true;
        const Verdict good = compare_code(row, row["code"].get<std::string>());
        EXPECT_EQ(good.score, 1) << row["task_id"] << good.reason;
        EXPECT_EQ(compare_code(row, "def nothing(): pass").score, 0) << row["task_id"];
    }
}

TEST_F(CodeDataTest, SanitizedMbpp) {
    const std::filesystem::path path =
        std::filesystem::path(R1_SOURCE_DIR) / "../shared/data/mbpp/sanitized-mbpp.json.gz";
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "there is no " << path;
    const json problems = json::parse(read_text_file(path));
    const size_t step = std::getenv("R1_TEST_ALL") ? 1 : 20;
    for (size_t i = 0; i < problems.size(); i += step) {
        const json& row = problems[i];
        const Verdict good = compare_code(row, row["code"].get<std::string>());
        EXPECT_EQ(good.score, 1) << row["task_id"] << good.reason;
    }
}

TEST_F(CodeDataTest, QuixBugs) {
    const std::vector<json> problems = rows("quixbugs/quixbugs_python.jsonl", 5);
    if (problems.empty()) GTEST_SKIP() << "there is no ../shared/data/quixbugs";
    for (json row : problems) {
        if (!std::getenv("R1_TEST_ALL")) row["time_limit"] = 0.3;
        const Verdict good = compare_bugfix(row, row["correct"].get<std::string>());
        EXPECT_EQ(good.score, 1) << row["name"] << good.reason;
        const Verdict bad = compare_bugfix(row, row["buggy"].get<std::string>());
        EXPECT_EQ(bad.score, 0) << row["name"] << bad.reason;
        EXPECT_TRUE(bad.outcome == Outcome::wrong || bad.outcome == Outcome::timeout)
            << row["name"] << bad.reason;
    }
}

TEST_F(CodeDataTest, CodeContestsAreRead) {
    ROWS_OR_SKIP(problems, "code_contests/test.jsonl.gz");
    for (const json& row : problems) {
        check_code_gold(row);
        // a program that says what is expected, and one that says something else
        const json& tests = row["tests"];
        json source = json::object();
        for (size_t i = 0; i < tests["inputs"].size(); ++i)
            source[tests["inputs"][i].get<std::string>()] = tests["outputs"][i];
        const std::string oracle =
            "import json, sys\nprint(json.loads(" + json(source.dump()).dump() + ")[sys.stdin.read()])";
        const Verdict good = compare_code(row, oracle);
        EXPECT_EQ(good.score, 1) << good.reason;
        EXPECT_EQ(compare_code(row, "print('nothing of this kind')").score, 0);
    }
}

}  // namespace
}  // namespace r1
