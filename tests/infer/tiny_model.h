// Models of a few thousand random weights, one of each family, with odd sizes.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/rng.h"
#include "model/model.h"

namespace r1 {

inline ModelConfig tiny_config(const std::string& family) {
    ModelConfig config;
    config.model_type = family;
    config.num_hidden_layers = 2;
    config.max_position_embeddings = 160;
    config.initializer_range = 0.3f;
    if (family == "llama") {  // grouped heads
        config.vocab_size = 61, config.hidden_size = 24, config.intermediate_size = 40;
        config.num_attention_heads = 3, config.num_key_value_heads = 1, config.head_dim = 8;
    } else if (family == "qwen2") {  // biases, a tied head, a head_dim that is no multiple of 4
        config.vocab_size = 97, config.hidden_size = 28, config.intermediate_size = 44;
        config.num_attention_heads = 4, config.num_key_value_heads = 2, config.head_dim = 14;
        config.attention_bias = config.tie_word_embeddings = true;
    } else {  // norms of q and k, a head_dim that is not hidden_size / heads
        config.vocab_size = 83, config.hidden_size = 20, config.intermediate_size = 36;
        config.num_attention_heads = 2, config.num_key_value_heads = 2, config.head_dim = 18;
        config.qk_norm = true;
    }
    return config;
}

// Packed for training; norms and biases are random too.
inline std::unique_ptr<Model> tiny_model(Stream& stream, const ModelConfig& config,
                                         DType weight_dtype = DType::f32, uint64_t seed = 1) {
    auto model = std::make_unique<Model>(config, weight_dtype);
    model->initialize(stream, seed);
    Rng rng(seed, 77);
    for (const auto& parameter : model->parameters()) {
        if (parameter.spec.kind != ParameterKind::norm && parameter.spec.kind != ParameterKind::bias)
            continue;
        float* values = model->weights().as<float>() + parameter.offset;
        for (int64_t i = 0; i < parameter.spec.shape.numel(); ++i) values[i] += 0.2f * rng.normal();
    }
    model->pack(stream, true);
    return model;
}

inline void randomize_adapters(Stream& stream, Model& model) {
    float* values = model.trainable_weights().as<float>();
    Rng rng(5, 5);
    for (int64_t i = 0; i < model.trainable_weights().numel(); ++i) values[i] = 0.2f * rng.normal();
    model.pack(stream, true);
}

inline std::vector<int32_t> random_ids(const ModelConfig& config, int64_t count, uint64_t seed) {
    Rng rng(seed, 3);
    std::vector<int32_t> ids(static_cast<size_t>(count));
    for (auto& id : ids) id = static_cast<int32_t>(rng.below(static_cast<uint32_t>(config.vocab_size)));
    return ids;
}

// Instruction sets that this processor has.
inline std::vector<Isa> supported_isas() {
    std::vector<Isa> isas;
    for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
        if (isa_supported(isa)) isas.push_back(isa);
    }
    return isas;
}

}  // namespace r1
