// The parameters of a model under Hugging Face's names, in the order in which this program stores them.
#pragma once
#include <string>
#include <vector>

#include "core/tensor.h"
#include "model/config.h"

namespace r1 {

// How a parameter is initialised and whether weight decay applies follow from its kind.
enum class ParameterKind : uint8_t { embedding, matrix, norm, bias };

struct ParameterSpec {
    std::string name;  // "model.layers.0.self_attn.q_proj.weight"
    Shape shape;       // row-major; a matrix is [out, in]
    ParameterKind kind = ParameterKind::matrix;
    int layer = -1;  // -1 outside the layers
};

// model.embed_tokens, the layers, model.norm, and lm_head unless it is tied. Inside a layer, those that exist
// of
//   input_layernorm.weight, self_attn.{q,k,v}_proj.weight, self_attn.{q,k,v}_proj.bias,
//   self_attn.{q,k}_norm.weight, self_attn.o_proj.{weight,bias}, post_attention_layernorm.weight,
//   mlp.{gate,up}_proj.weight, mlp.{gate,up}_proj.bias, mlp.down_proj.{weight,bias}.
// So the weights of q, k, v are neighbours and form one [(H + 2 Hkv) D, C] matrix; likewise their biases, and
// gate and up.
std::vector<ParameterSpec> parameter_specs(const ModelConfig& config);

}  // namespace r1
