#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "formats/gguf.h"
#include "model/config.h"
#include "model/rope_frequencies.h"

namespace r1 {
namespace {

const std::string rope_freqs_name = "rope_freqs.weight";

// The keys "llama.block_count" and so on, without the architecture in front.
class ArchitectureKeys {
  public:
    explicit ArchitectureKeys(const GgufMetadata& metadata)
        : metadata_(metadata), prefix_(metadata.text("general.architecture") + ".") {}

    bool has(const std::string& key) const { return metadata_.find(prefix_ + key); }
    int integer(const std::string& key) const { return bounded(key, metadata_.integer(prefix_ + key)); }
    int integer(const std::string& key, int fallback) const { return has(key) ? integer(key) : fallback; }
    float number(const std::string& key, float fallback) const {
        return static_cast<float>(metadata_.number(prefix_ + key, fallback));
    }
    std::string text(const std::string& key, const std::string& fallback) const {
        return metadata_.text(prefix_ + key, fallback);
    }

  private:
    int bounded(const std::string& key, int64_t value) const {
        check(value > 0 && value <= INT32_MAX, "the GGUF metadata's ", prefix_, key, " is ", value,
              "; it must be positive and below 2^31");
        return static_cast<int>(value);
    }
    const GgufMetadata& metadata_;
    std::string prefix_;
};

// llama.cpp keeps llama3's scaling only as a tensor of factors. All models that have it use the same
// constants but for the factor, which the lowest frequency shows.
RopeScaling scaling_from_factors(const Gguf& gguf, ModelConfig config, int original_positions) {
    std::vector<float> stored(static_cast<size_t>(gguf.shape(rope_freqs_name).numel()));
    gguf.read(rope_freqs_name, stored);
    config.rope_scaling = {"llama3", stored.back(), 1.0f, 4.0f, original_positions};
    check_model_config(config);
    const std::vector<float> expected = rope_frequency_factors(config);
    const bool same = std::ranges::equal(
        stored, expected, [](float a, float b) { return std::fabs(a - b) <= 1e-4f * std::fabs(b); });
    check(same, "the GGUF tensor ", rope_freqs_name,
          " is not that of Llama 3's rotary scaling, so it is not supported");
    return config.rope_scaling;
}

}  // namespace

ModelConfig config_from_gguf(const Gguf& gguf) {
    ModelConfig config;
    config.model_type = gguf.architecture();
    check(config.model_type == "llama" || config.model_type == "qwen2" || config.model_type == "qwen3",
          "the GGUF architecture '", config.model_type, "' is not supported; known are llama, qwen2, qwen3");
    const ArchitectureKeys keys(gguf.metadata());
    check(!keys.has("expert_count"), "GGUF files of mixtures of experts are not supported");

    config.hidden_size = keys.integer("embedding_length");
    config.intermediate_size = keys.integer("feed_forward_length");
    config.num_hidden_layers = keys.integer("block_count");
    config.num_attention_heads = keys.integer("attention.head_count");
    config.num_key_value_heads = keys.integer("attention.head_count_kv", config.num_attention_heads);
    config.head_dim = keys.integer("attention.key_length", config.hidden_size / config.num_attention_heads);
    check(keys.integer("attention.value_length", config.head_dim) == config.head_dim &&
              keys.integer("rope.dimension_count", config.head_dim) == config.head_dim,
          "the GGUF metadata's attention.value_length and rope.dimension_count must be the head's size ",
          config.head_dim);
    config.max_position_embeddings = keys.integer("context_length", config.max_position_embeddings);
    config.rms_norm_eps = keys.number("attention.layer_norm_rms_epsilon", config.rms_norm_eps);
    config.rope_theta = keys.number("rope.freq_base", config.rope_theta);
    const std::string scaling = keys.text("rope.scaling.type", "none");
    check(scaling == "none" || scaling == "linear", "the GGUF rope.scaling.type '", scaling,
          "' is not supported; known are none, linear");
    if (scaling == "linear") {
        config.rope_scaling.rope_type = "linear";
        config.rope_scaling.factor = keys.number("rope.scaling.factor", 1.0f);
    }

    const auto& vocabulary = gguf.shape("model.embed_tokens.weight");
    check(vocabulary.ndim == 2 && vocabulary[0] <= INT32_MAX,
          "the GGUF tensor token_embd.weight has the shape ", vocabulary.str());
    config.vocab_size = static_cast<int>(vocabulary[0]);
    config.tie_word_embeddings = !gguf.has("lm_head.weight");
    const std::string layer = "model.layers.0.";
    config.attention_bias = gguf.has(layer + "self_attn.q_proj.bias");
    config.o_bias = gguf.has(layer + "self_attn.o_proj.bias");
    config.mlp_bias = gguf.has(layer + "mlp.down_proj.bias");
    config.qk_norm = gguf.has(layer + "self_attn.q_norm.weight");
    check_model_config(config);
    if (gguf.has(rope_freqs_name))
        config.rope_scaling =
            scaling_from_factors(gguf, config, keys.integer("rope.scaling.original_context_length", 8192));
    return config;
}

GgufMetadata to_gguf(const ModelConfig& config) {
    GgufMetadata metadata;
    metadata.set("general.architecture", config.model_type);
    metadata.set("general.type", std::string("model"));
    const auto set = [&](const char* key, GgufValue value) {
        metadata.set(config.model_type + "." + key, std::move(value));
    };
    const auto count = [](int value) { return static_cast<uint32_t>(value); };
    set("vocab_size", count(config.vocab_size));
    set("context_length", count(config.max_position_embeddings));
    set("embedding_length", count(config.hidden_size));
    set("feed_forward_length", count(config.intermediate_size));
    set("block_count", count(config.num_hidden_layers));
    set("attention.head_count", count(config.num_attention_heads));
    set("attention.head_count_kv", count(config.num_key_value_heads));
    set("attention.key_length", count(config.head_dim));
    set("attention.value_length", count(config.head_dim));
    set("attention.layer_norm_rms_epsilon", config.rms_norm_eps);
    set("rope.dimension_count", count(config.head_dim));
    set("rope.freq_base", config.rope_theta);
    if (config.rope_scaling.rope_type == "linear") {
        set("rope.scaling.type", std::string("linear"));
        set("rope.scaling.factor", config.rope_scaling.factor);
    }
    if (config.rope_scaling.rope_type == "llama3")
        set("rope.scaling.original_context_length",
            count(config.rope_scaling.original_max_position_embeddings));
    return metadata;
}

std::vector<float> rope_frequency_factors(const ModelConfig& config) {
    if (config.rope_scaling.rope_type != "llama3") return {};
    ModelConfig unscaled = config;
    unscaled.rope_scaling = {};
    const std::vector<float> scaled = rope_frequencies(config);
    std::vector<float> factors = rope_frequencies(unscaled);
    for (size_t i = 0; i < factors.size(); ++i) factors[i] /= scaled[i];
    return factors;
}

}  // namespace r1
