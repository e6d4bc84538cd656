// The policy loss and the advantages against TRL (scripts/golden_grpo.py).
#include <gtest/gtest.h>

#include <cmath>

#include "golden/golden.h"
#include "reward/length.h"
#include "rl/advantages.h"
#include "rl/policy_loss.h"
#include "train/backprop.h"

namespace r1 {
namespace {

using nlohmann::json;

constexpr double kLoss = 1e-6;       // absolute: TRL in double precision from the same fp32 inputs
constexpr double kModelLoss = 2e-5;  // absolute: through a model, both in fp32
constexpr double kModelGradient =
    5e-5;  // of the tensor's norm; clipping and exp sharpen the model's own errors

PolicyLossOptions parse_options(const json& source) {
    PolicyLossOptions options;
    options.loss_type = parse_loss_type(source.at("loss_type"));
    options.sequence_level = source.at("importance_sampling_level") == "sequence";
    options.epsilon = source.at("epsilon");
    options.epsilon_high =
        source.at("epsilon_high").is_null() ? options.epsilon : source.at("epsilon_high").get<float>();
    if (!source.at("delta").is_null()) options.delta = source.at("delta").get<float>();
    options.beta = source.at("beta");
    options.use_bias_correction_kl = source.at("use_bias_correction_kl");
    options.max_completion_length = source.at("max_completion_length");
    return options;
}

// The tokens of some rows of a padded batch that the mask keeps. A row without any is handed over whole, as a
// sample that takes no part: what mask_truncated_completions makes of a row.
struct Tokens {
    std::vector<float> logprobs, old_logprobs, ref_logprobs, entropy, advantages;
    std::vector<int32_t> samples;
    std::vector<uint8_t> masked;
    std::vector<double> want;  // TRL's gradients
    int64_t active = 0;

