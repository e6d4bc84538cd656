#include "tasks/number.h"

#include <gtest/gtest.h>

namespace r1 {
namespace {

bool same(const char* a, const char* b) {
    const auto x = parse_number(a), y = parse_number(b);
    EXPECT_TRUE(x) << a;
    EXPECT_TRUE(y) << b;
    return x && y && equal(*x, *y) && equal(*y, *x);
}

TEST(Number, WaysOfWritingTheSameNumber) {
    const char* equal_pairs[][2] = {
        {"1,234.50", "1234.5"},
        {"-0", "0"},
        {"3/4", "0.75"},
        {"1 1/2", "1.5"},
        {"18 dollars", "18"},
        {"$18", "18"},
        {"\\$18.00", "18"},
        {"18%", "18"},
        {"60%", "0.6"},
        {"18\\%", "18"},
        {"−5", "-5"},
        {"- 5", "-5"},
        {"+5", "5"},
        {".5", "1/2"},
        {"5.", "5"},
        {"007", "7"},
        {"1e3", "1000"},
        {"1.5E-2", "0.015"},
        {"7.8\\times 10^2", "780"},
        {"7 \\times 10^{35}", "7e35"},
        {"6.02 × 10^23", "602000000000000000000000"},
        {"\\frac{3}{4}", "0.75"},
        {"\\dfrac34", "0.75"},
        {"-\\frac{1}{2}", "-0.5"},
        {"\\frac{-1}{2}", "-0.5"},
        {"x = 18", "18"},
        {"**18**", "18"},
        {"１８", "18"},
        {"1,234,567", "1234567"},
        {"1 234 567", "1234567"},
        {"1{,}234", "1234"},
        {"1\\,234", "1234"},
        {"18 km/h", "18"},
        {"18 cm^2", "18"},
        {"10\\text{ units}", "10"},
        {"18 元", "18"},
        {"18.", "18"},
        {"  18\n", "18"},
        {"$1,000", "1e3"},
        {"€18", "18"},
        {"2/6", "1/3"},
        {"0.10", "0.1"},
        {"\\(18\\)", "18"},
        {"90^\\circ", "90"},
        {"123456789012345678901234567890.10", "123456789012345678901234567890.1"},
        {"-0.0", "0"},
        {"0/5", "0"},
    };
    for (const auto& [a, b] : equal_pairs) EXPECT_TRUE(same(a, b)) << a << " and " << b;
}

TEST(Number, DifferentNumbersHoweverClose) {
    const char* pairs[][2] = {
        {"18", "18.0000000000000000000000000001"},
        {"1e-300", "0"},
        {"0.333333333333333333", "1/3"},
        {"5", "-5"},
        {"123456789012345678901234567890", "123456789012345678901234567891"},
        {"18%", "0.19"},
        {"1e999", "1e998"},
        {"60%", "60.1%"},
        {"100%", "1%"},
        {"1,234", "1.234"},
    };
    for (const auto& [a, b] : pairs) EXPECT_FALSE(same(a, b)) << a << " and " << b;
}

TEST(Number, WhatIsNoNumber) {
    for (const char* text :
         {"",       " ",     "-",          ".",     "$",   "abc",          "18 or 19",     "18, 19",
          "18 + 2", "18x",   "2\\sqrt{3}", "3π",    "1/0", "1/2/3",        "1e9999",       "NaN",
          "inf",    "12,34", "1,23,456",   "18 19", "5-3", "\\frac{1}{0}", "\\frac{x}{2}", "x",
          "(1,2)"})
        EXPECT_FALSE(parse_number(text)) << text;
    EXPECT_FALSE(parse_number(std::string(100000, '9')));
    EXPECT_FALSE(parse_number("1e" + std::string(100000, '9')));
    EXPECT_FALSE(parse_number("1/" + std::string(100000, '9')));
    EXPECT_TRUE(parse_number(std::string(1000, '9')));
}

TEST(Number, FoundInText) {
    const auto numbers =
        find_numbers("She had 1,234 eggs, sold 3/4, then 5-3 = 2 at $18.50 each (-7). Done in 2024.");
    const char* expected[] = {"1234", "3/4", "5", "3", "2", "18.5", "-7", "2024"};
    ASSERT_EQ(numbers.size(), std::size(expected));
    for (size_t i = 0; i < numbers.size(); ++i)
        EXPECT_TRUE(equal(numbers[i], *parse_number(expected[i]))) << i;
    EXPECT_TRUE(find_numbers("no digits - at all . $ \\frac").empty());
    EXPECT_EQ(find_numbers(std::string(20000, '-') + "1").size(), 1u);
}

}  // namespace
}  // namespace r1
