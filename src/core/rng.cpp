#include "core/rng.h"

namespace r1 {

std::array<uint32_t, 4> philox(std::array<uint32_t, 4> c, std::array<uint32_t, 2> k) {
    for (int round = 0; round < 10; ++round) {
        const uint64_t a = uint64_t{0xD2511F53u} * c[0];
        const uint64_t b = uint64_t{0xCD9E8D57u} * c[2];
        c = {static_cast<uint32_t>(b >> 32) ^ c[1] ^ k[0], static_cast<uint32_t>(b),
             static_cast<uint32_t>(a >> 32) ^ c[3] ^ k[1], static_cast<uint32_t>(a)};
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
    return c;
}

float sample_uniform(const SampleKey& key) {
    return to_uniform(philox({key.step, key.prompt, key.sample, key.position},
                             {static_cast<uint32_t>(key.seed), static_cast<uint32_t>(key.seed >> 32)})[0]);
}

uint32_t Rng::next() {
    if (left_ == 0) {
        block_ = philox({static_cast<uint32_t>(counter_), static_cast<uint32_t>(counter_ >> 32),
                         static_cast<uint32_t>(stream_), static_cast<uint32_t>(stream_ >> 32)},
                        {static_cast<uint32_t>(seed_), static_cast<uint32_t>(seed_ >> 32)});
        ++counter_;
        left_ = 4;
    }
    return block_[static_cast<size_t>(4 - left_--)];
}

uint32_t Rng::below(uint32_t bound) {
    const uint32_t threshold = (0u - bound) % bound;  // rejects the values that would favour small results
    for (;;) {
        const uint64_t product = uint64_t{next()} * bound;
        if (static_cast<uint32_t>(product) >= threshold) return static_cast<uint32_t>(product >> 32);
    }
}

int Rng::range(int low, int high) {
    return low + static_cast<int>(below(static_cast<uint32_t>(high - low) + 1u));
}

float Rng::normal() {
    float sum = -6.0f;
    for (int i = 0; i < 12; ++i) sum += uniform();
    return sum;
}

uint64_t hash_bytes(const void* data, size_t size, uint64_t seed) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    uint64_t hash = 0xcbf29ce484222325u ^ seed;
    for (size_t i = 0; i < size; ++i) hash = (hash ^ bytes[i]) * 0x100000001b3u;
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccdu;
    hash ^= hash >> 33;
    hash *= 0xc4ceb9fe1a85ec53u;
    return hash ^ (hash >> 33);
}

}  // namespace r1
