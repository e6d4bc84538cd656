// What the tests of this folder share: a tiny model, folders, files.
#pragma once
#include "formats/temp_folder.h"
#include "model/model.h"
#include "train/optimizer.h"

namespace r1 {

inline ModelConfig tiny_config() {
    ModelConfig config;
    config.model_type = "qwen2";
    config.vocab_size = 37;
    config.hidden_size = 16;
    config.intermediate_size = 24;
    config.num_hidden_layers = 2;
    config.num_attention_heads = 2;
    config.num_key_value_heads = 1;
    config.head_dim = 8;
    config.attention_bias = true;
    return config;
}

struct TinyModel : Model {
    TinyModel(Stream& stream, uint64_t seed) : Model(tiny_config()) {
        initialize(stream, seed);
        pack(stream, true);
    }
};

inline std::vector<float> values_of(TensorView flat) {
    return {flat.as<float>(), flat.as<float>() + flat.numel()};
}

// Gradients that are different everywhere.
inline void fill_gradients(Optimizer& optimizer, float scale = 1e-3f) {
    float* g = optimizer.gradients().as<float>();
    for (int64_t i = 0; i < optimizer.gradients().numel(); ++i) {
        g[i] = scale * static_cast<float>((i * 7919 + 13 * optimizer.steps()) % 101 - 50);
    }
}

}  // namespace r1
