#include "model/model.h"

#include <algorithm>
#include <cmath>

#include "core/rng.h"
#include "formats/tensor_source.h"
#include "model/rope_frequencies.h"
#include "ops/attention.h"
#include "ops/convert.h"
#include "ops/decode.h"
#include "ops/rmsnorm.h"
#include "ops/rope.h"
#include "ops/rows.h"
#include "ops/swiglu.h"

namespace r1 {

// A matrix of the forward: where its masters lie, and its packed copies.
struct Model::Linear {
    int64_t weight = 0, bias = -1;  // offsets; no bias = −1
    int64_t n = 0, k = 0;
    ops::PackedWeight packed, packed_transposed;
    int layer = 0, index = 0;  // 0 qkv, 1 o, 2 gate_up, 3 down
};

struct Model::Layer {
    int64_t norm1 = 0, norm2 = 0, q_norm = -1, k_norm = -1;
    Linear linears[4];
    Linear &qkv = linears[0], &o = linears[1], &gate_up = linears[2], &down = linears[3];
    Layer() = default;
    Layer(const Layer&) = delete;
};

Model::Model(ModelConfig config, DType weight_dtype, Device device)
    : config_(std::move(config)),
      weight_dtype_(device == Device::cuda ? DType::bf16 : weight_dtype),
      device_(device) {
    check_model_config(config_);
    check(device != Device::cuda || (config_.head_dim % 8 == 0 && config_.head_dim <= 256), "head_dim ",
          config_.head_dim, " is not a multiple of 8 up to 256, which CUDA needs; use --device cpu");
    int64_t offset = 0;
    for (auto& spec : parameter_specs(config_)) {
        by_name_[spec.name] = parameters_.size();
        parameters_.push_back({spec, offset});
        offset += spec.shape.numel();
    }
    weights_ = Buffer(DType::f32, {offset}, device_);
    const auto at = [&](const std::string& name) {
        const auto found = by_name_.find(name);
        return found == by_name_.end() ? int64_t{-1} : parameters_[found->second].offset;
    };
    const int64_t c = config_.hidden_size, f = config_.intermediate_size, d = config_.head_dim;
    const int64_t q = config_.num_attention_heads * d, kv = config_.num_key_value_heads * d;
    embed_ = at("model.embed_tokens.weight");
    last_norm_ = at("model.norm.weight");
    head_offset_ = config_.tie_word_embeddings ? embed_ : at("lm_head.weight");
    layers_ = std::vector<Layer>(static_cast<size_t>(config_.num_hidden_layers));
    for (int l = 0; l < config_.num_hidden_layers; ++l) {
        const std::string prefix = cat("model.layers.", l, ".");
        Layer& layer = layers_[static_cast<size_t>(l)];
        const auto linear = [&](int index, const std::string& name, int64_t n, int64_t k) {
            layer.linears[index] = {
                at(prefix + name + ".weight"), at(prefix + name + ".bias"), n, k, {}, {}, l, index};
        };
        layer.norm1 = at(prefix + "input_layernorm.weight");
        layer.norm2 = at(prefix + "post_attention_layernorm.weight");
        layer.q_norm = at(prefix + "self_attn.q_norm.weight");
        layer.k_norm = at(prefix + "self_attn.k_norm.weight");
        linear(0, "self_attn.q_proj", q + 2 * kv, c);
        linear(1, "self_attn.o_proj", c, q);
        linear(2, "mlp.gate_proj", 2 * f, c);
        linear(3, "mlp.down_proj", c, f);
    }
}

Model::~Model() = default;

TensorView Model::weight(int64_t offset, Shape shape) const {
    if (rounded_) return {rounded_.as<uint16_t>() + offset, DType::bf16, shape};
    return view(weights_.as<float>() + offset, shape);
}

TensorView Model::slice(TensorView flat, const std::string& name) const {
    const auto found = by_name_.find(name);
    check(found != by_name_.end(), "the model has no parameter '", name, "'");
    const Parameter& parameter = parameters_[found->second];
    return view(flat.as<float>() + parameter.offset, parameter.spec.shape);
}

void Model::initialize(Stream& stream, uint64_t seed) {
    const float residual = 1.0f / std::sqrt(2.0f * static_cast<float>(config_.num_hidden_layers));
    const HostTensor weights(weights_.view(), device_);
    const auto fill = [&](size_t i) {
        const auto& spec = parameters_[i].spec;
        float* data = weights.as<float>() + parameters_[i].offset;
        const int64_t count = spec.shape.numel();
        if (spec.kind == ParameterKind::norm) std::fill(data, data + count, 1.0f);
        if (spec.kind == ParameterKind::bias) std::fill(data, data + count, 0.0f);
        if (spec.kind != ParameterKind::matrix && spec.kind != ParameterKind::embedding) return;
        const bool output = spec.name.ends_with("o_proj.weight") || spec.name.ends_with("down_proj.weight");
        const float std = config_.initializer_range * (output ? residual : 1.0f);
        Rng rng(seed, i);
        for (int64_t e = 0; e < count; ++e) data[e] = std * rng.normal();
    };
    stream.pool->parallel(std::ssize(parameters_), 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) fill(static_cast<size_t>(i));
    });
    weights.store();
    pack(stream, false);
}

