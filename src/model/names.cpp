#include "model/names.h"

namespace r1 {

std::vector<ParameterSpec> parameter_specs(const ModelConfig& config) {
    using enum ParameterKind;
    const int64_t C = config.hidden_size, F = config.intermediate_size, V = config.vocab_size;
    const int64_t D = config.head_dim;
    const int64_t q_rows = config.num_attention_heads * D, kv_rows = config.num_key_value_heads * D;

    std::vector<ParameterSpec> specs;
    specs.push_back({"model.embed_tokens.weight", {V, C}, embedding});
    for (int layer = 0; layer < config.num_hidden_layers; ++layer) {
        const std::string prefix = "model.layers." + std::to_string(layer) + ".";
        const auto add = [&](const char* name, Shape shape, ParameterKind kind) {
            specs.push_back({prefix + name, shape, kind, layer});
        };
        add("input_layernorm.weight", {C}, norm);
        add("self_attn.q_proj.weight", {q_rows, C}, matrix);
        add("self_attn.k_proj.weight", {kv_rows, C}, matrix);
        add("self_attn.v_proj.weight", {kv_rows, C}, matrix);
        if (config.attention_bias) {
            add("self_attn.q_proj.bias", {q_rows}, bias);
            add("self_attn.k_proj.bias", {kv_rows}, bias);
            add("self_attn.v_proj.bias", {kv_rows}, bias);
        }
        if (config.qk_norm) {
            add("self_attn.q_norm.weight", {D}, norm);
            add("self_attn.k_norm.weight", {D}, norm);
        }
        add("self_attn.o_proj.weight", {C, q_rows}, matrix);
        if (config.o_bias) add("self_attn.o_proj.bias", {C}, bias);
        add("post_attention_layernorm.weight", {C}, norm);
        add("mlp.gate_proj.weight", {F, C}, matrix);
        add("mlp.up_proj.weight", {F, C}, matrix);
        if (config.mlp_bias) {
            add("mlp.gate_proj.bias", {F}, bias);
            add("mlp.up_proj.bias", {F}, bias);
        }
        add("mlp.down_proj.weight", {C, F}, matrix);
        if (config.mlp_bias) add("mlp.down_proj.bias", {C}, bias);
    }
    specs.push_back({"model.norm.weight", {C}, norm});
    if (!config.tie_word_embeddings) specs.push_back({"lm_head.weight", {V, C}, matrix});
    return specs;
}

}  // namespace r1
