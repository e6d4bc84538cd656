// A decoder-only transformer of the Llama family: one forward for prefill, decode, scoring and training, and
// its backward. Which tokens are in the packed batch, where their keys and values lie and whether activations
// are kept is all that tells these uses apart, so a token's log-probability has the same bits in each.
//   x = embed(ids);  for each layer: x += o(attention(rope(qkv(rmsnorm(x)))));  x +=
//   down(swiglu(gate_up(rmsnorm(x)))) hidden = rmsnorm(x[rows])
// Ref     transformers' LlamaModel, Qwen2Model, Qwen3Model
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/buffer.h"
#include "core/stream.h"
#include "model/config.h"
#include "model/kv_cache.h"
#include "model/lora.h"
#include "model/names.h"
#include "ops/batch.h"
#include "ops/linear.h"
#include "ops/uploaded_batch.h"

namespace r1 {

class TensorSource;

struct Parameter {
    ParameterSpec spec;
    int64_t offset = 0;  // of its first element in the flat weights and gradients
};

// What a layer's backward reads. Views into the arena of the pass.
struct LayerActivations {
    TensorView x;                    // [N, C] the layer's input
    TensorView rstd1, norm1;         // [N], [N, C]
    TensorView qkv_raw, rstd_qk;     // before the norms of q and k, where there are any
    TensorView qkv;                  // [N, H+2·Hkv, D] rotated
    TensorView attention, lse;       // [N, H, D], [N, H]
    TensorView x_mid, rstd2, norm2;  // [N, C], [N], [N, C]
    TensorView gate_up, act;         // [N, 2F], [N, F]
    std::vector<TensorView> lora;    // x·Aᵀ of each adapted linear, in the order qkv, o, gate_up, down
};

struct Activations {
    bool recompute = false;  // keep the layers' inputs alone and compute the rest again in the backward
    std::vector<LayerActivations> layers;
    TensorView x, rstd;  // [R, C] the rows chosen, before the last norm; [R]
    std::vector<int32_t> rows;
    ops::UploadedBatch uploaded;
};

class Model {
  public:
    // Weights are zero until initialize() or load(). `weight_dtype` is that of the weights the forward
    // computes with (f32, or bf16 rounded from the fp32 masters; on CUDA always bf16, as are activations,
    // keys and values). The weights lie on `device`, and every stream that the model is given computes there.
    explicit Model(ModelConfig config, DType weight_dtype = DType::f32, Device device = Device::cpu);
    ~Model();

    const ModelConfig& config() const { return config_; }
    DType weight_dtype() const { return weight_dtype_; }
    Device device() const { return device_; }
    const std::vector<Parameter>& parameters() const { return parameters_; }
    int64_t parameter_count() const { return weights_.view().numel(); }
    TensorView weights() const { return weights_.view(); }  // [P] fp32 masters, flat, on the device
    // A parameter's part of the weights or of a buffer like them (gradients, moments). Throws on an unknown
    // name.
    TensorView parameter(const std::string& name) const { return slice(weights_.view(), name); }
    TensorView slice(TensorView flat, const std::string& name) const;

    // Normal with standard deviation initializer_range (residual outputs divided by sqrt(2L)), norms 1,
    // biases 0.
    void initialize(Stream& stream, uint64_t seed);
    // Reads every parameter by its name; throws if one is missing or has another shape. Then packs.
    void load(Stream& stream, const TensorSource& source);
    // After any change of the masters (or of the adapters): rebuilds what the forward reads, and with
    // `training` what the backward does.
    void pack(Stream& stream, bool training);
    // On CUDA the masters rounded to bf16 [P], which the forward reads: an optimiser that writes them as well
    // need not pack. Elsewhere, and with adapters, empty.
    TensorView rounded_weights() const { return lora_ ? TensorView{} : rounded_.view(); }