void Model::load(Stream& stream, const TensorSource& source) {
    const HostTensor weights(weights_.view(), device_);
    for (const auto& parameter : parameters_) {
        const auto& spec = parameter.spec;
        check(source.has(spec.name), "the model file has no tensor '", spec.name,
              "', which its configuration calls for; the file is incomplete or of another architecture");
        const Shape shape = source.shape(spec.name);
        check(shape == spec.shape, "tensor '", spec.name, "' is ", shape,
              " in the file; the configuration calls for ", spec.shape);
        source.read(spec.name,
                    {weights.as<float>() + parameter.offset, static_cast<size_t>(spec.shape.numel())});
    }
    weights.store();
    pack(stream, false);
}

// The forward reads the rounded masters as they lie.
void Model::use_rounded_weights() {
    if (rounded_) return;
    rounded_ = Buffer(DType::bf16, weights_.view().shape, device_);
    const auto matrix = [&](int64_t offset, int64_t n, int64_t k) {
        return ops::PackedWeight{rounded_.as<uint16_t>() + offset, DType::bf16, n, k};
    };
    for (auto& layer : layers_) {
        for (auto& linear : layer.linears) {
            linear.packed = matrix(linear.weight, linear.n, linear.k);
            linear.packed_transposed = ops::transposed(linear.packed);
        }
    }
    head_ = matrix(head_offset_, config_.vocab_size, config_.hidden_size);
    head_transposed_ = ops::transposed(head_);
}

int Model::confirm_products(Stream& stream) {
    if (device_ != Device::cuda) return 0;
    int differ = 0;
    const auto confirm = [&](const ops::PackedWeight& w, ConstTensorView bias, bool residual, bool logits) {
        differ += !ops::confirm_rows(stream, w, bias, residual, logits);
    };
    const Layer& layer = layers_.front();  // the others have the same shapes
    for (const Linear& linear : layer.linears) {
        const bool residual = &linear == &layer.o || &linear == &layer.down;
        confirm(linear.packed, bias_of(linear), residual, false);
    }
    confirm(head_, {}, false, true);
    return differ;
}

