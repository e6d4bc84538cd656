#include "model/kv_cache.h"

namespace r1 {
namespace {

std::vector<ops::KvPages> lay_out(const ModelConfig& config, int64_t pages, float* data) {
    std::vector<ops::KvPages> layers(static_cast<size_t>(config.num_hidden_layers));
    for (auto& layer : layers) {
        layer = {data, nullptr, pages, config.num_key_value_heads, config.head_dim};
        layer.v = data + pages * layer.k_stride();
        data = layer.v + pages * layer.v_stride();
    }
    return layers;
}

}  // namespace

size_t KvCache::bytes(const ModelConfig& config, int64_t pages) {
    const ops::KvPages shape{nullptr, nullptr, pages, config.num_key_value_heads, config.head_dim};
    return static_cast<size_t>(config.num_hidden_layers * pages * (shape.k_stride() + shape.v_stride())) *
           sizeof(float);
}

KvCache::KvCache(const ModelConfig& config, int64_t pages)
    : pages_(pages), storage_(DType::u8, {static_cast<int64_t>(bytes(config, pages))}) {
    layers_ = lay_out(config, pages, static_cast<float*>(storage_.view().data));
}

KvCache::KvCache(const ModelConfig& config, int64_t pages, Arena& arena) : pages_(pages) {
    layers_ =
        lay_out(config, pages, arena.floats(static_cast<int64_t>(bytes(config, pages) / sizeof(float))));
}

}  // namespace r1
