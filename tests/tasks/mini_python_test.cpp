#include "tasks/mini_python.h"

#include <gtest/gtest.h>

#include "core/check.h"

namespace r1::mini_python {
namespace {

// What f returns for the arguments, or why it does not. Expected values are CPython's.
std::string call(const std::string& body, const std::string& arguments, const std::string& parameters = "x") {
    std::string source = "def f(" + parameters + "):\n";
    for (size_t begin = 0; begin < body.size();) {
        const size_t end = std::min(body.find('\n', begin), body.size());
        source += "    " + body.substr(begin, end - begin) + "\n";
        begin = end + 1;
    }
    const auto values = parse_literals(arguments);
    const Run result = run(parse_program(source), *values);
    return result.value ? repr(*result.value) : result.reason;
}
std::string value(const std::string& expression) {
    return call("return " + expression, "0");
}

TEST(MiniPython, Expressions) {
    EXPECT_EQ(value("-7 // 2"), "-4");
    EXPECT_EQ(value("-7 % 3"), "2");
    EXPECT_EQ(value("7 % -3"), "-2");
    EXPECT_EQ(value("-7 // -2"), "3");
    EXPECT_EQ(value("2 + 3 * 4 - 1"), "13");
    EXPECT_EQ(value("10 - 3 - 2"), "5");
    EXPECT_EQ(value("-2 * -3"), "6");
    EXPECT_EQ(value("1 < 2 and not 3 < 2"), "True");
    EXPECT_EQ(value("0 or 5"), "5");
    EXPECT_EQ(value("[] and 5"), "[]");
    EXPECT_EQ(value("1 if [] else 2"), "2");
    EXPECT_EQ(value("True + True"), "2");
    EXPECT_EQ(value("1 == True"), "True");
    EXPECT_EQ(value("'ab' * 3"), "'ababab'");
    EXPECT_EQ(value("\"it's\""), "\"it's\"");
    EXPECT_EQ(value("'abc'[::-1]"), "'cba'");
    EXPECT_EQ(value("[1, 2, 3, 4][1:-1]"), "[2, 3]");
    EXPECT_EQ(value("[1, 2, 3, 4][-1]"), "4");
    EXPECT_EQ(value("[1, 2, 3, 4][5:]"), "[]");
    EXPECT_EQ(value("[1, 2, 3, 4][::-2]"), "[4, 2]");
    EXPECT_EQ(value("[1, 2] + [3]"), "[1, 2, 3]");
    EXPECT_EQ(value("2 in [1, 2]"), "True");
    EXPECT_EQ(value("'b' not in 'abc'"), "False");
    EXPECT_EQ(value("[y * y for y in range(5) if y % 2 == 1]"), "[1, 9]");
    EXPECT_EQ(value("sorted([3, 1, 2]) + [len('abc'), sum([1, 2]), max(4, 7), min([4, 7]), abs(-3)]"),
              "[1, 2, 3, 3, 3, 7, 4, 3]");
    EXPECT_EQ(value("range(5, 0, -2)"), "[5, 3, 1]");
    EXPECT_EQ(value("str(12) + str([1])"), "'12[1]'");
    EXPECT_EQ(value("'banana'.count('an') + [1, 1].count(1)"), "4");
    EXPECT_EQ(value("'aB'.upper()"), "'AB'");
    EXPECT_EQ(value("[1, 2] < [1, 3]"), "True");
}

TEST(MiniPython, Statements) {
    EXPECT_EQ(
        call("a = 0\nfor i in range(x):\n    if i == 2:\n        continue\n    if i == 5:\n        break\n"
             "    a += i\nreturn a",
             "9"),
        "8");
    EXPECT_EQ(call("while x > 10:\n    x -= 3\nreturn x", "20"), "8");
    EXPECT_EQ(
        call("if x > 5:\n    return 'big'\nelif x > 2:\n    return 'mid'\nelse:\n    return 'small'", "3"),
        "'mid'");
    EXPECT_EQ(call("a = x\na[0] = 9\na.append(4)\nreturn a", "[1, 2]"), "[9, 2, 4]");
    EXPECT_EQ(call("y = 5\na = [y for y in x]\nreturn y", "[1, 2]"), "5");
    EXPECT_EQ(call("pass", "1"), "None");
}

TEST(MiniPython, RunsEnd) {
    EXPECT_NE(call("while True:\n    x += 1\nreturn x", "1").find("steps"), std::string::npos);
    EXPECT_NE(call("return range(10000000000)", "1").find("steps"), std::string::npos);
    EXPECT_NE(call("return 'a' * 10000000000", "1").find("steps"), std::string::npos);
    EXPECT_NE(call("while True:\n    x = x + x\nreturn x", "[1, 2]").find("steps"), std::string::npos);
    EXPECT_NE(call("while True:\n    x = [x, x]\nreturn x", "1").find("steps"), std::string::npos);
    EXPECT_NE(call("while True:\n    x = x * x\nreturn x", "3").find("64 bits"), std::string::npos);
    EXPECT_NE(value("1 // 0").find("zero"), std::string::npos);
    EXPECT_NE(value("[1][1]").find("range"), std::string::npos);
    EXPECT_NE(value("y").find("no value"), std::string::npos);
    EXPECT_NE(value("'a' + 1").find("+"), std::string::npos);
}

TEST(MiniPython, WhatIsNotKnownIsAnError) {
    for (const char* bad :
         {"", "f", "def f(x): return x", "def f(x):\nreturn x\n", "def f(x):\n    import os\n",
          "def f(x):\n    return x ** 2\n", "def f(x):\n    return 1.5\n",
          "def f(x):\n    return 1 < x < 3\n", "def f(x):\n    lambda: 3\n", "def f(x):\n    return 'a\n",
          "def f(x):\n    return x\n  y = 3\n", "def f(x):\n    return (x\n"})
        EXPECT_THROW(parse_program(bad), Error) << bad;
    for (const std::string& deep : {std::string(5000, '('), std::string(5000, '['),
                                    "1" + std::string(5000, '+'), std::string(5000, '-') + "1"}) {
        EXPECT_THROW(parse_program("def f(x):\n    return " + deep + "\n"), Error);
        EXPECT_FALSE(parse_literals(deep).has_value());
    }
    std::string sum = "1";
    for (int i = 0; i < 3000; ++i) sum += " + 1";
    EXPECT_THROW(parse_program("def f(x):\n    return " + sum + "\n"), Error);
    for (const char* bad : {"", "x", "1 +", "f(1)", "1 2", "1;2", "[1", "99999999999999999999", "'é'"})
        EXPECT_FALSE(parse_literals(bad).has_value()) << bad;
    EXPECT_EQ(repr({*parse_literals("3, [1, -2], 'ab', True, None")}), "[3, [1, -2], 'ab', True, None]");
}

}  // namespace
}  // namespace r1::mini_python
