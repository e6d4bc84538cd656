#include "train/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "train_test.h"

namespace r1 {
namespace {

class OptimizerTest : public testing::Test {
  protected:
    Runtime runtime_{2};
    Stream& stream_ = runtime_.stream();
    TinyModel model_{stream_, 1};
};

double norm(const std::vector<float>& values) {
    double sum = 0.0;
    for (float value : values) sum += static_cast<double>(value) * static_cast<double>(value);
    return std::sqrt(sum);
}

// PyTorch's AdamW in double.
TEST_F(OptimizerTest, StepsAreAdamW) {
    const OptimizerOptions options{.weight_decay = 0.1f, .max_grad_norm = 0.5f};
    Optimizer optimizer(model_, options);
    std::vector<double> w, m, v;
    for (float value : values_of(model_.weights())) w.push_back(value);
    m.resize(w.size()), v.resize(w.size());
    const double lr = 0.01;
    for (int t = 1; t <= 3; ++t) {
        fill_gradients(optimizer, t == 2 ? 1e-5f : 1e-2f);  // the second step needs no clipping
        const auto g = values_of(optimizer.gradients());
        const StepResult result = optimizer.step(stream_, model_, static_cast<float>(lr));
        EXPECT_NEAR(result.grad_norm, norm(g), 1e-6 * norm(g));
        EXPECT_EQ(result.clipped, t != 2);
        EXPECT_FALSE(result.skipped);
        const double scale = std::min(1.0, 0.5 / (norm(g) + 1e-6));
        for (const auto& parameter : model_.parameters()) {
            const bool decay = parameter.spec.name.find("norm") == std::string::npos &&
                               parameter.spec.name.find("bias") == std::string::npos;
            for (int64_t e = 0; e < parameter.spec.shape.numel(); ++e) {
                const auto i = static_cast<size_t>(parameter.offset + e);
                const double gradient = scale * static_cast<double>(g[i]);
                if (decay) w[i] *= 1.0 - lr * 0.1;
                m[i] = 0.9 * m[i] + 0.1 * gradient;
                v[i] = 0.999 * v[i] + 0.001 * gradient * gradient;
                w[i] -= lr / (1.0 - std::pow(0.9, t)) * m[i] /
                        (std::sqrt(v[i] / (1.0 - std::pow(0.999, t))) + 1e-8);
            }
        }
    }
    EXPECT_EQ(optimizer.steps(), 3);
    const auto got = values_of(model_.weights());
    for (size_t i = 0; i < w.size(); ++i) ASSERT_NEAR(got[i], w[i], 2e-5) << i;
}

TEST_F(OptimizerTest, NonFiniteGradientsAreSkipped) {
    Optimizer optimizer(model_, {});
    fill_gradients(optimizer);
    optimizer.step(stream_, model_, 1e-2f);
    const auto weights = values_of(model_.weights()), m = values_of(optimizer.exp_avg()),
               v = values_of(optimizer.exp_avg_sq());
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            1e30f}) {  // whose square is infinite
        optimizer.gradients().as<float>()[17] = bad;
        const StepResult result = optimizer.step(stream_, model_, 1e-2f);
        EXPECT_TRUE(result.skipped) << bad;
        EXPECT_FALSE(std::isfinite(result.grad_norm));
        EXPECT_EQ(optimizer.steps(), 1);
        EXPECT_EQ(values_of(model_.weights()), weights);
        EXPECT_EQ(values_of(optimizer.exp_avg()), m);
        EXPECT_EQ(values_of(optimizer.exp_avg_sq()), v);
    }
    optimizer.zero_grad();
    EXPECT_EQ(norm(values_of(optimizer.gradients())), 0.0);
    EXPECT_FALSE(optimizer.step(stream_, model_, 1e-2f).skipped);
}

TEST_F(OptimizerTest, NoClippingAtZero) {
    Optimizer optimizer(model_, {.max_grad_norm = 0.0f});
    fill_gradients(optimizer, 100.0f);
    EXPECT_FALSE(optimizer.step(stream_, model_, 1e-2f).clipped);
    const float g = optimizer.gradients().as<float>()[5];
    EXPECT_FLOAT_EQ(optimizer.exp_avg().as<float>()[5], 0.1f * g);
}

TEST_F(OptimizerTest, TrainsAdaptersAlone) {
    Optimizer whole(model_, {});
    model_.attach_lora({.rank = 2}, 1);
    const auto masters = values_of(model_.weights()), adapters = values_of(model_.trainable_weights());
    Optimizer optimizer(model_, {});
    EXPECT_EQ(optimizer.gradients().numel(), static_cast<int64_t>(adapters.size()));
    fill_gradients(optimizer);
    optimizer.step(stream_, model_, 1e-2f);
    EXPECT_EQ(values_of(model_.weights()), masters);
    EXPECT_NE(values_of(model_.trainable_weights()), adapters);
    EXPECT_NE(error_of([&] { whole.step(stream_, model_, 1e-2f); }).find("adapters"), std::string::npos);
}

TEST_F(OptimizerTest, ErrorsNameTheSetting) {
    const auto error = [&](const OptimizerOptions& options) {
        return error_of([&] { Optimizer(model_, options); });
    };
    EXPECT_NE(error({.beta1 = 1.0f}).find("adam_beta1 1"), std::string::npos);
    EXPECT_NE(error({.beta2 = -0.1f}).find("adam_beta2"), std::string::npos);
    EXPECT_NE(error({.eps = 0.0f}).find("adam_epsilon"), std::string::npos);
    EXPECT_NE(error({.weight_decay = NAN}).find("weight_decay"), std::string::npos);
    EXPECT_NE(error({.max_grad_norm = INFINITY}).find("max_grad_norm"), std::string::npos);
    Optimizer optimizer(model_, {});
    EXPECT_NE(error_of([&] { optimizer.step(stream_, model_, NAN); }).find("learning_rate"),
              std::string::npos);
}

}  // namespace
}  // namespace r1
