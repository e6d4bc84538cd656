// Philox 4x32-10: counter-based random numbers (Salmon et al., "Parallel random numbers: as easy as 1, 2,
// 3"). A value is a pure function of its key and counter, so a draw does not depend on what was drawn before
// it.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace r1 {

std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

// Uniform in [0, 1) with 24 bits.
inline float to_uniform(uint32_t bits) {
    return static_cast<float>(bits >> 8) * 0x1p-24f;
}

// What a sampled token's random number depends on, and nothing else.
struct SampleKey {
    uint64_t seed = 0;
    uint32_t step = 0, prompt = 0, sample = 0, position = 0;
};
float sample_uniform(const SampleKey& key);

// A stream of numbers for shuffling and data generation: Philox with a running counter.
class Rng {
  public:
    explicit Rng(uint64_t seed, uint64_t stream = 0) : seed_(seed), stream_(stream) {}
    uint32_t next();                                // 32 random bits
    uint32_t below(uint32_t bound);                 // uniform in [0, bound), unbiased; bound > 0
    int range(int low, int high);                   // uniform in [low, high]
    float uniform() { return to_uniform(next()); }  // [0, 1)
    bool chance(float probability) { return uniform() < probability; }
    float normal();  // mean 0, variance 1 (Irwin-Hall of 12: exact everywhere)
    template <class Vector>
    void shuffle(Vector& items) {
        for (auto i = static_cast<uint32_t>(items.size()); i > 1; --i)
            std::swap(items[i - 1], items[below(i)]);
    }

  private:
    uint64_t seed_, stream_, counter_ = 0;
    std::array<uint32_t, 4> block_{};
    int left_ = 0;
};

// 64-bit hash of bytes, the same everywhere (FNV-1a, then a mixer): splits of data sets are made by it.
uint64_t hash_bytes(const void* data, size_t size, uint64_t seed = 0);

}  // namespace r1