void Model::pack(Stream& stream, bool training) {
    check(stream.device == device_, "the model lies on ", name_of(device_), ", the stream computes on ",
          name_of(stream.device));
    if (device_ == Device::cuda) {
        use_rounded_weights();
        ops::to_bf16(stream, rounded_.view(), weights_.view());
        if (lora_) lora_->pack(stream, training);
        return;
    }
    size_t next = 0;
    const auto storage = [&](int64_t n, int64_t k) {
        const auto bytes = static_cast<int64_t>(ops::packed_bytes(weight_dtype_, n, k));
        if (next == packed_.size()) packed_.emplace_back(DType::u8, Shape{bytes});
        return packed_[next++].view().data;
    };
    const auto pack_matrix = [&](int64_t offset, int64_t n, int64_t k, bool transposed) {
        void* out = transposed ? storage(k, n) : storage(n, k);
        return ops::pack_weight(stream, out, weight_dtype_, weight(offset, {n, k}), transposed);
    };
    const int64_t v = config_.vocab_size, c = config_.hidden_size;
    for (const bool transposed :
         {false, true}) {  // the backward's copies last: they are made when first needed
        if (transposed && !training) break;
        for (auto& layer : layers_) {
            for (auto& linear : layer.linears) {
                (transposed ? linear.packed_transposed : linear.packed) =
                    pack_matrix(linear.weight, linear.n, linear.k, transposed);
            }
        }
        (transposed ? head_transposed_ : head_) = pack_matrix(head_offset_, v, c, transposed);
    }
    if (lora_) lora_->pack(stream, training);
}

void Model::ensure_angles(int64_t positions) {
    check(positions <= config_.max_position_embeddings, "a sequence of ", positions,
          " tokens is longer than the model's max_position_embeddings ", config_.max_position_embeddings,
          "; use a shorter prompt or a smaller completion length");
    if (cos_ && cos_.view().dim(0) >= positions) return;
    const int64_t size =
        std::min<int64_t>(config_.max_position_embeddings, std::max<int64_t>(2 * positions, 256));
    const auto frequencies = rope_frequencies(config_);
    cos_ = Buffer(DType::f32, {size, config_.head_dim / 2}, device_);
    sin_ = Buffer(DType::f32, {size, config_.head_dim / 2}, device_);
    const HostTensor cos(cos_.view(), device_), sin(sin_.view(), device_);
    ops::rope_table(cos.view(), sin.view(), frequencies);
    cos.store(), sin.store();
}

ConstTensorView Model::bias_of(const Linear& linear) const {
    return linear.bias >= 0 ? ConstTensorView(weight(linear.bias, {linear.n})) : ConstTensorView{};
}

void Model::apply(Stream& stream, TensorView y, ConstTensorView x, const Linear& linear,
                  ConstTensorView residual, Arena& arena, std::vector<TensorView>* keep_lora) {
    const ConstTensorView bias = bias_of(linear);
    Lora::Fused* lora = lora_ ? lora_->fused(linear.layer, linear.index) : nullptr;
    if (!lora) return ops::linear_forward(stream, y, x, linear.packed, bias, residual);
    TensorView base = arena.take(stream.activations(), y.shape);
    TensorView hidden = arena.take(stream.activations(), {x.dim(0), lora->rank});
    ops::linear_forward(stream, base, x, linear.packed, bias, residual);
    ops::linear_forward(stream, hidden, x, lora->a, {}, {});
    ops::linear_forward(stream, y, hidden, lora->b, {}, base);
    if (keep_lora) keep_lora->push_back(hidden);
}

