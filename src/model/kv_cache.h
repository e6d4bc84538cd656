// Keys and values of all layers in pages of ops::kPage tokens.
#pragma once
#include <vector>

#include "core/buffer.h"
#include "model/config.h"
#include "ops/batch.h"

namespace r1 {

class KvCache {
  public:
    KvCache(const ModelConfig& config, int64_t pages, Device device = Device::cpu);
    // Memory from the arena, not cleared, for a training pass; it lives as long as the arena's scope. Slots
    // that no token was written to hold anything; the attention reads none of them into a result.
    KvCache(const ModelConfig& config, int64_t pages, Arena& arena);
    ops::KvPages layer(int index) const { return layers_[static_cast<size_t>(index)]; }
    int64_t pages() const { return pages_; }
    static size_t bytes(const ModelConfig& config, int64_t pages, Device device = Device::cpu);

  private:
    int64_t pages_ = 0;
    Buffer storage_;
    std::vector<ops::KvPages> layers_;
};

}  // namespace r1
