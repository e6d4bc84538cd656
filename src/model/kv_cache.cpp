#include "model/kv_cache.h"

namespace r1 {
namespace {

// Gives each layer its part of `data`.
void lay_out(std::vector<ops::KvPages>& layers, const ModelConfig& config, int64_t pages, Device device,
             char* data) {
    layers.resize(static_cast<size_t>(config.num_hidden_layers));
    for (auto& layer : layers) {
        layer = {nullptr, nullptr, pages, config.num_key_value_heads, config.head_dim};
        const auto take = [&](auto*& part, int64_t count) {
            part = reinterpret_cast<std::remove_reference_t<decltype(part)>>(data);
            data += count * static_cast<int64_t>(sizeof *part);
        };
        if (device == Device::cuda) {
            take(layer.k_bf16, pages * layer.k_stride());
            take(layer.v_bf16, pages * layer.k_stride());
        } else {
            take(layer.k, pages * layer.k_stride());
            take(layer.v, pages * layer.v_stride());
        }
    }
}

}  // namespace

size_t KvCache::bytes(const ModelConfig& config, int64_t pages, Device device) {
    const ops::KvPages shape{nullptr, nullptr, pages, config.num_key_value_heads, config.head_dim};
    const int64_t page = device == Device::cuda
                             ? 2 * shape.k_stride() * int64_t{sizeof(uint16_t)}
                             : (shape.k_stride() + shape.v_stride()) * int64_t{sizeof(float)};
    return static_cast<size_t>(config.num_hidden_layers * pages * page);
}

KvCache::KvCache(const ModelConfig& config, int64_t pages, Device device)
    : pages_(pages), storage_(DType::u8, {static_cast<int64_t>(bytes(config, pages, device))}, device) {
    lay_out(layers_, config, pages, device, static_cast<char*>(storage_.view().data));
}

KvCache::KvCache(const ModelConfig& config, int64_t pages, Arena& arena) : pages_(pages) {
    const auto size = static_cast<int64_t>(bytes(config, pages, arena.device()));
    lay_out(layers_, config, pages, arena.device(), static_cast<char*>(arena.take(DType::u8, {size}).data));
}

}  // namespace r1