// y [N, C] out, x [N, C] in; not the same memory. With `keep`, all of `a` is there for the backward.
void Model::layer_forward(Stream& stream, int index, TensorView y, TensorView x, const ops::BatchView& batch,
                          const KvCache& cache, Arena& arena, LayerActivations& a, bool keep) {
    const Layer& layer = layers_[static_cast<size_t>(index)];
    const int64_t n = batch.host->tokens(), c = config_.hidden_size, f = config_.intermediate_size,
                  d = config_.head_dim;
    const int64_t heads = config_.num_attention_heads, all = heads + 2 * config_.num_key_value_heads;
    const auto take = [&](Shape shape) { return arena.take(stream.activations(), shape); };
    const auto statistics = [&](Shape shape) { return arena.take(DType::f32, shape); };
    const auto flat = [](TensorView t) {
        return TensorView(t.data, t.dtype, {t.dim(0), t.dim(1) * t.dim(2)});
    };
    const float scale = 1.0f / std::sqrt(static_cast<float>(d));
    a.x = x;
    a.lora.clear();

    const auto adapted = [&](const Linear& linear) { return lora_ && lora_->fused(index, linear.index); };
    const auto plain = [&](const Linear& linear) {  // whether it may be part of another kernel
        return !keep && !adapted(linear);
    };
    a.qkv = take({n, all, d});
    if (!plain(layer.qkv) || layer.q_norm >= 0 ||
        !ops::norm_qkv_rope(stream, a.qkv, x, {weight(layer.norm1, {c}), config_.rms_norm_eps},
                            layer.qkv.packed, bias_of(layer.qkv), cache.layer(index), batch, cos_.view(),
                            sin_.view())) {
        a.norm1 = take({n, c}), a.rstd1 = statistics({n});
        ops::rmsnorm_forward(stream, a.norm1, a.rstd1, x, weight(layer.norm1, {c}), config_.rms_norm_eps);
        apply(stream, flat(a.qkv), a.norm1, layer.qkv, {}, arena, &a.lora);
        if (layer.q_norm >= 0) {
            a.qkv_raw = a.qkv;
            a.qkv = take({n, all, d}), a.rstd_qk = statistics({n, heads + config_.num_key_value_heads});
            ops::qk_norm_forward(stream, a.qkv, a.rstd_qk, a.qkv_raw, weight(layer.q_norm, {d}),
                                 weight(layer.k_norm, {d}), static_cast<int>(heads), config_.rms_norm_eps);
        }
        ops::rope_kv_forward(stream, a.qkv, cache.layer(index), batch, cos_.view(), sin_.view());
    }
    a.attention = take({n, heads, d}), a.lse = statistics({n, heads});
    ops::attention_forward(stream, a.attention, a.lse, a.qkv, cache.layer(index), batch, scale);
    a.x_mid = take({n, c});
    apply(stream, a.x_mid, flat(a.attention), layer.o, x, arena, &a.lora);

    a.act = take({n, f});
    if (!plain(layer.gate_up) ||
        !ops::norm_linear_swiglu(stream, a.act, a.x_mid, {weight(layer.norm2, {c}), config_.rms_norm_eps},
                                 layer.gate_up.packed, bias_of(layer.gate_up))) {
        a.norm2 = take({n, c}), a.rstd2 = statistics({n}), a.gate_up = take({n, 2 * f});
        ops::rmsnorm_forward(stream, a.norm2, a.rstd2, a.x_mid, weight(layer.norm2, {c}),
                             config_.rms_norm_eps);
        if (adapted(layer.gate_up)) {
            apply(stream, a.gate_up, a.norm2, layer.gate_up, {}, arena, &a.lora);
            ops::swiglu_forward(stream, a.act, a.gate_up);
        } else {
            ops::linear_swiglu_forward(stream, a.act, a.gate_up, keep, a.norm2, layer.gate_up.packed,
                                       bias_of(layer.gate_up));
        }
    }
    apply(stream, y, a.act, layer.down, a.x_mid, arena, &a.lora);
}

const void* Model::prepare_angles(int64_t end) {
    ensure_angles(std::min<int64_t>(end, config_.max_position_embeddings));
    return cos_.view().data;
}

namespace {

// Whether the rows are 0, 1, … n − 1.
bool is_all(std::span<const int32_t> rows, int64_t n) {
    for (size_t i = 0; i < rows.size(); ++i) {
        if (rows[i] != static_cast<int32_t>(i)) return false;
    }
    return std::ssize(rows) == n;
}

}  // namespace

