#include "reward/program.h"

#include <gtest/gtest.h>

#include <thread>

#include "core/files.h"
#include "formats/temp_folder.h"
#include "reward/composition.h"
#include "sandbox/boxed_test.h"

namespace r1 {
namespace {

// Scores the length of the completion, and misbehaves when it is asked to.
constexpr const char* script = R"(import json, sys, time
for line in sys.stdin:
    row = json.loads(line)
    text = row["completion"]
    if text == "hang":
        time.sleep(60)
    if text == "die":
        sys.exit(3)
    if text == "babble":
        print("hello", flush=True)
        continue
    if text == "nan":
        print('{"score": NaN}', flush=True)
        continue
    if text == "unreadable":
        print(json.dumps({"score": 0, "outcome": "unparsed", "reason": "what?"}), flush=True)
        continue
    print(json.dumps({"score": len(text) / 10, "reason": row["kind"] + str(row["gold"])}), flush=True)
)";

class ProgramTest : public sandbox::BoxedTest {
  protected:
    ProgramSpec spec() {
        write_quickly(folder_ / "verify.py", script);
        return {.command = {"python3", folder_ / "verify.py"}, .read_only = {}, .budget_seconds = 2.0};
    }
    static Verdict ask(ProgramVerifier& program, const std::string& completion) {
        return program.verify({.kind = "number", .gold = "7", .completion = completion});
    }
    TempFolder folder_;
};

TEST_F(ProgramTest, AnswersAreVerdicts) {
    ProgramVerifier program(spec());
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(ask(program, "12345").score, 0.5);
        EXPECT_EQ(ask(program, "12345").outcome, Outcome::wrong);
        EXPECT_EQ(ask(program, "1234567890").outcome, Outcome::correct);
        EXPECT_EQ(ask(program, "1").reason, "number7");
    }
    EXPECT_EQ(ask(program, "unreadable").outcome, Outcome::unparsed);
    EXPECT_EQ(ask(program, "half \xe6\x88").score, 0.6);  // the cut character becomes one
}

TEST_F(ProgramTest, OneThatMisbehavesEarnsNothingAndIsStartedAfresh) {
    ProgramVerifier program(spec());
    const std::pair<const char*, Outcome> cases[] = {{"die", Outcome::error},
                                                     {"babble", Outcome::error},
                                                     {"nan", Outcome::error},
                                                     {"hang", Outcome::timeout}};
    for (const auto& [completion, outcome] : cases) {
        const Verdict verdict = ask(program, completion);
        EXPECT_EQ(verdict.outcome, outcome) << completion << ": " << verdict.reason;
        EXPECT_EQ(verdict.score, 0.0);
        EXPECT_FALSE(verdict.reason.empty());
        EXPECT_EQ(ask(program, "12345").score, 0.5);
    }
}

TEST_F(ProgramTest, ThreadsHaveProcessesOfTheirOwn) {
    ProgramVerifier program(spec());
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 5; ++i)
                EXPECT_EQ(ask(program, std::string(static_cast<size_t>(t), 'x')).score, t / 10.0);
        });
    }
}

TEST_F(ProgramTest, ARowOfTheRewardStartsIt) {
    spec();
    const nlohmann::json row = {{"kind", "program"},
                                {"name", "length"},
                                {"command", {"python3", folder_ / "verify.py"}},
                                {"budget", 2}};
    const auto parts = parse_reward_parts({row.dump()});
    EXPECT_EQ(score_part(parts[0], {.completion = "123"}).score, 0.3);
    const auto error_of = [](const nlohmann::json& table) -> std::string {
        try {
            parse_reward_parts({table.dump()});
        } catch (const Error& error) {
            return error.what();
        }
        return "no error";
    };
    EXPECT_NE(error_of({{"kind", "program"}}).find("needs a command"), std::string::npos);
    EXPECT_NE(error_of({{"kind", "program"}, {"command", {"no-such-program"}}}), "no error");
    nlohmann::json more = row;
    more["colour"] = "red";
    EXPECT_NE(error_of(more).find("takes no \"colour\""), std::string::npos);
}

}  // namespace
}  // namespace r1
