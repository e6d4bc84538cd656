#include "core/options.h"

#include <gtest/gtest.h>

#include <cmath>

namespace r1 {
namespace {

struct Config {
    int steps = 10;
    int64_t tokens = 5;
    uint64_t seed = 1;
    float learning_rate = 1e-6f;
    double epsilon = 0.2;
    bool shuffle = true;
    bool json = false;
    std::string loss_type = "grpo";
    std::string out;
    std::optional<float> delta;
    std::optional<int> top_k = 3;
    std::vector<std::string> rewards = {"accuracy"};
    std::vector<float> weights;
    int max_length = 512;
};

std::vector<Option> options(Config& c) {
    return {
        {.name = "steps", .target = &c.steps, .help = "Steps", .range = {1, 1e6}},
        {.name = "out", .target = &c.out, .help = "Folder", .value = "DIR"},
        {.name = "json", .target = &c.json, .flag_only = true},
        {.name = "rl.tokens", .target = &c.tokens},
        {.name = "seed", .target = &c.seed},
        {.name = "rl.learning_rate", .target = &c.learning_rate, .range = {0, 1, true}},
        {.name = "rl.epsilon", .target = &c.epsilon},
        {.name = "data.shuffle", .target = &c.shuffle},
        {.name = "rl.loss_type", .target = &c.loss_type, .choices = {"grpo", "dr_grpo", "dapo"}},
        {.name = "rl.delta", .target = &c.delta},
        {.name = "rl.top_k", .target = &c.top_k, .range = {0}},
        {.name = "rl.rewards", .target = &c.rewards},
        {.name = "rl.weights", .target = &c.weights, .range = {0, 10}},
        {.name = "rl.max_length", .target = &c.max_length, .aliases = {"max_prompt_length"}},
        {.name = "eval.max_length", .target = &c.max_length},
    };
}

std::string error_of(const std::function<void()>& act) {
    try {
        act();
    } catch (const Error& error) {
        return error.what();
    }
    return "no error";
}

struct OptionsTest : testing::Test {
    Config config;
    std::vector<Option> table = options(config);
    void flags(const std::vector<std::string>& arguments) {
        apply_arguments(table, parse_arguments(table, arguments));
    }
    void toml(const std::string& text) { apply_toml(table, text, "run.toml"); }
    std::string flags_error(const std::vector<std::string>& arguments) {
        return error_of([&] { flags(arguments); });
    }
    std::string toml_error(const std::string& text) {
        return error_of([&] { toml(text); });
    }
};

TEST_F(OptionsTest, FlagsInEverySpelling) {
    flags({"--steps", "20", "--rl.learning_rate=3e-6", "--seed=18446744073709551615", "--no-shuffle",
           "--json", "--delta", "-1.5", "--top-k", "none", "--rewards", "accuracy,format", "--rewards",
           "length", "--weights=1,0.5", "--max_prompt_length", "7"});
    EXPECT_EQ(config.steps, 20);
    EXPECT_EQ(config.learning_rate, 3e-6f);
    EXPECT_EQ(config.seed, 18446744073709551615u);
    EXPECT_FALSE(config.shuffle);
    EXPECT_TRUE(config.json);
    EXPECT_EQ(config.delta, -1.5f);
    EXPECT_FALSE(config.top_k.has_value());
    EXPECT_EQ(config.rewards, (std::vector<std::string>{"accuracy", "format", "length"}));
    EXPECT_EQ(config.weights, (std::vector<float>{1, 0.5}));
    EXPECT_EQ(config.max_length, 7);
    flags({"--shuffle", "true", "--json=false", "--steps=1", "--steps=2"});
    EXPECT_TRUE(config.shuffle);
    EXPECT_FALSE(config.json);
    EXPECT_EQ(config.steps, 2);
}

TEST_F(OptionsTest, FlagErrorsNameTheFlagTheValueAndTheLimits) {
    EXPECT_EQ(flags_error({"--steps", "0"}), "--steps is 0, but must be at least 1 and at most 1e+06");
    EXPECT_EQ(flags_error({"--steps", "ten"}), "--steps is 'ten', but must be a whole number");
    EXPECT_EQ(flags_error({"--steps", "1.5"}), "--steps is '1.5', but must be a whole number");
    EXPECT_EQ(flags_error({"--steps", ""}), "--steps is '', but must be a whole number");
    EXPECT_EQ(flags_error({"--steps", "99999999999"}),
              "--steps is 99999999999, but must be at least -2147483648 and at most 2147483647");
    EXPECT_EQ(flags_error({"--seed", "-1"}), "--seed is -1, but must be at least 0");
    EXPECT_EQ(flags_error({"--learning_rate", "0"}),
              "--learning_rate is 0, but must be more than 0 and at most 1");
    EXPECT_EQ(flags_error({"--learning_rate", "nan"}), "--learning_rate is nan, but must be a finite number");
    EXPECT_EQ(flags_error({"--epsilon", "inf"}), "--epsilon is inf, but must be a finite number");
    EXPECT_EQ(flags_error({"--epsilon", "1e999"}), "--epsilon is '1e999', but must be a number");
    EXPECT_EQ(flags_error({"--weights", "1,11"}), "--weights is 11, but must be at least 0 and at most 10");
    EXPECT_EQ(flags_error({"--loss_type", "gropo"}),
              "--loss_type is 'gropo', but must be one of grpo, dr_grpo, dapo; did you mean 'grpo'?");
    EXPECT_EQ(flags_error({"--steps"}), "--steps needs a value: --steps N");
    EXPECT_EQ(flags_error({"--shuffle=maybe"}), "--shuffle is 'maybe', but must be true or false");
    EXPECT_EQ(flags_error({"--lerning_rate", "1"}),
              "unknown flag '--lerning_rate'; did you mean '--learning_rate'?");
    EXPECT_EQ(flags_error({"--rl.lerning-rate=1"}),
              "unknown flag '--rl.lerning-rate'; did you mean '--rl.learning_rate'?");
    EXPECT_EQ(flags_error({"--no-steps"}), "unknown flag '--no-steps'");
    EXPECT_EQ(flags_error({"--xyzzy"}), "unknown flag '--xyzzy'");
    EXPECT_EQ(flags_error({"-s"}), "unknown flag '-s'; flags begin with two dashes");
    EXPECT_EQ(flags_error({"word"}), "unexpected argument 'word'");
    EXPECT_THROW(flags({"--steps", "0"}), UsageError);
}

TEST_F(OptionsTest, ALastPartThatTwoKeysShareIsNoName) {
    EXPECT_EQ(find_option(table, "max_length"), nullptr);
    EXPECT_EQ(find_option(table, "eval.max_length")->name, "eval.max_length");
    EXPECT_EQ(find_option(table, "learning_rate")->name, "rl.learning_rate");
}

TEST(Options, BareArgumentsAndRequiredOnes) {
    std::string from, model;
    std::vector<std::string> rest;
    const std::vector<Option> table = {
        {.name = "from", .target = &from, .value = "FILE", .positional = true, .required = true},
        {.name = "rest", .target = &rest, .positional = true},
        {.name = "model", .target = &model, .value = "DIR", .required = true},
    };
    const auto flags = [&](const std::vector<std::string>& arguments) {
        apply_arguments(table, parse_arguments(table, arguments));
    };
    flags({"a", "--model", "m", "-", "--", "--b"});
    EXPECT_EQ(from, "a");
    EXPECT_EQ(model, "m");
    EXPECT_EQ(rest, (std::vector<std::string>{"-", "--b"}));
    EXPECT_EQ(error_of([&] { flags({"a"}); }), "missing --model DIR");
    EXPECT_EQ(error_of([&] { flags({"--model=m"}); }), "missing FILE");
}

TEST_F(OptionsTest, TomlSetsWhatItNames) {
    toml(
        "steps = 20 # twenty\nout = 'runs/a b'\n[rl]\nlearning_rate = 1\ntop_k = 5\ndelta = 2.5\nrewards = "
        "[\"a,b\", 'c']\n"
        "weights = [1, 0.25]\n[data]\nshuffle = false\n");
    EXPECT_EQ(config.steps, 20);
    EXPECT_EQ(config.out, "runs/a b");
    EXPECT_EQ(config.learning_rate, 1.0f);
    EXPECT_EQ(config.top_k, 5);
    EXPECT_EQ(config.delta, 2.5f);
    EXPECT_EQ(config.rewards, (std::vector<std::string>{"a,b", "c"}));
    EXPECT_EQ(config.weights, (std::vector<float>{1, 0.25}));
    EXPECT_FALSE(config.shuffle);
    toml("learning_rate = 5e-7\nmax_prompt_length = 9");
    EXPECT_EQ(config.learning_rate, 5e-7f);
    EXPECT_EQ(config.max_length, 9);
}

TEST_F(OptionsTest, TomlErrorsNameTheLine) {
    EXPECT_EQ(toml_error("steps = 3\n[rl]\nlerning_rate = 1"),
              "run.toml:3: unknown key 'rl.lerning_rate'; did you mean 'rl.learning_rate'?");
    EXPECT_EQ(toml_error("\nsteps = 0"), "run.toml:2: steps is 0, but must be at least 1 and at most 1e+06");
    EXPECT_EQ(toml_error("steps = '3'"), "run.toml:1: steps must be a whole number");
    EXPECT_EQ(toml_error("steps = 3.0"), "run.toml:1: steps must be a whole number");
    EXPECT_EQ(toml_error("steps = 1979-05-27"), "run.toml:1: steps must be a whole number");
    EXPECT_EQ(toml_error("[steps]\na = 1"), "run.toml:1: steps must be a whole number");
    EXPECT_EQ(toml_error("out = 3"), "run.toml:1: out must be a string in quotes");
    EXPECT_EQ(toml_error("rl.rewards = 'a'"), "run.toml:1: rl.rewards must be a list: [\"…\"]");
    EXPECT_EQ(toml_error("rl.epsilon = nan"), "run.toml:1: rl.epsilon is nan, but must be a finite number");
    EXPECT_EQ(toml_error("json = true"), "run.toml:1: json is a flag only (--json); remove it from the file");
    EXPECT_EQ(toml_error("max_prompt_length = 1\nrl.max_length = 2"),
              "run.toml:2: rl.max_length is given twice: it is another name of rl.max_length");
    EXPECT_TRUE(toml_error("steps = = 3").starts_with("run.toml:1: not TOML: ")) << toml_error("steps = = 3");
    EXPECT_TRUE(toml_error("steps = 1\nsteps = 2").starts_with("run.toml:2: not TOML: "));
    EXPECT_TRUE(toml_error("out = \"\xff\"").starts_with("run.toml:1: not TOML: "));
    EXPECT_EQ(toml_error("\"\" = 1"), "run.toml:1: unknown key ''");
}

TEST_F(OptionsTest, HostileTomlIsOneError) {
    std::string dots = "a";
    for (int i = 0; i < 100'000; ++i) dots += ".a";
    EXPECT_EQ(toml_error(dots + " = 1"), "run.toml: more than 64 dots in a row of names");
    EXPECT_EQ(toml_error("[" + dots + "]"), "run.toml: more than 64 dots in a row of names");
    EXPECT_TRUE(toml_error("out = " + std::string(100'000, '[')).starts_with("run.toml:1: not TOML: "));
    EXPECT_EQ(toml_error(std::string(3 << 20, ' ')),
              "run.toml: a configuration of 3072 KiB; at most 1024 KiB are read");
    EXPECT_NE(toml_error(std::string("steps = 1\0", 10)), "no error");
}

TEST_F(OptionsTest, ResolvedTomlReadsBackTheSame) {
    flags({"--out", "a \"b\"\\\n\x01é", "--learning_rate", "1e-6", "--delta", "0.1", "--top_k=none",
           "--weights=1,0.1", "--seed", "7"});
    const std::string text = to_toml(table);
    EXPECT_EQ(text,
              "steps = 10\nout = \"a \\\"b\\\"\\\\\\n\\u0001é\"\nseed = 7\n"
              "\n[rl]\ntokens = 5\nlearning_rate = 1e-06\nepsilon = 0.2\nloss_type = \"grpo\"\ndelta = "
              "0.1\n# top_k is not set\n"
              "rewards = [\"accuracy\"]\nweights = [1.0, 0.1]\nmax_length = 512\n"
              "\n[data]\nshuffle = true\n"
              "\n[eval]\nmax_length = 512\n");
    Config other;
    other.top_k.reset();
    const std::vector<Option> other_table = options(other);
    apply_toml(other_table, text, "again");
    EXPECT_EQ(to_toml(other_table), text);
    EXPECT_EQ(other.out, config.out);
    EXPECT_EQ(other.learning_rate, config.learning_rate);
}

TEST_F(OptionsTest, AMalformedTableNameIsAnError) {
    EXPECT_EQ(toml_error("[>]"), "run.toml: not TOML: a key or the name of a table is malformed");
}

TEST_F(OptionsTest, ATableMayHaveTheNameOfItsKey) {
    std::string data;
    table.push_back({.name = "data.data", .target = &data});
    toml("[data]\ndata = \"a\"\nshuffle = false\n");
    EXPECT_EQ(data, "a");
    EXPECT_FALSE(config.shuffle);
    toml("data = \"b\"");
    EXPECT_EQ(data, "b");
    EXPECT_EQ(toml_error("[steps]\nx = 1"), "run.toml:1: steps must be a whole number");
}

TEST_F(OptionsTest, EveryFloatSurvivesTheFile) {
    for (const float value :
         {1e-45f, 1.17549435e-38f, 3.4028235e38f, 0.1f, 16777216.0f, 1.0f / 3, -0.0f, 123456.789f}) {
        config.delta = value;
        const std::string text = "[rl]\ndelta = " + value_text(*find_option(table, "rl.delta"));
        config.delta.reset();
        toml(text);
        EXPECT_EQ(config.delta, value) << text;
        EXPECT_EQ(std::signbit(*config.delta), std::signbit(value));
    }
}

TEST_F(OptionsTest, LaterSourcesWin) {
    toml("steps = 20\nrl.epsilon = 0.3");
    flags({"--steps", "30"});
    EXPECT_EQ(config.steps, 30);
    EXPECT_EQ(config.epsilon, 0.3);
}

struct TablesTest : OptionsTest {
    std::vector<std::string> rows;
    TablesTest() { table.push_back({.name = "reward", .target = &rows, .tables = true}); }
};

TEST_F(TablesTest, TablesAreJsonObjectsInTheirOrder) {
    toml(
        "steps = 3\n[[reward]]\nkind = \"accuracy\"\n[[reward]]\nkind = \"format\"\nweight = 0.25\n"
        "data = [\"a\", \"b\"]\nmore = {deep = true, n = 3}\n");
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0], R"({"kind":"accuracy"})");
    const std::string written = to_toml(table);
    const auto before = rows;
    rows.clear();
    toml(written.c_str());
    EXPECT_EQ(rows, before) << written;
    EXPECT_EQ(to_toml(table), written);
}

TEST_F(TablesTest, AFlagTakesOneTableAsJson) {
    flags({"--reward", R"({"kind":"accuracy","data":["a","b"]})", "--reward", R"({"kind":"format"})"});
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0], R"({"kind":"accuracy","data":["a","b"]})");
}

TEST_F(TablesTest, WhatIsNoTableIsAnError) {
    EXPECT_NE(toml_error("reward = [\"format\"]").find("must be tables: [[reward]]"), std::string::npos);
    EXPECT_NE(toml_error("reward = 3").find("must be tables"), std::string::npos);
    EXPECT_NE(toml_error("[[reward]]\nweight = nan").find("neither text"), std::string::npos);
    EXPECT_NE(toml_error("[[reward]]\nday = 2026-01-01").find("neither text"), std::string::npos);
    for (const std::string text : {"format", "[1]", "{", R"({"kind":null})", R"({"a":{"b":null}})"})
        EXPECT_NE(error_of([&] { flags({"--reward", text}); }), "no error") << text;
    const std::string deep = "{\"a\":" + std::string(100, '[') + std::string(100, ']') + "}";
    EXPECT_NE(error_of([&] { flags({"--reward", deep}); }), "no error");
}

TEST(Options, Nearest) {
    const std::vector<std::string> words = {"zero", "generate", "doctor", "completion", "rl"};
    EXPECT_EQ(nearest("zeor", words), "zero");
    EXPECT_EQ(nearest("genrate", words), "generate");
    EXPECT_EQ(nearest("docotr", words), "doctor");
    EXPECT_EQ(nearest("completions", words), "completion");
    EXPECT_EQ(nearest("xyzzyplugh", words), "");
    EXPECT_EQ(nearest("", words), "");
    EXPECT_EQ(nearest(std::string(100'000, 'z'), words), "");
}

}  // namespace
}  // namespace r1