TensorView Model::forward(Stream& stream, const ops::PackedBatch& batch, const KvCache& cache,
                          std::span<const int32_t> rows, Arena& arena, Activations* keep) {
    for (int32_t position : batch.positions) {
        if (!cos_ || position >= cos_.view().dim(0)) ensure_angles(position + 1);
    }
    ops::UploadedBatch passing;
    ops::UploadedBatch& uploaded = keep ? keep->uploaded : passing;
    uploaded = ops::UploadedBatch(stream, batch, rows, cache.pages(), keep != nullptr, arena);
    return forward(stream, uploaded.view(batch), uploaded.ids(batch), uploaded.rows(rows), cache, arena,
                   keep);
}

TensorView Model::forward(Stream& stream, const ops::BatchView& batch, const ops::Indices& ids,
                          const ops::Indices& rows, const KvCache& cache, Arena& arena, Activations* keep) {
    const DType dtype = stream.activations();
    const int64_t n = batch.host->tokens(), c = config_.hidden_size, r = rows.size();
    check(head_.data != nullptr, "the model has no weights yet; load or initialise it first");
    TensorView hidden = arena.take(dtype, {r, c});
    Activations passing;
    Activations& a = keep ? *keep : passing;
    a.layers.resize(layers_.size());
    a.rows.assign(rows.host.begin(), rows.host.end());
    const bool all = !keep && is_all(rows.host, n);
    if (!all) a.x = arena.take(dtype, {r, c});
    a.rstd = arena.take(DType::f32, {r});

    TensorView x = arena.take(dtype, {n, c});
    TensorView spare = keep ? TensorView{} : arena.take(dtype, {n, c});
    ops::gather_rows(stream, x, weight(embed_, {config_.vocab_size, c}), ids);
    for (int l = 0; l < config_.num_hidden_layers; ++l) {
        LayerActivations& layer = a.layers[static_cast<size_t>(l)];
        if (keep) {
            TensorView y = arena.take(dtype, {n, c});
            const Arena::Mark mark = arena.mark();
            layer_forward(stream, l, y, x, batch, cache, arena, layer, true);
            if (keep->recompute) arena.release(mark);
            x = y;
        } else {  // two buffers take turns as the residual stream
            ArenaScope scope(arena);
            layer_forward(stream, l, spare, x, batch, cache, arena, layer, false);
            std::swap(x, spare);
        }
    }
    if (all) {
        a.x = x;
    } else {
        ops::gather_rows(stream, a.x, x, rows);
    }
    ops::rmsnorm_forward(stream, hidden, a.rstd, a.x, weight(last_norm_, {c}), config_.rms_norm_eps);
    return hidden;
}

void Model::apply_backward(Stream& stream, TensorView dx, TensorView grads, ConstTensorView dy,
                           ConstTensorView x, const Linear& linear, ConstTensorView lora_hidden,
                           Arena& arena) {
    const auto part = [&](int64_t offset, Shape shape) { return view(grads.as<float>() + offset, shape); };
    Lora::Fused* lora = lora_ ? lora_->fused(linear.layer, linear.index) : nullptr;
    if (!lora) {
        ops::linear_forward(stream, dx, dy, linear.packed_transposed, {}, {});
        if (lora_) return;
        ops::linear_backward_weight(stream, part(linear.weight, {linear.n, linear.k}),
                                    linear.bias >= 0 ? part(linear.bias, {linear.n}) : TensorView{}, dy, x,
                                    arena);
        return;
    }
    ArenaScope scope(arena);
    TensorView base = arena.take(stream.activations(), dx.shape);
    TensorView dh = arena.take(stream.activations(), {x.dim(0), lora->rank});
    ops::linear_forward(stream, base, dy, linear.packed_transposed, {}, {});
    ops::linear_forward(stream, dh, dy, lora->b_transposed, {}, {});
    ops::linear_forward(stream, dx, dh, lora->a_transposed, {}, base);
    lora_->backward(stream, grads, *lora, dy, dh, lora_hidden, x, arena);
}

