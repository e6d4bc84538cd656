// Reading and comparing with the golden values of scripts/golden_models.py and scripts/golden_grpo.py.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/files.h"
#include "formats/json.h"
#include "formats/safetensors.h"

namespace r1::golden {

inline const fs::path root = fs::path(R1_SOURCE_DIR) / "tests/golden";

inline constexpr const char* models[] = {"llama",      "llama_tied_bias", "llama_rope_scaling", "qwen2",
                                         "qwen2_tied", "qwen3",           "qwen3_tied"};

// Both sides are fp32. PyTorch's own distance from double precision on these models, measured with its sums
// in double: logits 6e-6, gradients 1.5e-6 of a tensor's norm, weights after ten steps 1.2e-6 of it. About
// ten times that.
inline constexpr double kLogits = 5e-5;       // absolute: logits, log-probabilities, entropies
inline constexpr double kGradient = 2e-5;     // of the tensor's norm
inline constexpr double kTenSteps = 1e-5;     // of the tensor's norm
inline constexpr double kStepMetrics = 2e-5;  // relative: loss and norm of the gradient at each of the steps

inline nlohmann::json read_json(const fs::path& path) {
    return parse_json(read_file(path), path.string());
}

inline std::vector<float> read_tensor(const TensorSource& source, const std::string& name) {
    std::vector<float> values(static_cast<size_t>(source.shape(name).numel()));
    source.read(name, values);
    return values;
}

// max |got − want|; infinite if a value is not finite or the sizes differ.
template <class Got, class Want>
double distance(const Got& got, const Want& want) {
    double worst = std::size(got) == std::size(want) ? 0.0 : INFINITY;
    for (size_t i = 0; i < std::min(std::size(got), std::size(want)); ++i) {
        const double error = std::abs(static_cast<double>(got[i]) - static_cast<double>(want[i]));
        worst = std::isfinite(error) ? std::max(worst, error) : INFINITY;
    }
    return worst;
}

// ‖got − want‖ / ‖want‖, or ‖got − want‖ where want is 0.
template <class Got, class Want>
double relative_distance(const Got& got, const Want& want) {
    if (std::size(got) != std::size(want)) return INFINITY;
    double error = 0.0, norm = 0.0;
    for (size_t i = 0; i < std::size(want); ++i) {
        error += std::pow(static_cast<double>(got[i]) - static_cast<double>(want[i]), 2);
        norm += std::pow(static_cast<double>(want[i]), 2);
    }
    return std::isfinite(error) ? std::sqrt(norm > 0.0 ? error / norm : error) : INFINITY;
}

}  // namespace r1::golden