    // On CUDA, before a run that rests on it: compares the bits of the forward's products of few rows and of
    // many (ops::confirm_rows). Returns of how many kinds they differ: those are slow from now on.
    int confirm_products(Stream& stream);

    // Low-rank adapters on the linears named by `config`; from then on they alone are trained.
    void attach_lora(const LoraConfig& config, uint64_t seed);
    Lora* lora() { return lora_.get(); }
    const Lora* lora() const { return lora_.get(); }
    // Adds the adapters to the masters and removes them.
    void merge_lora(Stream& stream);

    // What an optimiser trains: the masters, or the adapters where attached. Flat fp32, with its parameters.
    TensorView trainable_weights() const;
    const std::vector<Parameter>& trainable_parameters() const;

    // hidden [R, C] of the batch's tokens `rows`, after the last norm, from the arena. With `keep`,
    // activations stay in the arena for backward(). Positions must be below max_position_embeddings.
    TensorView forward(Stream& stream, const ops::PackedBatch& batch, const KvCache& cache,
                       std::span<const int32_t> rows, Arena& arena, Activations* keep = nullptr);
    // The same of a batch, its ids and rows that lie where the stream computes, as a graph replays it: it
    // copies nothing from the host and does not look at positions (see prepare_angles).
    TensorView forward(Stream& stream, const ops::BatchView& batch, const ops::Indices& ids,
                       const ops::Indices& rows, const KvCache& cache, Arena& arena,
                       Activations* keep = nullptr);
    // Makes the rotations of positions below `end`, as far as the model goes; returns where they lie.
    const void* prepare_angles(int64_t end);
    // Adds to grads (flat, like trainable_weights) the gradient of everything below `dhidden` [R, C]. The
    // head's own gradient is the loss' to add (head_gradient).
    void backward(Stream& stream, TensorView grads, ConstTensorView dhidden, const ops::PackedBatch& batch,
                  const KvCache& cache, const Activations& kept, Arena& arena);

    const ops::PackedWeight& head() const { return head_; }
    const ops::PackedWeight& head_transposed() const { return head_transposed_; }
    // The head's part of the gradients [V, C]; empty where it is not trained.
    TensorView head_gradient(TensorView grads) const;

    // Floating-point operations of one token: forward without attention (2 × matrix parameters and head), and
    // of attention for each earlier token that it sees.
    double flops_per_token() const;
    double flops_per_token_pair() const;

  private:
    struct Linear;
    struct Layer;
    struct Packed;

    void ensure_angles(int64_t positions);
    void use_rounded_weights();
    ConstTensorView bias_of(const Linear& linear) const;
    void apply(Stream& stream, TensorView y, ConstTensorView x, const Linear& linear,
               ConstTensorView residual, Arena& arena, std::vector<TensorView>* keep_lora);
    void apply_backward(Stream& stream, TensorView dx, TensorView grads, ConstTensorView dy,
                        ConstTensorView x, const Linear& linear, ConstTensorView lora_hidden, Arena& arena);
    void layer_forward(Stream& stream, int index, TensorView y, TensorView x, const ops::BatchView& batch,
                       const KvCache& cache, Arena& arena, LayerActivations& a, bool keep);
    void layer_backward(Stream& stream, int index, TensorView dx, TensorView grads,
                        const ops::BatchView& batch, const KvCache& cache, const LayerActivations& a,
                        Arena& arena);
    TensorView weight(int64_t offset, Shape shape) const;

    ModelConfig config_;
    DType weight_dtype_;
    Device device_;
    std::vector<Parameter> parameters_;
    std::unordered_map<std::string, size_t> by_name_;
    Buffer weights_, rounded_;
    std::vector<Layer> layers_;
    int64_t embed_ = 0, last_norm_ = 0, head_offset_ = 0;
    ops::PackedWeight head_, head_transposed_;
    std::vector<Buffer> packed_;  // storage of the packed weights
    Buffer cos_, sin_;
    std::unique_ptr<Lora> lora_;
};

}  // namespace r1