// dx [N, C] comes in as the gradient of the layer's output and goes out as that of its input.
void Model::layer_backward(Stream& stream, int index, TensorView dx, TensorView grads,
                           const ops::BatchView& batch, const KvCache& cache, const LayerActivations& a,
                           Arena& arena) {
    const Layer& layer = layers_[static_cast<size_t>(index)];
    const int64_t n = batch.host->tokens(), c = config_.hidden_size, d = config_.head_dim;
    const auto take = [&](Shape shape) { return arena.take(stream.activations(), shape); };
    const auto flat = [](TensorView t) {
        return TensorView(t.data, t.dtype, {t.dim(0), t.dim(1) * t.dim(2)});
    };
    const float scale = 1.0f / std::sqrt(static_cast<float>(d));
    ArenaScope scope(arena);
    // Gradients of norms where the adapters alone are trained have nowhere to go.
    TensorView unused = lora_ ? arena.take(DType::f32, {std::max(c, d)}) : TensorView{};
    const auto norm_gradient = [&](int64_t offset, int64_t size) {
        return lora_ ? view(unused.as<float>(), {size}) : view(grads.as<float>() + offset, {size});
    };
    size_t lora_index = a.lora.size();
    const auto lora_hidden = [&](const Linear& linear) {  // kept in forward order, read in backward order
        return lora_ && lora_->fused(linear.layer, linear.index) ? a.lora[--lora_index] : TensorView{};
    };

    TensorView dnorm = take({n, c});
    {
        ArenaScope mlp(arena);
        TensorView dact = take(a.act.shape), dgate_up = take(a.gate_up.shape);
        apply_backward(stream, dact, grads, dx, a.act, layer.down, lora_hidden(layer.down), arena);
        ops::swiglu_backward(stream, dgate_up, dact, a.gate_up);
        apply_backward(stream, dnorm, grads, dgate_up, a.norm2, layer.gate_up, lora_hidden(layer.gate_up),
                       arena);
        ops::rmsnorm_backward(stream, dx, norm_gradient(layer.norm2, c), dnorm, a.x_mid,
                              weight(layer.norm2, {c}), a.rstd2);
    }
    TensorView dattention = take(a.attention.shape), dqkv = take(a.qkv.shape);
    apply_backward(stream, flat(dattention), grads, dx, flat(a.attention), layer.o, lora_hidden(layer.o),
                   arena);
    const ops::KvPages kv = cache.layer(index);
    ops::KvPages dkv = kv;
    dkv.k = arena.floats(kv.pages * kv.k_stride());
    dkv.v = arena.floats(kv.pages * kv.v_stride());
    ops::attention_backward(stream, dqkv, dkv, dattention, a.attention, a.lse, a.qkv, kv, batch, scale,
                            arena);
    ops::rope_kv_backward(stream, dqkv, dkv, batch, cos_.view(), sin_.view());
    if (layer.q_norm >= 0) {
        TensorView draw = take(a.qkv.shape);
        ops::qk_norm_backward(stream, draw, norm_gradient(layer.q_norm, d), norm_gradient(layer.k_norm, d),
                              dqkv, a.qkv_raw, weight(layer.q_norm, {d}), weight(layer.k_norm, {d}),
                              a.rstd_qk, config_.num_attention_heads);
        dqkv = draw;
    }
    apply_backward(stream, dnorm, grads, flat(dqkv), a.norm1, layer.qkv, lora_hidden(layer.qkv), arena);
    ops::rmsnorm_backward(stream, dx, norm_gradient(layer.norm1, c), dnorm, a.x, weight(layer.norm1, {c}),
                          a.rstd1);
}

