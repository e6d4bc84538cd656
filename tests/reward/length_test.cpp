#include "reward/length.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/check.h"
#include "reward/verifier.h"

namespace r1 {
namespace {

TEST(Length, SoftOverlong) {
    EXPECT_EQ(soft_overlong_penalty(80, 100, 20), 0);
    EXPECT_EQ(soft_overlong_penalty(90, 100, 20), -0.5);
    EXPECT_EQ(soft_overlong_penalty(100, 100, 20), -1);
    EXPECT_EQ(soft_overlong_penalty(1000, 100, 20), -1);
    EXPECT_EQ(soft_overlong_penalty(100, 100, 0), 0);
    EXPECT_EQ(grade({{"kind", "length"}, {"tokens", 90}, {"max_tokens", 100}})["score"], -0.5);
    EXPECT_EQ(grade({{"kind", "length"}, {"tokens", 90}, {"max_tokens", 100}, {"cache", 5}})["score"], 0.0);
    EXPECT_THROW(grade({{"kind", "length"}, {"tokens", 90}}), Error);
    EXPECT_THROW(grade({{"kind", "length"}, {"tokens", -1}, {"max_tokens", 100}}), Error);
    EXPECT_THROW(grade({{"kind", "length"}, {"tokens", 1}, {"max_tokens", 100}, {"scheme", "x"}}), Error);
}

TEST(Length, Cosine) {
    EXPECT_DOUBLE_EQ(cosine_length_reward(0, 1000, true), 1.0);
    EXPECT_DOUBLE_EQ(cosine_length_reward(500, 1000, true), 0.75);
    EXPECT_DOUBLE_EQ(cosine_length_reward(1000, 1000, true), 0.5);
    EXPECT_DOUBLE_EQ(cosine_length_reward(1500, 1000, true), 0.5);  // no way back up
    EXPECT_DOUBLE_EQ(cosine_length_reward(0, 1000, false), -1.0);
    EXPECT_DOUBLE_EQ(cosine_length_reward(1000, 1000, false), -0.5);
    EXPECT_DOUBLE_EQ(cosine_length_reward(0, 0, false), -0.5);
    EXPECT_THROW(grade({{"kind", "length"}, {"tokens", 1}, {"max_tokens", 9}, {"scheme", "cosine"}}), Error);
}

TEST(Repetition, SharesOfDistinctSequences) {
    EXPECT_EQ(repetition_penalty("", 3, -1), 0);
    EXPECT_EQ(repetition_penalty("one two", 3, -1), 0);
    EXPECT_EQ(repetition_penalty("one two three four", 3, -1), 0);
    EXPECT_DOUBLE_EQ(repetition_penalty("a a a a a", 3, -1), -2.0 / 3.0);
    EXPECT_DOUBLE_EQ(repetition_penalty("Go on go ON go on", 2, -1), -3.0 / 5.0);
    EXPECT_DOUBLE_EQ(repetition_penalty("再算再算再算", 2, -0.5), -0.5 * 3.0 / 5.0);
    EXPECT_EQ(repetition_penalty("首先相加，然后检查", 3, -1), 0);
    EXPECT_EQ(grade({{"kind", "repetition"}, {"completion", "one two three"}})["outcome"], "correct");
    EXPECT_EQ(grade({{"kind", "repetition"}, {"text", "a a a"}, {"n", 1}})["outcome"], "wrong");
    EXPECT_THROW(grade({{"kind", "repetition"}, {"text", "a"}, {"n", 0}}), Error);
    EXPECT_THROW(grade({{"kind", "repetition"}, {"text", "a"}, {"max_penalty", 1}}), Error);
}

}  // namespace
}  // namespace r1
