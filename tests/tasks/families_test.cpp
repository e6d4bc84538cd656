#include <gtest/gtest.h>

#include <set>

#include "core/check.h"
#include "tasks/arithmetic.h"
#include "tasks/countdown.h"
#include "tasks/expression.h"
#include "tasks/knights.h"
#include "tasks/task.h"

namespace r1 {
namespace {

TEST(Families, SolverSatisfiesTheCheckerAtEveryLevel) {
    for (const Family& family : families())
        for (int level = 1; level <= family.levels; ++level)
            for (const char* language : {"en", "zh"})
                for (const Problem& problem :
                     make_problems(family.name, level, language, level > 2 ? 2 : 20, 5, Split::all)) {
                    const std::string answer = family.solve(problem.gold);
                    const Check check = family.check(problem.gold, answer);
                    ASSERT_TRUE(check.parsed && check.correct)
                        << problem.prompt << " " << answer << ": " << check.reason;
                }
}

TEST(Families, SplitsAreDisjointAndAboutATenthIsHeldOut) {
    for (const Family& family : families()) {
        std::set<std::string> train, held_out;
        for (const Problem& p : make_problems(family.name, 2, "en", 400, 1, Split::train)) {
            EXPECT_FALSE(p.held_out);
            train.insert(p.gold.dump());
        }
        for (const Problem& p : make_problems(family.name, 2, "en", 20, 2, Split::held_out)) {
            EXPECT_TRUE(p.held_out);
            held_out.insert(p.gold.dump());
        }
        for (const std::string& gold : held_out) EXPECT_FALSE(train.contains(gold)) << gold;
        int count = 0;
        for (const Problem& p : make_problems(family.name, 2, "en", 1000, 3, Split::all)) count += p.held_out;
        EXPECT_NEAR(count / 1000.0, 0.1, 0.04) << family.name;
    }
}

TEST(Families, TheSplitForgetsOrderAndNames) {
    countdown::Puzzle a{{28, 8, 23, 0}, 3, 40}, b{{23, 28, 8, 0}, 3, 40};
    EXPECT_EQ(countdown::canonical(a), countdown::canonical(b));
    EXPECT_EQ(arithmetic::canonical({347, '+', 285}), arithmetic::canonical({285, '+', 347}));
    EXPECT_NE(arithmetic::canonical({347, '-', 285}), arithmetic::canonical({285, '-', 347}));
    using knights::Claim;
    knights::Puzzle x, y;  // A: B liar, B: C honest, C: A and B liar; then with A and B exchanged
    x.statements = {{{Claim::liar, 1, 1}, {Claim::honest, 2, 2}, {Claim::both_liars, 0, 1}, {}}};
    y.statements = {{{Claim::honest, 2, 2}, {Claim::liar, 0, 0}, {Claim::both_liars, 0, 1}, {}}};
    EXPECT_EQ(knights::canonical(x), knights::canonical(y));
}

TEST(Families, TheSameSeedGivesTheSameProblemsWhateverTheCount) {
    for (const Family& family : families()) {
        const auto few = make_problems(family.name, 2, "en", 5, 42, Split::train);
        const auto many = make_problems(family.name, 2, "en", 50, 42, Split::train);
        for (size_t i = 0; i < few.size(); ++i) EXPECT_EQ(few[i].prompt, many[i].prompt);
    }
    EXPECT_EQ(make_problems("countdown", 2, "en", 1, 1, Split::held_out)[0].prompt,
              "User: make 90 from 21 27 15 Assistant:");
    EXPECT_EQ(make_problems("arithmetic", 2, "zh", 1, 1, Split::held_out)[0].prompt,
              "用户: 计算 7 0 4 * 8 助手:");
    EXPECT_EQ(make_problems("knights", 2, "en", 1, 1, Split::held_out)[0].prompt,
              "User: A says A differs B . B says A and B liar . C says A liar . who is liar ? Assistant:");
}

TEST(Families, UnknownNamesAndLevelsAreNamed) {
    EXPECT_THROW(find_family("chess"), Error);
    EXPECT_THROW(make_problems("countdown", 4, "en", 1, 1, Split::all), Error);
    EXPECT_THROW(make_problems("countdown", 1, "fr", 1, 1, Split::all), Error);
}

TEST(Countdown, Checker) {
    const nlohmann::json gold = {{"numbers", {28, 8, 23}}, {"target", 43}};
    const auto correct = [&](const char* answer) {
        return find_family("countdown").check(gold, answer).correct;
    };
    const auto parsed = [&](const char* answer) {
        return find_family("countdown").check(gold, answer).parsed;
    };
    EXPECT_TRUE(correct("28 + 23 - 8"));
    EXPECT_TRUE(correct(" ( 28 - 8 ) + 23 = 43"));
    EXPECT_TRUE(correct("(28−8)+23"));
    EXPECT_FALSE(correct("28 + 23 - 8 = 44"));
    EXPECT_FALSE(correct("28 + 23"));              // a number is missing
    EXPECT_FALSE(correct("28 + 23 - 8 + 8 - 8"));  // used three times
    EXPECT_FALSE(correct("43"));
    EXPECT_FALSE(correct("28 * 23 - 8"));
    EXPECT_TRUE(parsed("28 * 23 - 8"));
    for (const char* bad :
         {"", "28 +", "(28 + 8", "28 8 23", "28 + x", "28.0 + 8 + 23", "28 / (8 - 8)", "2e1", ")", "28 ** 8"})
        EXPECT_FALSE(parsed(bad)) << bad;
    EXPECT_FALSE(parsed(std::string(100000, '(').c_str()));
    EXPECT_FALSE(parsed((std::string(100000, '-') + "1").c_str()));
    EXPECT_FALSE(parsed("9223372036854775807 * 9223372036854775807 * 9223372036854775807"));
    EXPECT_TRUE(find_family("countdown")
                    .check({{"numbers", {3, 3, 8, 8}}, {"target", 24}}, "8 / (3 - 8 / 3)")
                    .correct);
    EXPECT_THROW(find_family("countdown").check({{"numbers", "3"}, {"target", 24}}, "1"), Error);
    EXPECT_THROW(find_family("countdown").check({{"numbers", {1.5}}, {"target", 24}}, "1"), Error);
    EXPECT_THROW(find_family("countdown").check(nlohmann::json(), "1"), Error);
}

TEST(Countdown, LevelsDifferByHowOftenChanceHits) {
    Rng rng(9);
    for (int i = 0; i < 100; ++i) {
        const auto easy = countdown::count_ways(countdown::draw(rng, 1)),
                   hard = countdown::count_ways(countdown::draw(rng, 2));
        EXPECT_GT(easy.hits, 0.129 * easy.all);
        EXPECT_LE(hard.hits, 0.131 * hard.all);
        EXPECT_GT(hard.hits, 0);
        EXPECT_EQ(countdown::draw(rng, 3).count, 4);
    }
}

TEST(Arithmetic, Checker) {
    const nlohmann::json gold = {{"a", 347}, {"op", "+"}, {"b", 285}};
    const Family& family = find_family("arithmetic");
    EXPECT_TRUE(family.check(gold, " 6 3 2").correct);
    EXPECT_TRUE(family.check(gold, "632").correct);
    EXPECT_TRUE(family.check(gold, "0 6 3 2").correct);
    EXPECT_FALSE(family.check(gold, " 6 3 3").correct);
    EXPECT_FALSE(family.check(gold, "").parsed);
    EXPECT_FALSE(family.check(gold, "6 3 2 or 6 3 3").parsed);
    EXPECT_FALSE(family.check(gold, std::string(1000, '1')).parsed);
    EXPECT_TRUE(family.check({{"a", 3}, {"op", "-"}, {"b", 5}}, "-2").correct);
    EXPECT_EQ(family.solve({{"a", 347}, {"op", "*"}, {"b", 6}}), "2 0 8 2");
    EXPECT_THROW(family.check({{"a", 1}, {"op", "/"}, {"b", 1}}, "1"), Error);
}

TEST(Knights, Checker) {
    // A says B liar; B says A and B liar  ->  A honest, B liar
    const nlohmann::json gold = {
        {"statements", {{{"claim", "liar"}, {"about", {1}}}, {{"claim", "both_liars"}, {"about", {0, 1}}}}}};
    const Family& family = find_family("knights");
    EXPECT_EQ(family.solve(gold), "A honest B liar");
    for (const char* good :
         {"A honest B liar", " B liar A honest", "甲 老实 乙 骗子", "A is a knight, and B is a knave.",
          "甲是老实人，乙是骗子。", "**A** = honest; **B** = liar"})
        EXPECT_TRUE(family.check(gold, good).correct) << good;
    for (const char* wrong : {"A liar B liar", "A liar B honest"}) {
        EXPECT_TRUE(family.check(gold, wrong).parsed);
        EXPECT_FALSE(family.check(gold, wrong).correct);
    }
    for (const char* bad :
         {"", "A honest", "A honest A liar B liar", "honest A liar B", "A honest B liar C liar", "A B liar",
          "A honest B", "甲不是骗子，乙是骗子", "A is not a liar, B is a liar", "A honest or liar B liar"})
        EXPECT_FALSE(family.check(gold, bad).parsed) << bad;
    EXPECT_THROW(family.check({{"statements", nlohmann::json::array()}}, ""), Error);
    // Nothing is settled when each says that the other is honest.
    EXPECT_THROW(
        family.check(
            {{"statements", {{{"claim", "honest"}, {"about", {1}}}, {{"claim", "honest"}, {"about", {0}}}}}},
            ""),
        Error);
}

TEST(TaskMix, KeepsItsProportions) {
    const TaskMix mix = parse_task_mix("mixed");
    std::map<std::string, int> count;
    for (uint64_t i = 64; i < 96; ++i) {
        const Problem p = mix.problem(3, i, Split::train);
        ++count[p.family + " " + p.language];
        EXPECT_EQ(p.prompt, mix.problem(3, i, Split::train).prompt);
        EXPECT_FALSE(p.held_out);
    }
    EXPECT_EQ(count["countdown en"], 14);
    EXPECT_EQ(count["countdown zh"], 2);
    EXPECT_EQ(count["knights en"] + count["knights zh"], 8);
    EXPECT_EQ(count["arithmetic en"] + count["arithmetic zh"], 8);
    EXPECT_EQ(parse_task_mix("knights:3:zh=4").parts[0].weight, 4);
    for (const char* bad : {"", "chess", "countdown:9", "countdown:2:fr", "countdown=0", "countdown=x"})
        EXPECT_THROW(parse_task_mix(bad), Error) << bad;
}

TEST(Expression, Values) {
    std::string reason;
    EXPECT_EQ(parse_expression("1 + 2 * 3", reason)->value, (Fraction{7, 1}));
    EXPECT_EQ(parse_expression("7 - 3 - 2", reason)->value, (Fraction{2, 1}));
    EXPECT_EQ(parse_expression("1 / 3 + 1 / 6", reason)->value, (Fraction{1, 2}));
    EXPECT_EQ(parse_expression("-(2 - 5)", reason)->value, (Fraction{3, 1}));
    EXPECT_EQ(parse_expression("８", reason), std::nullopt);
}

}  // namespace
}  // namespace r1
