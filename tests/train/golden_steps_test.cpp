// Ten AdamW steps and the schedules against PyTorch and transformers (scripts/golden_models.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "golden/golden.h"
#include "train/backprop.h"
#include "train/optimizer.h"
#include "train/schedule.h"

namespace r1 {
namespace {

// The mean of -logprob over all targets: returns it and its gradients.
double mean_loss(const Scores& scores, std::span<float> dlogprobs) {
    const auto count = static_cast<double>(scores.logprobs.size());
    std::fill(dlogprobs.begin(), dlogprobs.end(), static_cast<float>(-1.0 / count));
    return -std::accumulate(scores.logprobs.begin(), scores.logprobs.end(), 0.0) / count;
}

class GoldenSteps : public testing::TestWithParam<const char*> {};

TEST_P(GoldenSteps, TenStepsOfAdamW) {
    const fs::path folder = golden::root / "models" / GetParam();
    const Safetensors values(folder / "golden.safetensors");
    const auto expected = golden::read_json(folder / "golden.json");
    Runtime runtime(1);
    Model model(load_model_config(folder));
    model.load(runtime.stream(), *open_tensors(folder));
    model.pack(runtime.stream(), true);
    PackedSamples samples;
    for (const auto& ids : expected.at("ids")) samples.add_document(ids.get<std::vector<int32_t>>());

    const auto& options = expected.at("options");
    Optimizer optimizer(model, {.beta1 = options.at("beta1"),
                                .beta2 = options.at("beta2"),
                                .eps = options.at("eps"),
                                .weight_decay = options.at("weight_decay"),
                                .max_grad_norm = options.at("max_grad_norm")});
    Arena arena;
    for (const auto& step : expected.at("steps")) {
        double loss = 0.0;
        optimizer.zero_grad();
        backprop(
            runtime.stream(), model, optimizer.gradients(), samples, {},
            [&](const Scores& scores, std::span<float> dlogprobs) { loss = mean_loss(scores, dlogprobs); },
            arena);
        const StepResult result = optimizer.step(runtime.stream(), model, step.at("learning_rate"));
        const double want_loss = step.at("loss"), want_norm = step.at("grad_norm");
        EXPECT_NEAR(loss, want_loss, golden::kStepMetrics * want_loss);
        EXPECT_NEAR(result.grad_norm, want_norm, golden::kStepMetrics * want_norm);
    }
    for (const Parameter& parameter : model.parameters()) {
        const TensorView w = model.parameter(parameter.spec.name);
        const auto want = golden::read_tensor(values, "step10." + parameter.spec.name);
        EXPECT_LE(golden::relative_distance(std::span(w.as<float>(), want.size()), want), golden::kTenSteps)
            << parameter.spec.name;
    }
}

INSTANTIATE_TEST_SUITE_P(PyTorch, GoldenSteps, testing::ValuesIn(golden::models),
                         [](const auto& test) { return std::string(test.param); });

// After the warm-up, which differs on purpose (train/schedule.h).
TEST(GoldenSchedule, FactorsAreThoseOfTransformers) {
    const auto cases = golden::read_json(golden::root / "models/schedules.json");
    for (const auto& expected : cases) {
        Schedule schedule;
        schedule.lr_scheduler_type = expected.at("lr_scheduler_type");
        schedule.learning_rate = 1.0f;
        schedule.min_lr = expected.value("min_lr_rate", 0.0f);
        schedule.warmup_steps = expected.at("warmup_steps");
        schedule.total_steps = expected.at("total_steps");
        const auto factors = expected.at("factors").get<std::vector<double>>();
        for (auto s = schedule.warmup_steps; s < static_cast<int64_t>(factors.size()); ++s) {
            EXPECT_NEAR(schedule.rate(s), factors[static_cast<size_t>(s)], 1e-7)
                << schedule.lr_scheduler_type << ", step " << s;
        }
    }
}

}  // namespace
}  // namespace r1
