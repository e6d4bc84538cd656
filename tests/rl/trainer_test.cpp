#include "rl/trainer.h"

#include <gtest/gtest.h>

#include <functional>

#include "infer/adapters.h"
#include "infer/score.h"
#include "rl/toy_run.h"

namespace r1 {
namespace {

class TrainerTest : public testing::Test {
  protected:
    // What must hold of each step of any run.
    static void expect_sound(const ToyRun& run, const RlConfig& config) {
        EXPECT_TRUE(run.result.finished);
        EXPECT_EQ(run.result.step, config.steps);
        ASSERT_EQ(run.metrics.size(), static_cast<size_t>(config.steps) + 1);
        EXPECT_EQ(run.metrics[0].at("step"), 0);
        EXPECT_TRUE(run.metrics.front().contains("eval/accuracy"));
        EXPECT_TRUE(run.metrics.back().contains("eval/accuracy"));
        for (size_t s = 1; s < run.metrics.size(); ++s) {
            const auto& line = run.metrics[s];
            EXPECT_EQ(line.at("step"), s);
            EXPECT_EQ(line.at("sampling/sampling_logp_difference/max"), 0.0) << line;
            EXPECT_EQ(line.at("sampling/sampling_logp_difference/mean"), 0.0) << line;
            EXPECT_TRUE(line.at("loss").is_number());
            EXPECT_GE(line.at("completions/min_length").get<double>(), 1.0);
            EXPECT_LE(line.at("completions/max_length").get<double>(), config.max_completion_length);
        }
    }
    static double updates(const ToyRun& run) {
        double sum = 0.0;
        for (size_t s = 1; s < run.metrics.size(); ++s)
            sum += run.metrics[s].at("train/updates").get<double>();
        return sum;
    }

