// Golden models of transformers (scripts/golden_models.py): configuration and weights.
#include <gtest/gtest.h>

#include <set>

#include "golden/golden.h"
#include "model/config.h"
#include "model/names.h"

namespace r1 {
namespace {

class GoldenModel : public testing::TestWithParam<const char*> {};

// The specs name exactly what transformers stored, with its shapes.
TEST_P(GoldenModel, ParameterSpecsMatchStoredTensors) {
    const fs::path folder = golden::root / "models" / GetParam();
    const ModelConfig config = load_model_config(folder);
    const Safetensors stored(folder);
    const std::vector<std::string> names = stored.names();
    std::set<std::string> missing(names.begin(), names.end());
    for (const ParameterSpec& spec : parameter_specs(config)) {
        EXPECT_EQ(missing.erase(spec.name), 1u) << spec.name;
        if (stored.has(spec.name)) {
            EXPECT_EQ(stored.shape(spec.name), spec.shape) << spec.name;
        }
    }
    EXPECT_TRUE(missing.empty()) << *missing.begin();
}

INSTANTIATE_TEST_SUITE_P(Transformers, GoldenModel, testing::ValuesIn(golden::models),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace r1
