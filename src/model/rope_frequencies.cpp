#include "model/rope_frequencies.h"

#include "ops/math.h"

namespace r1 {

std::vector<float> rope_frequencies(const ModelConfig& config) {
    const RopeScaling& scaling = config.rope_scaling;
    std::vector<float> result;
    for (int i = 0; i < config.head_dim / 2; ++i) {
        const float exponent = static_cast<float>(2 * i) / static_cast<float>(config.head_dim);
        const auto power = static_cast<float>(
            ops::exact_pow(static_cast<double>(config.rope_theta), static_cast<double>(exponent)));
        float frequency = 1.0f / power;
        if (scaling.rope_type == "linear") frequency /= scaling.factor;
        if (scaling.rope_type == "llama3") {
            const auto original = static_cast<float>(scaling.original_max_position_embeddings);
            const float wavelength = 6.2831853071795864f / frequency;
            if (wavelength > original / scaling.low_freq_factor) {
                frequency /= scaling.factor;
            } else if (wavelength >= original / scaling.high_freq_factor) {
                const float smooth = (original / wavelength - scaling.low_freq_factor) /
                                     (scaling.high_freq_factor - scaling.low_freq_factor);
                frequency = (1.0f - smooth) * frequency / scaling.factor + smooth * frequency;
            }
        }
        result.push_back(frequency);
    }
    return result;
}

}  // namespace r1