    Toy toy_;
};

TEST_F(TrainerTest, TheRewardRises) {
    RlConfig config = toy_.config("run");
    config.steps = 30, config.eval_steps = 0, config.save_steps = 100;
    config.prompts_per_step = 8, config.num_generations = 8, config.max_completion_length = 8;
    config.learning_rate = 1e-2f;
    const ToyRun run = toy_.run(config);
    expect_sound(run, config);
    double first = 0.0, last = 0.0;
    for (size_t s = 1; s <= 5; ++s) first += run.metrics[s].at("reward").get<double>() / 5;
    for (size_t s = 26; s <= 30; ++s) last += run.metrics[s].at("reward").get<double>() / 5;
    EXPECT_LT(first, 0.35);
    EXPECT_GT(last, 0.7);
    EXPECT_GT(run.metrics.back().at("eval/accuracy"), run.metrics.front().at("eval/accuracy"));
    EXPECT_EQ(run.result.accuracy_before, run.metrics.front().at("eval/accuracy"));
    EXPECT_EQ(run.result.accuracy_after, run.metrics.back().at("eval/accuracy"));
    EXPECT_EQ(run.result.length_after, run.metrics.back().at("eval/length"));
    EXPECT_EQ(run.result.problems, 3);
}

TEST_F(TrainerTest, TheFolderHoldsWhatTheRunDid) {
    RlConfig config = toy_.config("run");
    config.log_completions = 2;
    const ToyRun run = toy_.run(config);
    expect_sound(run, config);
    const auto files = files_of(config.out);
    for (const char* name : {"samples/eval-0.jsonl", "samples/step-1.jsonl", "samples/step-4.jsonl",
                             "samples/eval-3.jsonl", "samples/eval-4.jsonl", "checkpoints/step-2/state.json",
                             "checkpoints/step-4/weights.safetensors", "model/model.safetensors"}) {
        EXPECT_TRUE(files.contains(name)) << name;
    }
    size_t rows = 0, empty = 0;
    for_each_line(files.at("samples/step-1.jsonl"), [&](std::string_view line, size_t) {
        const auto row = nlohmann::json::parse(line);
        EXPECT_EQ(row.at("tokens").size(), row.at("ids").size());
        EXPECT_EQ(row.at("logprobs").size(), row.at("ids").size());
        empty += row.at("completion") == "";
        ++rows;
    });
    EXPECT_EQ(rows, 2u * 6u);
    EXPECT_GT(empty, 0u) << "completions of a stop token alone are part of these tests";
    Runtime runtime(1);
    const LanguageModel saved = load_language_model(runtime.stream(), run.result.model);
    EXPECT_EQ(saved.model->config().vocab_size, 101);
}

TEST_F(TrainerTest, ThreadsAndInstructionSetsGiveTheSameBytes) {
    RlConfig config = toy_.config("one");
    config.num_minibatches = 2, config.beta = 0.05f, config.top_p = 0.97f;
    expect_sound(toy_.run(config), config);
    for (const int threads : {2, 4}) {
        Runtime runtime(threads);
        runtime.stream().isa = supported_isas()[threads == 2 ? 0 : supported_isas().size() / 2];
        config.out = toy_ / cat("of", threads);
        toy_.run(runtime.stream(), config);
        expect_same_run(config.out, toy_ / "one");
    }
}

TEST_F(TrainerTest, AStoppedRunGoesOnToTheSameBytes) {
    RlConfig config = toy_.config("whole");
    config.steps = 6, config.save_steps = 4;
    config.num_iterations = 2, config.num_minibatches = 3;
    config.beta = 0.1f, config.sync_ref_model = true, config.ref_model_sync_steps = 2;
    config.ref_model_mixup_alpha = 0.7f;
    config.lr_scheduler_type = "cosine", config.warmup_steps = 3, config.weight_decay = 0.1f;
    const ToyRun whole = toy_.run(config);
    expect_sound(whole, config);
    EXPECT_EQ(updates(whole), 6 * 6);
    EXPECT_GT(whole.metrics[3].at("kl").get<double>(), 0.0);

    config.out = toy_ / "stopped";
    const ToyRun stopped = toy_.run(config, 1, 3);
    EXPECT_FALSE(stopped.result.finished);
    EXPECT_EQ(stopped.result.step, 3);
    EXPECT_FALSE(fs::exists(toy_ / "stopped/model"));
    config.resume = toy_ / "stopped";
    const ToyRun resumed = toy_.run(config, 2);
    EXPECT_TRUE(resumed.result.finished);
    EXPECT_EQ(resumed.metrics.size(), 3u);
    EXPECT_TRUE(any_contains(resumed.notes, "resumed after step 3"));
    fs::remove_all(toy_ / "stopped/checkpoints/step-3");  // a stop saves, and the newest two are kept
    fs::remove_all(toy_ / "whole/checkpoints/step-4");
    if (fs::exists(toy_ / "stopped/checkpoints/step-4")) fs::remove_all(toy_ / "stopped/checkpoints/step-4");
    expect_same_run(toy_ / "stopped", toy_ / "whole");

    toy_.run(config);  // finished already: the result is written again
    expect_same_run(toy_ / "stopped", toy_ / "whole");
}

TEST_F(TrainerTest, EveryVariantRuns) {
    using Change = std::function<void(RlConfig&)>;
    const std::vector<std::pair<std::string, Change>> variants{
        {"grpo",
         [](RlConfig& c) { c.temperature = 1.3f, c.top_k = 50, c.min_p = 0.001f, c.prompts_per_step = 16; }},
        {"dr_grpo", [](RlConfig& c) { c.loss_type = "dr_grpo", c.scale_rewards = "none"; }},
        {"dapo",
         [](RlConfig& c) {
             c.loss_type = "dapo", c.epsilon_high = 0.28f, c.dynamic_sampling_rounds = 2;
             c.soft_overlong_cache = 4, c.mask_truncated_completions = true;
         }},
        {"bnpo", [](RlConfig& c) { c.loss_type = "bnpo", c.scale_rewards = "batch"; }},
        {"gspo", [](RlConfig& c) { c.loss_type = "gspo", c.num_iterations = 2, c.num_minibatches = 3; }},
        {"cispo", [](RlConfig& c) { c.loss_type = "cispo", c.epsilon_high = 5.0f, c.num_minibatches = 2; }},
        {"bfloat16", [](RlConfig& c) { c.weight_dtype = "bfloat16", c.gradient_checkpointing = true; }},
        {"adapters",
         [](RlConfig& c) {
             c.lora = {.rank = 2, .alpha = 4.0f, .target_modules = {"q_proj", "down_proj"}};
             c.beta = 0.02f, c.kl_estimator = "k2", c.delta = 3.0f;
         }},
        {"bias", [](RlConfig& c) { c.beta = 0.1f, c.kl_estimator = "k1", c.use_bias_correction_kl = true; }},
        {"formats", [](RlConfig& c) { c.format_weight = 0.5f, c.format_scheme = "tag-count"; }},
        {"generated",
         [](RlConfig& c) {
             c.data.clear(), c.eval_data.clear(), c.task = "arithmetic:1", c.max_completion_length = 8;
             c.max_sequences = 3;
         }},
    };
    for (const auto& [name, change] : variants) {
        SCOPED_TRACE(name);
        RlConfig config = toy_.config(name);
        config.steps = 2, config.prompts_per_step = 4, config.num_generations = 24;
        change(config);
        const ToyRun run = toy_.run(config);
        expect_sound(run, config);
        if (name != "generated") {
            EXPECT_GT(updates(run), 0.0);
        }
        EXPECT_EQ(fs::exists(fs::path(config.out) / "adapters"), name == "adapters");
    }
}

TEST_F(TrainerTest, AdaptersAreTrainedAndMerged) {
    RlConfig config = toy_.config("run");
    config.lora = {.rank = 2, .alpha = 4.0f};
    config.learning_rate = 2e-2f;
    Runtime runtime(1);
    Stream& stream = runtime.stream();
    const ToyRun run = toy_.run(stream, config);
    expect_sound(run, config);
    LanguageModel base = toy_model(stream);
    Toy::favour_digits(stream, base);
    LanguageModel merged = load_language_model(stream, run.result.model);
    load_adapters(stream, *base.model, config.out + "/adapters");
    Arena arena;
    const auto ids = random_ids(base.model->config(), 30, 1);
    const auto a = logprob_rows(stream, *base.model, ids, arena);
    const auto b = logprob_rows(stream, *merged.model, ids, arena);
    for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-4);
}

TEST_F(TrainerTest, AStepWithoutSignalIsNamedAndSurvived) {
    RlConfig config = toy_.config("run");
    write_toy_data(config.data[0], config.eval_data[0], "123456789");  // no sample ever finds it
    const ToyRun run = toy_.run(config);
    expect_sound(run, config);
    EXPECT_EQ(updates(run), 0.0);
    EXPECT_TRUE(any_contains(run.notes, "step 1: no group's rewards differ, nothing to learn"));
    EXPECT_EQ(run.metrics[1].at("frac_reward_zero_std"), 1.0);
    EXPECT_EQ(run.metrics[1].at("loss"), 0.0);
    config.out = toy_ / "kl";  // a KL term teaches something all the same
    config.beta = 0.1f;
    EXPECT_EQ(updates(toy_.run(config)), 4.0);
}

TEST_F(TrainerTest, WhereAllCompletionsAreMaskedNothingIsLearnt) {
    toy_.stops = -1;
    RlConfig config = toy_.config("run");
    config.max_completion_length = 8, config.steps = 2;
    config.mask_truncated_completions = true;
    const ToyRun run = toy_.run(config);
    expect_sound(run, config);
    EXPECT_EQ(run.metrics[1].at("completions/clipped_ratio"), 1.0);
    EXPECT_EQ(updates(run), 0.0);
    EXPECT_LT(run.metrics[1].at("frac_reward_zero_std"), 1.0);
    EXPECT_TRUE(any_contains(run.notes, "step 1: what could teach is truncated and masked"));
}

TEST_F(TrainerTest, CompletionsOfAStopTokenAloneAreSurvived) {
    toy_.stops = 37;
    RlConfig config = toy_.config("run");
    config.mask_truncated_completions = true, config.num_minibatches = 4;
    expect_sound(toy_.run(config), config);
}

TEST_F(TrainerTest, AGradientThatIsNotFiniteIsNamedAndLeavesTheWeights) {
    RlConfig config = toy_.config("run");
    config.accuracy_weight = 3e38f, config.scale_rewards = "none";
    config.save_steps = 1;
    const ToyRun run = toy_.run(config);
    ASSERT_TRUE(run.result.finished);
    EXPECT_EQ(updates(run), 0.0);
    EXPECT_GT(run.metrics[1].at("train/skipped_updates"), 0.0);
    EXPECT_EQ(run.metrics[1].at("sampling/sampling_logp_difference/max"), 0.0);
    EXPECT_TRUE(any_contains(run.notes, "the gradient is not finite"));
    Runtime runtime(1);
    LanguageModel fresh = toy_model(runtime.stream());
    Toy::favour_digits(runtime.stream(), fresh);
    const LanguageModel saved = load_language_model(runtime.stream(), run.result.model);
    const TensorView a = fresh.model->weights(), b = saved.model->weights();
    EXPECT_TRUE(std::equal(a.as<float>(), a.as<float>() + a.numel(), b.as<float>()));
}

TEST_F(TrainerTest, AnAbsurdLearningRateEndsInOneErrorAtMost) {
    RlConfig config = toy_.config("run");
    config.learning_rate = 1e30f, config.max_grad_norm = 0.0f;
    const std::string message = error_of([&] { toy_.run(config); });
    EXPECT_NE(message.find("diverged"), std::string::npos) << message;
    EXPECT_TRUE(fs::exists(toy_ / "run/metrics.jsonl"));
}

TEST_F(TrainerTest, BadSettingsAreNamedBeforeTheRun) {
    const auto error = [&](const auto& change) {
        RlConfig config = toy_.config("run");
        change(config);
        const std::string message = error_of([&] { toy_.run(config); });
        EXPECT_FALSE(fs::exists(toy_ / "run/metrics.jsonl")) << message;
        return message;
    };
    EXPECT_NE(error([](RlConfig& c) { c.adam_beta1 = 1.0f; }).find("adam_beta1"), std::string::npos);
    EXPECT_NE(error([](RlConfig& c) { c.min_lr = 1.0f; }).find("min_lr"), std::string::npos);
    EXPECT_NE(error([](RlConfig& c) { c.lora.rank = 2000; }).find("rank"), std::string::npos);
    EXPECT_NE(error([](RlConfig& c) {
                  c.lora.rank = 2, c.beta = 0.1f, c.sync_ref_model = true;
              }).find("sync_ref_model"),
              std::string::npos);
    EXPECT_NE(error([](RlConfig& c) { c.resume = c.out; }).find("no run to resume"), std::string::npos);
    RlConfig config = toy_.config("run");
    config.steps = 0;
    EXPECT_TRUE(toy_.run(config).result.finished);
    EXPECT_NE(error_of([&] { toy_.run(config); }).find("--resume"), std::string::npos);
}

}  // namespace
}  // namespace r1
