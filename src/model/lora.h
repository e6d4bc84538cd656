// Low-rank adapters:  y = x Wᵀ + (x Aᵀ) (s B)ᵀ  with s = alpha / rank,  A [r, K] random,  B [N, r] zero at
// first. Ref     Hu et al., "LoRA"; the PEFT library's layout of names
#pragma once
#include <string>
#include <vector>

#include "core/buffer.h"
#include "core/stream.h"
#include "model/config.h"
#include "model/names.h"
#include "ops/linear.h"

namespace r1 {

struct LoraConfig {
    int rank = 0;  // 0 = no adapters
    float alpha = 16.0f;
    std::vector<std::string> target_modules{"q_proj",    "k_proj",  "v_proj",   "o_proj",
                                            "gate_proj", "up_proj", "down_proj"};
};

struct Parameter;

// The adapters of a whole model. The linears of the model are fused (q, k, v; gate, up), and so are their
// adapters: the A of the parts are stacked [parts·r, K], and B is kept as its parts' blocks.
class Lora {
  public:
    struct Part {
        int a, b;           // indices of A [r, K] and B [rows, r] in parameters()
        int64_t row, rows;  // of the fused output
    };
    struct Fused {
        std::vector<Part> parts;
        int64_t n = 0, k = 0, rank = 0;  // the fused linear, and parts · r
        ops::PackedWeight a, b, a_transposed, b_transposed;
        Buffer stacked_a,
            stacked_b;  // fp32: A [parts·r, K]; s·B as blocks of a [N, parts·r] that is 0 elsewhere
        std::vector<Buffer> storage;
    };

    Lora(const ModelConfig& config, LoraConfig lora, uint64_t seed, Device device = Device::cpu);
    ~Lora();
    const LoraConfig& config() const { return config_; }
    float scale() const { return config_.alpha / static_cast<float>(config_.rank); }
    TensorView weights() const { return weights_.view(); }
    const std::vector<Parameter>& parameters() const { return parameters_; }
    // The adapter of a layer's linear (0 qkv, 1 o, 2 gate_up, 3 down); null where none of its parts has one.
    Fused* fused(int layer, int linear);

    void pack(Stream& stream, bool training);
    // Adds the gradients of A and B to `grads`: dh [M, rank] is that of x·Aᵀ, h its value, dy that of the
    // output.
    void backward(Stream& stream, TensorView grads, const Fused& fused, ConstTensorView dy,
                  ConstTensorView dh, ConstTensorView h, ConstTensorView x, Arena& arena) const;

  private:
    LoraConfig config_;
    Device device_;
    int layers_ = 0;
    std::vector<Parameter> parameters_;  // names in PEFT's layout: base_model.model.<path>.lora_A.weight
    Buffer weights_;
    std::vector<Fused> fused_;  // [layer · 4 + linear]
};

}  // namespace r1
