#include "train/memory_plan.h"

#include <algorithm>
#include <cstdio>

namespace r1 {
namespace {

std::string gibibytes(int64_t bytes) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f GiB", static_cast<double>(bytes) / (1 << 30));
    return text;
}

}  // namespace

std::string MemoryPlan::text() const {
    return cat("GPU memory: ", gibibytes(state), " weights and optimizer, ", gibibytes(activations),
               " activations of a micro-batch, ", gibibytes(logits), " logits; ", gibibytes(free),
               " are free");
}

MemoryPlan plan_memory(const Model& model, int64_t micro_batch_tokens, int64_t longest, bool recompute) {
    MemoryPlan plan;
    if (model.device() != Device::cuda) return plan;
    const ModelConfig& c = model.config();
    const int64_t hidden = c.hidden_size, wide = c.intermediate_size,
                  kv = int64_t{c.num_key_value_heads} * c.head_dim;
    const int64_t heads = int64_t{c.num_attention_heads} * c.head_dim, qkv = heads + 2 * kv;
    const int64_t tokens = micro_batch_tokens + longest;
    // bf16 numbers a token: what a layer keeps, what its backward works with, keys and values of all layers
    const int64_t layer = 5 * hidden + (c.qk_norm ? 2 : 1) * qkv + heads + 3 * wide;
    const int64_t backward = 3 * hidden + 3 * wide + heads + 2 * qkv + 4 * kv;
    const int64_t kept = recompute ? c.num_hidden_layers * hidden + layer : c.num_hidden_layers * layer;
    plan.activations = 2 * tokens * (kept + backward + c.num_hidden_layers * 2 * kv + 4 * hidden);
    plan.logits = std::min<int64_t>(tokens * c.vocab_size, int64_t{256} << 20) * 6;
    const int64_t trained = model.trainable_weights().numel();
    plan.state = 6 * model.parameter_count() + 12 * trained;
    plan.free = static_cast<int64_t>(device_memory(Device::cuda).free);
    check(plan.activations + plan.logits < plan.free, "this run does not fit into the GPU's memory. ",
          plan.text(), "; lower train.micro_batch_tokens",
          recompute ? "" : " or set train.gradient_checkpointing");
    return plan;
}

}  // namespace r1
