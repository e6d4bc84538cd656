#include "train/backprop.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "infer/tiny_model.h"

namespace r1 {
namespace {

// A loss with a slope of its own at each target: Σ w·logprob, w between −1 and 1.
void slopes(std::span<float> dlogprobs, size_t first) {
    for (size_t i = 0; i < dlogprobs.size(); ++i)
        dlogprobs[i] = static_cast<float>((first + i) * 37 % 41) / 20.0f - 1.0f;
}

std::vector<float> values_of(TensorView flat) {
    return {flat.as<float>(), flat.as<float>() + flat.numel()};
}

struct Pass {
    std::vector<float> gradients;
    std::vector<float> logprobs;
};

Pass run(Stream& stream, Model& model, std::span<const PackedSamples> micro_batches,
         const BackpropOptions& options = {}) {
    Pass pass;
    Arena arena;
    const Buffer gradients(DType::f32, model.trainable_weights().shape);
    for (const auto& packed : micro_batches) {
        backprop(
            stream, model, gradients.view(), packed, options,
            [&](const Scores& scores, std::span<float> dlogprobs) {
                slopes(dlogprobs, pass.logprobs.size());
                pass.logprobs.insert(pass.logprobs.end(), scores.logprobs.begin(), scores.logprobs.end());
            },
            arena);
    }
    pass.gradients = values_of(gradients.view());
    return pass;
}

double loss_of(Stream& stream, Model& model, const PackedSamples& packed, const BackpropOptions& options) {
    Arena arena;
    const Scores scores = score(stream, model, packed, options.temperature, options.filter, arena);
    std::vector<float> weights(scores.logprobs.size());
    slopes(weights, 0);
    double loss = 0.0;
    for (size_t i = 0; i < weights.size(); ++i)
        loss += static_cast<double>(weights[i]) * static_cast<double>(scores.logprobs[i]);
    return loss;
}

bool same_bytes(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

double distance(std::span<const float> a, std::span<const float> b) {
    double squares = 0.0, all = 0.0;
    for (size_t i = 0; i < a.size(); ++i) {
        const auto x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
        squares += (x - y) * (x - y), all += y * y;
    }
    return std::sqrt(squares / all);
}

class BackpropTest : public testing::TestWithParam<const char*> {
  protected:
    // Documents, and groups that share a prompt of each length around the edges of pages.
    PackedSamples batch(bool shared) const {
        PackedSamples packed;
        for (const int64_t size : {40, 1, 33}) packed.add_document(random_ids(config_, size, 50));
        uint64_t seed = 0;
        for (const int64_t size : {1, 31, 32, 33, 64}) {
            std::vector<std::vector<int32_t>> own;
            for (const int64_t length : {1, 5, 0, 34}) own.push_back(random_ids(config_, length, ++seed));
            const std::vector<std::span<const int32_t>> completions(own.begin(), own.end());
            const auto prompt = random_ids(config_, size, ++seed);
            if (shared) {
                packed.add_group(prompt, completions);
            } else {
                for (const auto& completion : completions) packed.add_group(prompt, {&completion, 1});
            }
        }
        return packed;
    }
    std::vector<PackedSamples> documents(size_t most_tokens) const {
        std::vector<PackedSamples> pieces(1);
        uint64_t seed = 0;
        for (const int64_t size : {40, 2, 33, 32, 90, 7, 65}) {
            if (static_cast<size_t>(pieces.back().tokens()) >= most_tokens) pieces.emplace_back();
            pieces.back().add_document(random_ids(config_, size, ++seed));
        }
        return pieces;
    }

    const ModelConfig config_ = tiny_config(GetParam());
    Runtime runtime_{1};
    Stream& stream_ = runtime_.stream();
    std::unique_ptr<Model> model_ = tiny_model(stream_, config_);
};

TEST_P(BackpropTest, RecomputingThreadsAndInstructionSetsGiveTheSameBytes) {
    const PackedSamples packed = batch(true);
    for (const bool adapters : {false, true}) {
        if (adapters) {
            model_->attach_lora({.rank = 2, .alpha = 3.0f, .target_modules = {"k_proj", "o_proj", "up_proj"}},
                                1);
            randomize_adapters(stream_, *model_);
        }
        const BackpropOptions filtered{0.7f, {.top_k = 40, .top_p = 0.95f, .min_p = 0.01f}, false};
        for (BackpropOptions options : {BackpropOptions{}, filtered}) {
            const Pass want = run(stream_, *model_, {&packed, 1}, options);
            Arena arena;
            EXPECT_TRUE(same_bytes(
                score(stream_, *model_, packed, options.temperature, options.filter, arena).logprobs,
                want.logprobs));
            if (adapters && options.filter.active()) continue;
            size_t turn = 0;
            for (const int threads : {1, 2, 1, 4}) {
                Runtime other(threads);
                other.stream().isa = supported_isas()[turn++ % supported_isas().size()];
                options.recompute = turn % 4 < 2;
                const Pass got = run(other.stream(), *model_, {&packed, 1}, options);
                EXPECT_TRUE(same_bytes(got.logprobs, want.logprobs)) << turn;
                EXPECT_TRUE(same_bytes(got.gradients, want.gradients)) << turn;
            }
        }
    }
}

TEST_P(BackpropTest, ASharedPromptGivesTheGradientOfSeparateOnes) {
    const PackedSamples shared = batch(true), apart = batch(false);
    EXPECT_LT(shared.tokens(), apart.tokens());
    const Pass a = run(stream_, *model_, {&shared, 1}), b = run(stream_, *model_, {&apart, 1});
    EXPECT_TRUE(same_bytes(a.logprobs, b.logprobs));
    EXPECT_LT(distance(a.gradients, b.gradients), 1e-6);
}

TEST_P(BackpropTest, MicroBatchesGiveTheSameBytesOfEveryMatrix) {
    const auto whole = documents(1000);
    ASSERT_EQ(whole.size(), 1u);
    const Pass want = run(stream_, *model_, whole);
    for (const size_t most_tokens : {1u, 50u, 120u}) {
        const auto pieces = documents(most_tokens);
        ASSERT_GT(pieces.size(), 1u);
        const Pass got = run(stream_, *model_, pieces);
        EXPECT_TRUE(same_bytes(got.logprobs, want.logprobs));
        for (const auto& parameter : model_->parameters()) {
            const auto size = static_cast<size_t>(parameter.spec.shape.numel());
            const auto part = [&](const Pass& pass) {
                return std::span(pass.gradients).subspan(static_cast<size_t>(parameter.offset), size);
            };
            const auto g = part(got), w = part(want);
            if (parameter.spec.kind == ParameterKind::matrix) {
                EXPECT_EQ(std::memcmp(g.data(), w.data(), g.size_bytes()), 0) << parameter.spec.name;
            }
            EXPECT_LT(distance(g, w), 1e-5) << parameter.spec.name;
        }
    }
}

// Along a random direction of each parameter.
void expect_central_differences(Stream& stream, Model& model, const PackedSamples& packed,
                                const BackpropOptions& options, double tolerance) {
    const Pass pass = run(stream, model, {&packed, 1}, options);
    float* weights = model.trainable_weights().as<float>();
    const auto before = values_of(model.trainable_weights());
    for (const auto& parameter : model.trainable_parameters()) {
        Rng rng(1, static_cast<uint64_t>(parameter.offset));
        const int64_t begin = parameter.offset, end = begin + parameter.spec.shape.numel();
        std::vector<float> direction;
        for (int64_t i = begin; i < end; ++i) direction.push_back(rng.normal());
        double slope = 0.0, norm = 0.0, loss[2];
        for (int64_t i = begin; i < end; ++i) {
            const auto d = static_cast<double>(direction[static_cast<size_t>(i - begin)]);
            slope += d * static_cast<double>(pass.gradients[static_cast<size_t>(i)]);
            norm += static_cast<double>(pass.gradients[static_cast<size_t>(i)]) *
                    static_cast<double>(pass.gradients[static_cast<size_t>(i)]);
        }
        constexpr double kStep = 2e-3;
        for (const int side : {0, 1}) {
            for (int64_t i = begin; i < end; ++i) {
                weights[i] = before[static_cast<size_t>(i)] + static_cast<float>(side ? kStep : -kStep) *
                                                                  direction[static_cast<size_t>(i - begin)];
            }
            model.pack(stream, true);
            loss[side] = loss_of(stream, model, packed, options);
        }
        std::copy(before.begin() + begin, before.begin() + end, weights + begin);
        model.pack(stream, true);
        EXPECT_GT(norm, 0.0) << parameter.spec.name;
        EXPECT_NEAR((loss[1] - loss[0]) / (2 * kStep), slope, tolerance * std::sqrt(norm))
            << parameter.spec.name;
    }
}

TEST_P(BackpropTest, GradientsAreTheSlopesOfTheLoss) {
    expect_central_differences(stream_, *model_, batch(true), {}, 0.03);
    expect_central_differences(stream_, *model_, batch(true), {1.8f, {}, false}, 0.03);
}

TEST_P(BackpropTest, AdaptersHaveTheSlopesOfTheLoss) {
    using Targets = std::vector<std::string>;
    for (const Targets& targets :
         {Targets{"q_proj", "v_proj", "up_proj"}, Targets{"k_proj", "gate_proj", "o_proj", "down_proj"}}) {
        const auto model = tiny_model(stream_, config_);
        model->attach_lora({.rank = 3, .alpha = 6.0f, .target_modules = targets}, 2);
        randomize_adapters(stream_, *model);
        EXPECT_EQ(model->trainable_parameters().size(), 2 * 2 * targets.size());
        expect_central_differences(stream_, *model, batch(true), {}, 0.03);
    }
}

TEST_P(BackpropTest, NewAdaptersChangeNothingAndMergedOnesGiveTheSameLogits) {
    Arena arena;
    const auto ids = random_ids(config_, 45, 1);
    const auto plain = logprob_rows(stream_, *model_, ids, arena);
    LoraConfig lora{.rank = 4, .alpha = 8.0f};
    for (const bool all : {true, false}) {
        if (!all) lora.target_modules = {"v_proj", "gate_proj"};
        const auto model = tiny_model(stream_, config_);
        model->attach_lora(lora, 3);
        model->pack(stream_, true);
        EXPECT_TRUE(same_bytes(logprob_rows(stream_, *model, ids, arena), plain));
        randomize_adapters(stream_, *model);
        const auto adapted = logprob_rows(stream_, *model, ids, arena);
        EXPECT_GT(distance(adapted, plain), 1e-2);
        model->merge_lora(stream_);
        EXPECT_EQ(model->lora(), nullptr);
        const auto merged = logprob_rows(stream_, *model, ids, arena);
        EXPECT_LT(distance(merged, adapted), 1e-5);
    }
}

INSTANTIATE_TEST_SUITE_P(Models, BackpropTest, testing::Values("llama", "qwen2", "qwen3"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace r1
