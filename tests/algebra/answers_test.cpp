#include <gtest/gtest.h>

#include <sstream>

#include "algebra/compare.h"
#include "algebra/reader.h"
#include "core/files.h"

namespace r1::algebra {
namespace {

Equality same(std::string_view gold, std::string_view answer, const CompareOptions& options = {}) {
    Budget budget;
    const auto golds = read_answer(gold), answers = read_answer(answer);
    EXPECT_FALSE(golds.empty()) << gold;
    bool undecided = false;
    try {
        for (const Expr& g : golds)
            for (const Expr& a : answers) {
                const Equality e = compare(g, a, options, budget);
                if (e == Equality::equal) return e;
                undecided = undecided || e == Equality::undecided;
            }
    } catch (const OutOfBudget&) {
        return Equality::undecided;
    }
    return undecided ? Equality::undecided : Equality::different;
}

// Lines of  gold | answer
void check_file(const char* name, bool equal, size_t least) {
    std::istringstream lines(read_file(fs::path(R1_SOURCE_DIR) / "tests/algebra" / name));
    size_t count = 0;
    for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line[0] == '#') continue;
        const size_t bar = line.find(" | ");
        ASSERT_NE(bar, std::string::npos) << line;
        EXPECT_EQ(same(line.substr(0, bar), line.substr(bar + 3)) == Equality::equal, equal) << line;
        ++count;
    }
    EXPECT_GE(count, least);
}

TEST(Answers, Equal) {
    check_file("equal.txt", true, 150);
}

TEST(Answers, Different) {
    check_file("different.txt", false, 95);
}

TEST(Answers, WhatCannotBeDecidedIsNotDecided) {
    for (const char* answer :
         {"10^{10^{10}}+1", "10^{10^{10}+1}", "(10^9)!", "2^{2^{2^{2^{2^{2}}}}}", "e^{e^{e^{e^{e}}}}",
          "\\tan 90^\\circ", "\\sum_{k=1}^{5000}\\sum_{j=1}^{5000} 1", "\\binom{10^{30}}{10^{20}}",
          "9!!!!!!"})
        EXPECT_EQ(same("10^{10^{10}}", answer), Equality::undecided) << answer;
    EXPECT_EQ(same("10^{10^{10}}", "10^{10^{10}}"), Equality::equal);
}

TEST(Answers, Options) {
    CompareOptions options;
    options.ordered = false;
    EXPECT_EQ(same("1,-2", "-2,1", options), Equality::equal);
    EXPECT_EQ(same("1,-2", "-2,1"), Equality::different);
    options = {};
    options.reduced = false;
    EXPECT_EQ(same("1/2", "2/4", options), Equality::equal);
    options = {};
    options.percent_number = false;
    EXPECT_EQ(same("50\\%", "0.5", options), Equality::equal);
    EXPECT_EQ(same("50\\%", "50", options), Equality::different);
    options = {};
    options.units = true;
    EXPECT_EQ(same("5\\text{ cm}", "5", options), Equality::different);
    EXPECT_EQ(same("5\\text{ cm}", "5 cm", options), Equality::equal);
    options = {};
    options.names = false;
    EXPECT_EQ(same("x=5", "5", options), Equality::different);
    options = {};
    options.inequality_as_interval = false;
    EXPECT_EQ(same("1<x<2", "(1,2)", options), Equality::different);
    options = {};
    options.rounded_digits = 3;
    EXPECT_EQ(same("\\sqrt{2}", "1.414", options), Equality::equal);
    EXPECT_EQ(same("\\sqrt{2}", "1.415", options), Equality::different);
    options.rounded_digits = 0;
    EXPECT_EQ(same("1/3", "0.333333333", options), Equality::different);
}

TEST(Answers, WhatIsNoAnswer) {
    for (const std::string& text :
         {std::string(""), std::string("  "), std::string("$$"), std::string("{"), std::string("\\frac{1}{2"),
          std::string("}{"), std::string("..."), std::string(1 << 20, '9'), std::string(1 << 20, '{'),
          "1e" + std::string(7000, '9')})
        EXPECT_TRUE(read_answer(text).empty()) << text.substr(0, 40);
}

TEST(Answers, HostileTextEndsSoon) {
    const auto repeat = [](std::string_view part, int count) {
        std::string out;
        for (int i = 0; i < count; ++i) out += part;
        return out;
    };
    for (const std::string& text :
         {repeat("(", 2900) + "5" + repeat(")", 2900), repeat("\\frac{1}{", 600) + "1" + repeat("}", 600),
          repeat("\\sqrt", 1000), repeat("2^", 1000) + "2", repeat("-", 5000) + "5",
          repeat("|", 1000) + "5" + repeat("|", 1000), repeat("1,", 2000) + "1", repeat("x", 5000),
          repeat("\\text{", 900), repeat("\\begin{pmatrix}", 300), std::string("\xff\xfe\x80"),
          repeat("\\boxed{", 800), repeat("{1,", 1000) + repeat("}", 1000),
          std::string("\\gcd(") + repeat("2^{1000000},", 50) + "1)"})
        EXPECT_NE(same("7", text), Equality::equal) << text.substr(0, 40);
}

TEST(Answers, PrefixOfProse) {
    size_t used = 0;
    const auto prefix = [&](std::string_view text) {
        const auto e = read_prefix(text, used);
        return e ? canonical(*e) : "";
    };
    EXPECT_EQ(prefix("18, since 20 - 2 = 18"), "18");
    EXPECT_EQ(used, 2u);
    EXPECT_EQ(prefix("\\frac{1}{2} of the cake"), canonical(read_answer("\\frac12")[0]));
    EXPECT_EQ(prefix("nothing"), "");
    EXPECT_EQ(prefix(""), "");
}

}  // namespace
}  // namespace r1::algebra
