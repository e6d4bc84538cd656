#include "reward/composition.h"

#include <gtest/gtest.h>

#include "core/check.h"

namespace r1 {
namespace {

std::string error_of(const std::vector<std::string>& rows) {
    try {
        parse_reward_parts(rows);
    } catch (const Error& error) {
        return error.what();
    }
    return "no error";
}

TEST(Composition, PartsHaveNamesWeightsAndOptions) {
    const auto parts = parse_reward_parts(
        {R"({"kind":"accuracy"})", R"({"kind":"format","name":"tags","weight":0.25,"scheme":"think"})",
         R"({"kind":"format","data":["gsm8k.jsonl","code"]})"});
    ASSERT_EQ(parts.size(), 3u);
    EXPECT_EQ(parts[0].name, "accuracy");
    EXPECT_EQ(parts[0].weight, 1.0);
    EXPECT_EQ(parts[1].name, "tags");
    EXPECT_EQ(parts[1].weight, 0.25);
    EXPECT_EQ(parts[1].options, nlohmann::json({{"scheme", "think"}}));
    EXPECT_EQ(parts[2].name, "format");
}

TEST(Composition, APartAppliesToItsData) {
    const auto parts = parse_reward_parts({R"({"kind":"format","data":["gsm8k.jsonl","code","zebra"]})"});
    ScoringRequest request;
    EXPECT_FALSE(parts[0].applies_to(request));
    request.source = "gsm8k.jsonl";
    EXPECT_TRUE(parts[0].applies_to(request));
    request.source = "math.jsonl", request.kind = "number", request.family = "zebra";
    EXPECT_TRUE(parts[0].applies_to(request));
    request.family = "", request.kind = "code";
    EXPECT_TRUE(parts[0].applies_to(request));
    request.kind = "number";
    EXPECT_FALSE(parts[0].applies_to(request));
}

TEST(Composition, APartScoresWithItsOptions) {
    const auto parts =
        parse_reward_parts({R"({"kind":"accuracy"})", R"({"kind":"format","scheme":"think"})"});
    ScoringRequest request{.kind = "number", .gold = "7", .completion = "<think>\nso\n</think>\n7"};
    EXPECT_EQ(score_part(parts[0], request).outcome, Outcome::correct);
    EXPECT_EQ(score_part(parts[1], request).score, 1.0);
    request.completion = "8";
    EXPECT_EQ(score_part(parts[0], request).outcome, Outcome::wrong);
    EXPECT_EQ(score_part(parts[1], request).score, 0.0);
    request.completion = "So she has 7 eggs.";
    EXPECT_EQ(score_part(parts[0], request).outcome, Outcome::unparsed);
    request.gold = {{"gold", "7"}, {"anchors", "any"}};  // the problem's own word
    EXPECT_EQ(score_part(parts[0], request).outcome, Outcome::correct);
    request.gold = "7";
    EXPECT_EQ(score_part(parse_reward_parts({R"({"kind":"accuracy","anchors":"any"})"})[0], request).outcome,
              Outcome::correct);
    request.kind = "math", request.gold = {{"gold", "7,8"}, {"policy", "unordered"}};
    request.completion = "So she has 8, 7 eggs.";
    EXPECT_EQ(score_part(parts[0], request).outcome, Outcome::unparsed);
    request.completion = "\\boxed{8, 7}";
    EXPECT_EQ(score_part(parts[0], request).outcome, Outcome::correct);
    request.kind = "";
    EXPECT_EQ(score_part(parts[0], request).outcome, Outcome::error);
}

TEST(Composition, WhatIsWrongIsNamed) {
    EXPECT_NE(error_of({R"({"weight":1})"}).find("needs a kind"), std::string::npos);
    EXPECT_NE(error_of({R"({"kind":"beauty"})"}).find("unknown kind \"beauty\""), std::string::npos);
    EXPECT_NE(error_of({R"({"kind":"format","weight":"much"})"}).find("weight"), std::string::npos);
    EXPECT_NE(error_of({R"({"kind":"format","scheme":"latin"})"}).find("latin"), std::string::npos);
    EXPECT_NE(error_of({R"({"kind":"accuracy","scheme":"r1"})"}).find("takes no \"scheme\""),
              std::string::npos);
    EXPECT_NE(error_of({R"({"kind":"accuracy","anchors":"anywhere"})"}).find("anchors is any"),
              std::string::npos);
    EXPECT_NE(error_of({R"({"kind":"format"})", R"({"kind":"format"})"}).find("give one a name"),
              std::string::npos);
    EXPECT_NE(error_of({R"({"kind":"format","name":"a/b"})"}).find("one word"), std::string::npos);
    EXPECT_NE(error_of({R"({"kind":"number"})"}).find("gold is missing"), std::string::npos);
}

}  // namespace
}  // namespace r1
