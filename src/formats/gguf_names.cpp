#include "formats/gguf_names.h"

#include <algorithm>

#include "core/check.h"

namespace r1 {
namespace {

struct Names {
    std::string_view gguf, hf;
};

constexpr Names outer_names[] = {
    {"token_embd.weight", "model.embed_tokens.weight"},
    {"output_norm.weight", "model.norm.weight"},
    {"output.weight", "lm_head.weight"},
};

// Between "blk.N." or "model.layers.N." and ".weight" or ".bias".
constexpr Names layer_names[] = {
    {"attn_norm", "input_layernorm"},    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},      {"attn_v", "self_attn.v_proj"},
    {"attn_q_norm", "self_attn.q_norm"}, {"attn_k_norm", "self_attn.k_norm"},
    {"attn_output", "self_attn.o_proj"}, {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate", "mlp.gate_proj"},       {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},
};

constexpr Names layer_prefix = {"blk.", "model.layers."};

std::string translate(const std::string& name, std::string_view Names::*from, std::string_view Names::*to) {
    for (const Names& outer : outer_names)
        if (name == outer.*from) return std::string(outer.*to);
    if (!name.starts_with(layer_prefix.*from)) return name;
    const size_t number = (layer_prefix.*from).size();
    const size_t part = name.find('.', number) + 1;  // 0 if there is no dot
    const size_t suffix = name.rfind('.');
    if (part == 0 || suffix < part) return name;
    const std::string_view middle = std::string_view(name).substr(part, suffix - part);
    for (const Names& layer : layer_names)
        if (middle == layer.*from)
            return cat(layer_prefix.*to, name.substr(number, part - number), layer.*to, name.substr(suffix));
    return name;
}

}  // namespace

std::string hf_tensor_name(const std::string& gguf_name) {
    return translate(gguf_name, &Names::gguf, &Names::hf);
}

std::string gguf_tensor_name(const std::string& hf_name) {
    return translate(hf_name, &Names::hf, &Names::gguf);
}

int64_t interleaved_heads(const GgufMetadata& metadata, const std::string& hf_name, int64_t rows) {
    const std::string stem = hf_name.substr(0, hf_name.rfind('.'));
    const bool q = stem.ends_with(".self_attn.q_proj"), k = stem.ends_with(".self_attn.k_proj");
    if ((!q && !k) || metadata.text("general.architecture") != "llama") return 0;
    int64_t heads = metadata.integer("llama.attention.head_count");
    if (k) heads = metadata.integer("llama.attention.head_count_kv", heads);
    check(heads > 0 && heads <= rows && rows % heads == 0 && rows / heads % 2 == 0, hf_name, " has ", rows,
          " rows, which do not make ", heads, " heads of an even size");
    return heads;
}

}  // namespace r1