    PolicyTokens view() const {
        return {logprobs, old_logprobs, ref_logprobs, entropy, samples, advantages, masked};
    }
};

Tokens select(const json& batch, const json& micro_batch, bool on_policy) {
    Tokens tokens;
    const size_t begin = micro_batch.at("begin"), end = micro_batch.at("end");
    for (size_t row = begin; row < end; ++row) {
        const auto mask = batch.at("completion_mask")[row].get<std::vector<double>>();
        const bool none = std::count(mask.begin(), mask.end(), 0.0) == std::ssize(mask);
        tokens.advantages.push_back(batch.at("advantages")[row]);
        tokens.masked.push_back(none);
        for (size_t t = 0; t < mask.size(); ++t) {
            if (mask[t] == 0.0 && !none) continue;
            const auto at = [&](const char* key) { return batch.at(key)[row][t].get<float>(); };
            tokens.logprobs.push_back(at("logprobs"));
            tokens.old_logprobs.push_back(at(on_policy ? "logprobs" : "old_logprobs"));
            tokens.ref_logprobs.push_back(at("ref_logprobs"));
            tokens.entropy.push_back(at("entropy"));
            tokens.samples.push_back(static_cast<int32_t>(row - begin));
            tokens.want.push_back(micro_batch.at("dlogprobs")[row - begin][t]);
            tokens.active += !none;
        }
    }
    return tokens;
}

int64_t active_tokens(const json& batch) {
    double count = 0.0;
    for (const auto& row : batch.at("completion_mask")) {
        for (const double m : row) count += m;
    }
    return static_cast<int64_t>(count);
}

void expect_metrics(const json& want, const PolicyLossOptions& options, const PolicyStats& stats,
                    int64_t ratio_total, double tolerance) {
    const double tokens = std::max(stats.tokens, 1.0);
    const double ratios = std::max(static_cast<double>(ratio_total), 1.0);
    const auto expect = [&](const char* name, double got) {
        if (!want.contains(name)) return;
        EXPECT_NEAR(got, want.at(name).get<double>(), tolerance) << name;
    };
    expect("kl", stats.kl / tokens);
    expect("entropy", stats.entropy / tokens);
    expect("cispo_clip_ratio", stats.clip_high / ratios);
    if (stats.tokens == 0.0) return;  // TRL has no least and no largest share then
    expect("clip_ratio/low_min", stats.clip_low_min);
    if (options.loss_type != LossType::cispo) expect("clip_ratio/high_max", stats.clip_high_max);
    expect("clip_ratio/low_mean", stats.clip_low / ratios);
    expect("clip_ratio/high_mean", stats.clip_high / ratios);
}

TEST(GoldenPolicyLoss, EqualsTrl) {
    const json golden = golden::read_json(golden::root / "grpo/loss.json");
    for (const auto& expected : golden.at("cases")) {
        SCOPED_TRACE(expected.at("name").get<std::string>());
        const json& batch = golden.at("batches").at(expected.at("batch").get<std::string>());
        const PolicyLossOptions options = parse_options(expected.at("options"));
        const int64_t accumulation = expected.at("gradient_accumulation_steps");
        const int64_t steps_per_generation = expected.at("steps_per_generation");
        for (const auto& micro_batch : expected.at("micro_batches")) {
            const Tokens tokens = select(batch, micro_batch, expected.at("on_policy"));
            LossScale scale;
            scale.sequences = std::ssize(tokens.advantages) * accumulation;
            scale.tokens = tokens.active * accumulation;  // TRL's bnpo averages over its micro-batches
            scale.rollout_tokens = active_tokens(batch);
            scale.minibatches = static_cast<int>(steps_per_generation / accumulation);
            std::vector<float> dlogprobs(tokens.logprobs.size(), NAN);
            const PolicyStats stats = policy_loss(options, scale, tokens.view(), dlogprobs);
            EXPECT_NEAR(stats.loss, micro_batch.at("loss").get<double>(), kLoss);
            EXPECT_LE(golden::distance(dlogprobs, tokens.want), kLoss);
            EXPECT_EQ(stats.tokens, static_cast<double>(tokens.active));
            // one micro-batch's share of what the minibatch has
            expect_metrics(micro_batch.at("metrics"), options, stats,
                           ratio_count(options, scale) / accumulation, kLoss);
        }
    }
}

TEST(GoldenAdvantages, EqualTrls) {
    const json golden = golden::read_json(golden::root / "grpo/advantages.json");
    for (const auto& expected : golden.at("advantages")) {
        const auto rewards = expected.at("rewards").get<std::vector<double>>();
        const auto want = expected.at("advantages").get<std::vector<double>>();
        const Advantages got = compute_advantages(rewards, expected.at("num_generations"),
                                                  parse_scale_rewards(expected.at("scale_rewards")));
        ASSERT_EQ(got.values.size(), want.size());
        for (size_t i = 0; i < want.size(); ++i) {
            EXPECT_NEAR(static_cast<double>(got.values[i]), want[i], 1e-6 * (1.0 + std::abs(want[i])))
                << expected;
        }
        EXPECT_NEAR(got.reward_std, expected.at("reward_std").get<double>(), 1e-6 * got.reward_std);
    }
    for (const auto& expected : golden.at("overlong")) {
        for (size_t i = 0; i < expected.at("lengths").size(); ++i) {
            EXPECT_DOUBLE_EQ(
                soft_overlong_penalty(expected.at("lengths")[i], expected.at("max_completion_length"),
                                      expected.at("cache")),
                expected.at("penalties")[i].get<double>())
                << expected;
        }
    }
}

// Rows as `r1 check --gradients` reads them, each a prompt and a completion, parts of which may be another's.
struct Rows {
    PackedSamples packed;
    Tokens tokens;               // of the rows that take part, without logprobs
    std::vector<size_t> active;  // their indices among packed.rows
    int64_t count = 0;
};

Rows read_rows(const fs::path& path) {
    Rows result;
    std::istringstream lines(read_file(path));
    for (std::string line; std::getline(lines, line);) {
        const json row = parse_json(line, path.string());
        const auto ids = row.at("ids").get<std::vector<int32_t>>();
        const auto mask = row.at("completion_mask").get<std::vector<int>>();
        // All after the first token is scored; what the mask leaves out then takes no part.
        const size_t first = result.packed.rows.size();
        result.packed.add_document(ids);
        for (size_t t = 1; t < ids.size(); ++t) {
            if (!mask[t]) continue;
            result.active.push_back(first + t - 1);
            result.tokens.samples.push_back(static_cast<int32_t>(result.count));
            result.tokens.old_logprobs.push_back(row.at("old_logprobs")[t]);
            result.tokens.ref_logprobs.push_back(row.at("ref_logprobs")[t]);
        }
        result.tokens.advantages.push_back(row.at("advantages"));
        result.tokens.masked.push_back(0);
        ++result.count;
    }
    return result;
}

TEST(GoldenPolicyGradient, OfEveryParameterEqualsTrl) {
    const fs::path folder = golden::root / "models/llama_tied_bias";
    const Safetensors values(golden::root / "grpo/gradients.safetensors");
    Runtime runtime(2);
    Model model(load_model_config(folder));
    model.load(runtime.stream(), *open_tensors(folder));
    model.pack(runtime.stream(), true);
    Rows rows = read_rows(golden::root / "grpo/batch.jsonl");
    Arena arena;
    for (const auto& expected : golden::read_json(golden::root / "grpo/gradients.json")) {
        const std::string name = expected.at("name");
        SCOPED_TRACE(name);
        const PolicyLossOptions options = parse_options(expected.at("options"));
        const auto count = static_cast<int64_t>(rows.active.size());
        const LossScale scale{rows.count, count, count, 1};
        PolicyStats stats;
        const auto loss = [&](const Scores& scores, std::span<float> dlogprobs) {
            rows.tokens.logprobs.clear(), rows.tokens.entropy.clear();
            for (const size_t i : rows.active) {
                rows.tokens.logprobs.push_back(scores.logprobs[i]);
                rows.tokens.entropy.push_back(scores.entropy[i]);
            }
            std::vector<float> active(rows.active.size());
            stats = policy_loss(options, scale, rows.tokens.view(), active);
            for (size_t i = 0; i < active.size(); ++i) dlogprobs[rows.active[i]] = active[i];
        };
        std::vector<float> grads(static_cast<size_t>(model.parameter_count()), 0.0f);
        backprop(runtime.stream(), model, view(grads.data(), {model.parameter_count()}), rows.packed, {},
                 loss, arena);
        EXPECT_NEAR(stats.loss, expected.at("loss").get<double>(), kModelLoss);
        expect_metrics(expected.at("metrics"), options, stats, ratio_count(options, scale), kModelLoss);
        for (const Parameter& parameter : model.parameters()) {
            const std::span got(grads.data() + parameter.offset,
                                static_cast<size_t>(parameter.spec.shape.numel()));
            const auto want = golden::read_tensor(values, cat(name, ".", parameter.spec.name));
            EXPECT_LE(golden::relative_distance(got, want), kModelGradient) << parameter.spec.name;
        }
    }
}

}  // namespace
}  // namespace r1
