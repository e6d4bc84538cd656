// The shape of a model, with the keys of Hugging Face's config.json as they are.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "core/files.h"

namespace r1 {

class Gguf;
class GgufMetadata;

struct RopeScaling {
    std::string rope_type = "default";  // default, linear, llama3
    float factor = 1.0f, low_freq_factor = 1.0f, high_freq_factor = 4.0f;
    int original_max_position_embeddings = 8192;
    bool operator==(const RopeScaling&) const = default;
};

struct ModelConfig {
    std::string model_type = "llama";  // llama, qwen2, qwen3
    int vocab_size = 0;
    int hidden_size = 0;          // C
    int intermediate_size = 0;    // F
    int num_hidden_layers = 0;    // L
    int num_attention_heads = 0;  // H
    int num_key_value_heads = 0;  // Hkv, divides H
    int head_dim = 0;             // D; hidden_size / num_attention_heads where the file has none
    int max_position_embeddings = 2048;
    float rms_norm_eps = 1e-6f;
    float rope_theta = 10000.0f;
    RopeScaling rope_scaling;
    bool tie_word_embeddings = false;
    bool attention_bias = false;  // biases of q, k, v (always with qwen2); llama's also has one on o_proj
    bool o_bias = false;
    bool mlp_bias = false;
    bool qk_norm = false;  // RMSNorm of each head's q and k (qwen3)
    float initializer_range = 0.02f;

    int64_t parameters() const;  // count, tied embeddings once
    bool operator==(const ModelConfig&) const = default;
};

// Throws on a missing key, an impossible value, or a feature that is not supported (sliding windows, other
// activations, other families), naming the key. The source is config.json's parsed content; keys that
// transformers has defaults for may be absent, and both its older keys (rope_theta, rope_scaling) and its
// newer one (rope_parameters) are read.
ModelConfig parse_model_config(const nlohmann::json& source);
// Throws unless every value is possible and the number of parameters is sane. The functions that read a
// configuration have called it.
void check_model_config(const ModelConfig& config);
// From a folder with a config.json, or from a .gguf file.
ModelConfig load_model_config(const fs::path& path);
// config.json for transformers (4 and 5) and vLLM; `torch_dtype` names the dtype of the saved weights
// ("float32", "bfloat16"). The caller adds bos_token_id and eos_token_id, which belong to the tokeniser.
nlohmann::json to_json(const ModelConfig& config, const std::string& torch_dtype);

// From a GGUF file's metadata and tensors, for the architectures llama, qwen2 and qwen3.
ModelConfig config_from_gguf(const Gguf& gguf);
// The metadata that llama.cpp needs to build the model, without the tokeniser's. With rope_type llama3 the
// file also needs the tensor "rope_freqs.weight" [D / 2] of rope_frequency_factors.
GgufMetadata to_gguf(const ModelConfig& config);

// What rope_type llama3 divides the inverse frequencies by, one factor for each of the D / 2 frequencies
// rope_theta^(-2i / D); empty with other types.
std::vector<float> rope_frequency_factors(const ModelConfig& config);

}  // namespace r1
