#include "reward/language.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/check.h"
#include "reward/prose.h"
#include "reward/verifier.h"

namespace r1 {
namespace {

double share(const std::string& text, const std::string& target) {
    const LanguageCount count = count_language(text, target);
    const auto all = count.target + count.other;
    return all == 0 ? -1.0 : static_cast<double>(count.target) / static_cast<double>(all);
}

TEST(Language, OneLanguageIsWhole) {
    EXPECT_EQ(share("First we add the numbers, then we check the result.", "en"), 1);
    EXPECT_EQ(share("首先我们把两个数相加，然后检查结果。", "zh"), 1);
    EXPECT_EQ(share("D'abord nous ajoutons les nombres, puis nous vérifions le résultat.", "fr"), 1);
    EXPECT_EQ(share("Zuerst addieren wir die Zahlen, dann prüfen wir das Ergebnis.", "de"), 1);
    EXPECT_EQ(share("Primero sumamos los números y luego comprobamos el resultado.", "es"), 1);
    EXPECT_EQ(share("Сначала сложим числа, потом проверим.", "ru"), 1);
    EXPECT_EQ(share("まず数を足して、結果を確認します。", "ja"), 1);
    EXPECT_EQ(share("먼저 숫자를 더합니다.", "ko"), 1);
}

TEST(Language, AnotherLanguageCounts) {
    EXPECT_EQ(share("首先我们把两个数相加。", "en"), 0);
    EXPECT_EQ(share("First we add the numbers.", "zh"), 0);
    EXPECT_EQ(share("Nous ajoutons les nombres et c'est tout.", "en"), 0);
    EXPECT_EQ(share("Zuerst addieren wir die Zahlen.", "en"), 0);
    EXPECT_EQ(share("Primero sumamos los números.", "en"), 0);
    EXPECT_EQ(share("First we add the numbers.", "de"), 0);
    EXPECT_EQ(share("まず数を足して確認します。", "zh"), 0);
    EXPECT_DOUBLE_EQ(share("我们 think 这个 problem 很 hard", "zh"), 5.0 / 8.0);
    EXPECT_DOUBLE_EQ(share("we think 这个 is hard", "en"), 4.0 / 6.0);
    EXPECT_DOUBLE_EQ(share("We add the two numbers. Das ist nicht richtig.", "en"), 5.0 / 9.0);
}

TEST(Language, MathsCodeNumbersAndSymbolsAreLeftOut) {
    EXPECT_EQ(share("设 $x = \\frac{a}{b}$，则 \\(y^2\\) 是 42，f(x) 为 sin 函数。", "zh"), 1);
    EXPECT_EQ(share("代码：\n```python\nfor item in list: print(item)\n```\n结束", "zh"), 1);
    EXPECT_EQ(share("用 `print(value)` 输出，见 https://example.com/page 。", "zh"), 1);
    EXPECT_EQ(share("计算 GCD 和 x_1、a2、60 km。", "zh"), 1);
    EXPECT_EQ(share("Alice 有 3 个苹果，Bob 有 5 个。", "zh"), 1);
    EXPECT_EQ(share("However 我们要检查。", "zh"), 5.0 / 6.0);
    EXPECT_EQ(share("the value $\\text{我们认为}$ is", "en"), 3.0 / 7.0);
    EXPECT_EQ(share("It costs $5 and the other costs $6.", "en"), 1);
    EXPECT_EQ(share("42 + 7 = 49", "en"), -1);
    EXPECT_EQ(share("", "en"), -1);
    EXPECT_EQ(share("``` all of this is code", "en"), -1);
    EXPECT_EQ(share("the ```\n我们先把两个数相加再看结果\nx = 1\n``` end", "en"), 2.0 / 15.0);
    EXPECT_EQ(share("$我们$ the", "en"), 1.0 / 3.0);
}

TEST(Language, TheThinkingAloneIsMeasured) {
    const nlohmann::json en = {{"target", "en"}};
    EXPECT_EQ(verify_language(en, "<think>the</think><think>我</think>b").score, 0.5);  // all of several
    EXPECT_EQ(verify_language(en, "<think>We add the two.</think><answer>答案是七</answer>").score, 1);
    EXPECT_EQ(verify_language(en, "<think>我们相加。</think> The answer is 7.").score, 0);
    EXPECT_EQ(verify_language(en, "We add.</think>答案").score, 1);
    EXPECT_EQ(verify_language(en, "<think></think>The answer").outcome, Outcome::unparsed);
    EXPECT_EQ(verify_language(en, "We add 我").outcome, Outcome::wrong);
    EXPECT_EQ(grade({{"kind", "language"}, {"text", "We add."}, {"target", "en"}})["score"], 1.0);
    EXPECT_THROW(grade({{"kind", "language"}, {"text", "We add."}}), Error);
    EXPECT_THROW(grade({{"kind", "language"}, {"text", "We add."}, {"target", "tlh"}}), Error);
}

TEST(Language, HostileTextsEnd) {
    std::string text;
    for (int i = 0; i < 20000; ++i) text += "\\( $ ` \\begin{ <";
    EXPECT_NO_THROW(count_language(text, "en"));
    EXPECT_NO_THROW(count_language("\xff\xfe\x80 word \xe4", "zh"));
    EXPECT_EQ(prose_of("a $b$ \\alpha c"), "a     c");
}

}  // namespace
}  // namespace r1