void Model::backward(Stream& stream, TensorView grads, ConstTensorView dhidden, const ops::PackedBatch& batch,
                     const KvCache& cache, const Activations& kept, Arena& arena) {
    const int64_t n = batch.tokens(), c = config_.hidden_size, r = static_cast<int64_t>(kept.rows.size());
    check(head_transposed_.data != nullptr, "the model was not packed for training");
    check(dhidden.dim(0) == r && grads.numel() == trainable_weights().numel(), "backward: dhidden ", dhidden,
          " or grads ", grads, " does not fit the forward of ", r, " rows");
    ArenaScope scope(arena);
    const DType dtype = stream.activations();
    const ops::BatchView view = kept.uploaded.view(batch);
    TensorView dx = arena.take(dtype, {n, c});
    zero(stream, dx);
    {
        ArenaScope rows(arena);
        TensorView drows = arena.take(dtype, {r, c});
        zero(stream, drows);
        TensorView unused = lora_ ? arena.take(DType::f32, {c}) : TensorView{};
        TensorView dnorm = lora_ ? unused : r1::view(grads.as<float>() + last_norm_, {c});
        ops::rmsnorm_backward(stream, drows, dnorm, dhidden, kept.x, weight(last_norm_, {c}), kept.rstd);
        ops::scatter_add_rows(stream, dx, drows, kept.uploaded.rows(kept.rows));
    }
    for (int l = config_.num_hidden_layers - 1; l >= 0; --l) {
        ArenaScope layer_scope(arena);
        LayerActivations again;
        const LayerActivations* a = &kept.layers[static_cast<size_t>(l)];
        if (kept.recompute) {
            layer_forward(stream, l, arena.take(dtype, {n, c}), a->x, view, cache, arena, again, true);
            a = &again;
        }
        layer_backward(stream, l, dx, grads, view, cache, *a, arena);
    }
    if (!lora_) {
        ops::scatter_add_rows(stream, r1::view(grads.as<float>() + embed_, {config_.vocab_size, c}), dx,
                              kept.uploaded.ids(batch));
    }
}

TensorView Model::head_gradient(TensorView grads) const {
    if (lora_) return {};
    return view(grads.as<float>() + head_offset_, {config_.vocab_size, config_.hidden_size});
}

TensorView Model::trainable_weights() const {
    return lora_ ? lora_->weights() : weights_.view();
}

const std::vector<Parameter>& Model::trainable_parameters() const {
    return lora_ ? lora_->parameters() : parameters_;
}

void Model::attach_lora(const LoraConfig& config, uint64_t seed) {
    check(!lora_, "the model has adapters already; merge them first");
    lora_ = std::make_unique<Lora>(config_, config, seed, device_);
}

void Model::merge_lora(Stream& stream) {
    if (!lora_) return;
    const HostTensor weights(weights_.view(), device_), adapters(lora_->weights(), device_);
    for (auto& layer : layers_) {
        for (auto& linear : layer.linears) {
            const Lora::Fused* fused = lora_->fused(linear.layer, linear.index);
            if (!fused) continue;
            const int64_t rank = lora_->config().rank;
            for (const auto& part : fused->parts) {
                const auto& parameters = lora_->parameters();
                const float* a = adapters.as<float>() + parameters[static_cast<size_t>(part.a)].offset;
                const float* b = adapters.as<float>() + parameters[static_cast<size_t>(part.b)].offset;
                float* w = weights.as<float>() + linear.weight + part.row * linear.k;
                for (int64_t n = 0; n < part.rows; ++n) {
                    for (int64_t k = 0; k < linear.k; ++k) {
                        float sum = 0.0f;
                        for (int64_t r = 0; r < rank; ++r) sum += b[n * rank + r] * a[r * linear.k + k];
                        w[n * linear.k + k] += lora_->scale() * sum;
                    }
                }
            }
        }
    }
    weights.store();
    lora_.reset();
    pack(stream, false);
}

double Model::flops_per_token() const {
    double matrices = static_cast<double>(config_.vocab_size) * config_.hidden_size;
    for (const auto& layer : layers_) {
        for (const auto& linear : layer.linears)
            matrices += static_cast<double>(linear.n) * static_cast<double>(linear.k);
    }
    return 2.0 * matrices;
}

double Model::flops_per_token_pair() const {
    return 4.0 * config_.num_hidden_layers * config_.num_attention_heads * config_.head_dim;
}

}  // namespace r1
