#include "model/lora.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/rng.h"
#include "model/model.h"
#include "ops/blocks.h"

namespace r1 {
namespace {

struct Module {
    const char* name;   // q_proj
    const char* block;  // self_attn
    int linear;         // 0 qkv, 1 o, 2 gate_up, 3 down
};
constexpr std::array<Module, 7> kModules{{{"q_proj", "self_attn", 0},
                                          {"k_proj", "self_attn", 0},
                                          {"v_proj", "self_attn", 0},
                                          {"o_proj", "self_attn", 1},
                                          {"gate_proj", "mlp", 2},
                                          {"up_proj", "mlp", 2},
                                          {"down_proj", "mlp", 3}}};

}  // namespace

Lora::Lora(const ModelConfig& config, LoraConfig lora, uint64_t seed, Device device)
    : config_(std::move(lora)),
      device_(device),
      layers_(config.num_hidden_layers),
      fused_(static_cast<size_t>(layers_) * 4) {
    check(config_.rank > 0 && config_.rank <= config.hidden_size, "lora rank ", config_.rank,
          " is not between 1 and hidden_size ", config.hidden_size);
    for (const auto& target : config_.target_modules) {
        const bool known =
            std::any_of(kModules.begin(), kModules.end(), [&](const Module& m) { return target == m.name; });
        check(known, "lora target module '", target,
              "' is unknown; it is one of q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj");
    }
    const int64_t c = config.hidden_size, f = config.intermediate_size, d = config.head_dim, r = config_.rank;
    const int64_t q = config.num_attention_heads * d, kv = config.num_key_value_heads * d;
    const std::array<int64_t, 7> rows{q, kv, kv, c, f, f, c};
    const std::array<int64_t, 7> row{0, q, q + kv, 0, 0, f, 0};
    const std::array<int64_t, 4> inputs{c, q, c, f}, outputs{q + 2 * kv, c, 2 * f, c};
    int64_t offset = 0;
    const auto add = [&](const std::string& name, Shape shape, int layer) {
        parameters_.push_back({{name, shape, ParameterKind::matrix, layer}, offset});
        offset += shape.numel();
        return static_cast<int>(parameters_.size()) - 1;
    };
    for (int l = 0; l < layers_; ++l) {
        for (size_t m = 0; m < kModules.size(); ++m) {
            const Module& module = kModules[m];
            const auto& targets = config_.target_modules;
            if (std::find(targets.begin(), targets.end(), module.name) == targets.end()) continue;
            const auto linear = static_cast<size_t>(module.linear);
            Fused& fused = fused_[static_cast<size_t>(l) * 4 + linear];
            fused.n = outputs[linear], fused.k = inputs[linear], fused.rank += r;
            const std::string path =
                cat("base_model.model.model.layers.", l, ".", module.block, ".", module.name);
            const int a = add(path + ".lora_A.weight", {r, inputs[linear]}, l);
            const int b = add(path + ".lora_B.weight", {rows[m], r}, l);
            fused.parts.push_back({a, b, row[m], rows[m]});
        }
    }
    weights_ = Buffer(DType::f32, {offset}, device_);
    const HostTensor weights(weights_.view(), device_);
    for (size_t i = 0; i < parameters_.size(); i += 2) {  // A as torch's Linear would be; B stays 0
        const Parameter& a = parameters_[i];
        const float bound = 1.0f / std::sqrt(static_cast<float>(a.spec.shape[1]));
        Rng rng(seed, 0x10a0000 + i);
        for (int64_t e = 0; e < a.spec.shape.numel(); ++e) {
            weights.as<float>()[a.offset + e] = bound * (2.0f * rng.uniform() - 1.0f);
        }
    }
    weights.store();
}

Lora::~Lora() = default;

Lora::Fused* Lora::fused(int layer, int linear) {
    Fused& fused = fused_[static_cast<size_t>(layer * 4 + linear)];
    return fused.parts.empty() ? nullptr : &fused;
}

void Lora::pack(Stream& stream, bool training) {
    const int64_t r = config_.rank;
    const DType dtype = stream.activations();
    for (auto& fused : fused_) {
        if (fused.parts.empty()) continue;
        if (!fused.stacked_a) {
            fused.stacked_a = Buffer(DType::f32, {fused.rank, fused.k}, device_);
            fused.stacked_b = Buffer(DType::f32, {fused.n, fused.rank}, device_);
        }
        const TensorView a = fused.stacked_a.view(), b = fused.stacked_b.view();
        zero(stream, a), zero(stream, b);
        for (size_t p = 0; p < fused.parts.size(); ++p) {
            const Part& part = fused.parts[p];
            const float* from_a = weights_.as<float>() + parameters_[static_cast<size_t>(part.a)].offset;
            const float* from_b = weights_.as<float>() + parameters_[static_cast<size_t>(part.b)].offset;
            const auto column = static_cast<int64_t>(p) * r;
            ops::add_block(stream, {a.as<float>() + column * fused.k, fused.k}, {from_a, fused.k}, r, fused.k,
                           1.0f);
            ops::add_block(stream, {b.as<float>() + part.row * fused.rank + column, fused.rank}, {from_b, r},
                           part.rows, r, scale());
        }
        if (fused.storage.empty()) {
            for (auto [n, k] : {std::pair{fused.rank, fused.k},
                                {fused.n, fused.rank},
                                {fused.k, fused.rank},
                                {fused.rank, fused.n}}) {
                fused.storage.emplace_back(
                    DType::u8, Shape{static_cast<int64_t>(ops::packed_bytes(dtype, n, k))}, device_);
            }
        }
        const auto pack = [&](size_t i, TensorView w, bool transposed) {
            return ops::pack_weight(stream, fused.storage[i].view().data, dtype, w, transposed);
        };
        fused.a = pack(0, a, false);
        fused.b = pack(1, b, false);
        if (!training) continue;
        fused.a_transposed = pack(2, a, true);
        fused.b_transposed = pack(3, b, true);
    }
}

void Lora::backward(Stream& stream, TensorView grads, const Fused& fused, ConstTensorView dy,
                    ConstTensorView dh, ConstTensorView h, ConstTensorView x, Arena& arena) const {
    ArenaScope scope(arena);
    const int64_t r = config_.rank;
    TensorView da = arena.take(DType::f32, {fused.rank, fused.k}),
               db = arena.take(DType::f32, {fused.n, fused.rank});
    zero(stream, da), zero(stream, db);
    ops::linear_backward_weight(stream, da, {}, dh, x, arena);
    ops::linear_backward_weight(stream, db, {}, dy, h, arena);
    for (size_t p = 0; p < fused.parts.size(); ++p) {
        const Part& part = fused.parts[p];
        const auto column = static_cast<int64_t>(p) * r;
        float* to_a = grads.as<float>() + parameters_[static_cast<size_t>(part.a)].offset;
        float* to_b = grads.as<float>() + parameters_[static_cast<size_t>(part.b)].offset;
        ops::add_block(stream, {to_a, fused.k}, {da.as<float>() + column * fused.k, fused.k}, r, fused.k,
                       1.0f);
        ops::add_block(stream, {to_b, r}, {db.as<float>() + part.row * fused.rank + column, fused.rank},
                       part.rows, r, scale());
    }
}

}  // namespace r1
