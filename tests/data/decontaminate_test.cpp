#include "data/decontaminate.h"

#include <gtest/gtest.h>

namespace r1 {
namespace {

using Texts = std::vector<std::string>;

TEST(Decontaminate, Words) {
    EXPECT_EQ(words_of("Don't PANIC: $x^2$, \\frac{1}{2}!").texts,
              (Texts{"don", "t", "panic", "x", "2", "frac", "1", "2"}));
    EXPECT_EQ(words_of("小明有3个苹果，ABC").texts, (Texts{"小", "明", "有", "3", "个", "苹", "果", "abc"}));
    EXPECT_EQ(words_of("ＡＢ\u00a0é — “x”").texts, (Texts{"ab", "é", "x"}));
    EXPECT_TRUE(words_of("… !\xff").texts.empty());
}

TEST(Decontaminate, ASharedRunOfWordsIsFound) {
    NgramIndex index(4);
    index.add("How many apples does Tom have in his red box?");
    index.add("A train leaves the station at noon.");
    index.add("short text");
    index.finish();
    const auto match = index.match("Yesterday: how MANY apples does Tom... have today");
    ASSERT_TRUE(match);
    EXPECT_EQ(match->id, 0u);
    EXPECT_EQ(match->shared, 3u);
    EXPECT_EQ(match->of, 7u);
    EXPECT_EQ(match->text, "how many apples does tom have");
    EXPECT_FALSE(index.match("how many apples has Tom got in the red box"));  // three words in a row alone
    EXPECT_FALSE(index.match(""));
    EXPECT_EQ(index.match("Short, text.")->id, 2u);
    EXPECT_FALSE(index.match("a short text of more words"));
}

TEST(Decontaminate, TheNearestRowIsNamed) {
    NgramIndex index(2);
    index.add("a b c d e f");
    index.add("a b c x");
    index.add("a b c");
    index.finish();
    EXPECT_EQ(index.match("d e f")->id, 0u);
    EXPECT_EQ(index.match("a b c d e")->id, 2u);  // fewer words than of the first, but all of it
    EXPECT_EQ(index.match("b c x")->id, 1u);
}

TEST(Decontaminate, HanCharactersAreWords) {
    NgramIndex index(6);
    index.add("小明有三个苹果，吃了一个，还剩几个？");
    index.finish();
    EXPECT_TRUE(index.match("题目：小明有 三个苹果，吃了两个"));
    EXPECT_FALSE(index.match("小红有两个梨，吃了一个"));
}

TEST(Decontaminate, CountdownIsComparedByItsNumbers) {
    Example one, other;
    one.kind = other.kind = "countdown";
    one.question = other.question = "the same wording";
    one.gold = {{"numbers", {1, 2, 3}}, {"target", 6}};
    other.gold = {{"numbers", {1, 2, 4}}, {"target", 7}};
    EXPECT_NE(compared_text(one), compared_text(other));
}

}  // namespace
}  // namespace r1
