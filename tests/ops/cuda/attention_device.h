// Attention on the device from data on the host: batches, pages of keys and values, guarded outputs.
#pragma once
#include "core/device.h"
#include "ops/cuda/cuda_test.h"
#include "ops/cuda/kernels.h"
#include "ops/key_work.h"
#include "ops/paged.h"

namespace r1::ops::cuda {

using Bits = std::vector<uint16_t>;  // bf16
using reference::Heads;

inline float widen_bits(uint16_t bits) {
    return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}
inline uint16_t rounded(float x) {
    uint32_t bits = std::bit_cast<uint32_t>(x);
    return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
inline Bits rounded(const Floats& x) {
    Bits bits;
    for (float value : x) bits.push_back(rounded(value));
    return bits;
}
inline Floats widened(const Bits& x) {
    Floats values;
    for (uint16_t bits : x) values.push_back(widen_bits(bits));
    return values;
}
inline constexpr uint16_t kPoisonBits = 0x7fde;  // a NaN

// A copy of host values on the device, with guards around.
template <class T>
class OnDevice {
  public:
    explicit OnDevice(const std::vector<T>& values) : count_(values.size()) {
        std::vector<T> all(count_ + 2 * kGuard, poison());
        std::copy(values.begin(), values.end(), all.begin() + kGuard);
        memory_.reset(allocate(Device::cuda, all.size() * sizeof(T)));
        copy_bytes(Device::cuda, memory_.get(), all.data(), all.size() * sizeof(T));
    }
    static OnDevice poisoned(int64_t count) { return OnDevice(std::vector<T>(at(count), poison())); }
    T* get() const { return static_cast<T*>(memory_.get()) + kGuard; }
    operator T*() const { return get(); }
    std::vector<T> values() const {
        std::vector<T> all(count_ + 2 * kGuard);
        copy_bytes(Device::cuda, all.data(), memory_.get(), all.size() * sizeof(T));
        for (size_t i = 0; i < kGuard; ++i) {
            EXPECT_EQ(std::memcmp(&all[i], &poisoned_, sizeof(T)), 0) << "written before the output";
            EXPECT_EQ(std::memcmp(&all[all.size() - 1 - i], &poisoned_, sizeof(T)), 0)
                << "written behind the output";
        }
        return {all.begin() + kGuard, all.end() - kGuard};
    }
    void set(const std::vector<T>& values) {
        copy_bytes(Device::cuda, get(), values.data(), values.size() * sizeof(T));
    }

  private:
    static T poison() {
        if constexpr (std::is_same_v<T, uint16_t>) return kPoisonBits;
        if constexpr (std::is_same_v<T, float>) return Output::poison();
        return T{};
    }
    static constexpr size_t kGuard = 64;  // keeps the address a multiple of 128 bytes
    T poisoned_ = poison();
    size_t count_;
    std::unique_ptr<void, Deallocate> memory_{nullptr, Deallocate{Device::cuda}};
};

struct OnDeviceBatch {
    KeyWork work;
    OnDevice<int32_t> positions, cu_seqlens, table_offsets, table;
    OnDevice<KeyItem> items;
    OnDevice<KeySum> sums;
    Batch batch;
    explicit OnDeviceBatch(const PackedBatch& host, int64_t longest = 0)
        : work(host),
          positions(host.positions),
          cu_seqlens(host.cu_seqlens),
          table_offsets(host.table_offsets),
          table(host.table),
          items(work.items),
          sums(work.sums) {
        batch.tokens = host.tokens();
        batch.segments = host.segments();
        batch.positions = positions;
        batch.cu_seqlens = cu_seqlens;
        batch.table_offsets = table_offsets;
        batch.table = table;
        for (int32_t position : host.positions)
            batch.longest = std::max<int64_t>(batch.longest, position + 1);
        batch.longest = std::max(batch.longest, longest);
        batch.key_items = items;
        batch.key_sums = sums;
        batch.key_item_count = static_cast<int64_t>(work.items.size());
        batch.key_sum_count = static_cast<int64_t>(work.sums.size());
        batch.key_partials = work.partials;
    }
};

// Keys and values on the host, [pages][Hkv][kPage][D]; what was never written is NaN.
struct HostPages {
    Heads heads;
    int64_t pages;
    Bits k, v;
    HostPages(int64_t pages_, Heads heads_)
        : heads(heads_), pages(pages_), k(at(pages * heads.hkv * kPage * heads.d), kPoisonBits), v(k) {}
    void write(const PackedBatch& batch, const Bits& rows) {
        for (int64_t n = 0; n < batch.tokens(); ++n) {
            for (int32_t s = batch.slot_offsets[at(n)]; s < batch.slot_offsets[at(n + 1)]; ++s) {
                const int64_t slot = batch.slots[at(s)];
                for (int64_t h = 0; h < heads.hkv; ++h) {
                    const auto from = rows.begin() + n * heads.width() + (heads.h + h) * heads.d;
                    const int64_t to = ((slot / kPage * heads.hkv + h) * kPage + slot % kPage) * heads.d;
                    std::copy_n(from, heads.d, k.begin() + to);
                    std::copy_n(from + heads.hkv * heads.d, heads.d, v.begin() + to);
                }
            }
        }
    }
};

struct OnDevicePages {
    OnDevice<uint16_t> k, v;
    KvPages pages;
    explicit OnDevicePages(const HostPages& host)
        : k(host.k),
          v(host.v),
          pages{k, v, host.pages, static_cast<int>(host.heads.hkv), static_cast<int>(host.heads.d)} {}
};

inline float scale_of(const Heads& heads) {
    return 1.0f / std::sqrt(static_cast<float>(heads.d));
}

struct Forward {
    Bits out;
    Floats lse;
    void append(const Forward& other) {
        out.insert(out.end(), other.out.begin(), other.out.end());
        lse.insert(lse.end(), other.lse.begin(), other.lse.end());
    }
    // Of tokens [begin, end).
    Forward part(const Heads& heads, int64_t begin, int64_t end) const {
        return {Bits(out.begin() + begin * heads.h * heads.d, out.begin() + end * heads.h * heads.d),
                Floats(lse.begin() + begin * heads.h, lse.begin() + end * heads.h)};
    }
};

// Writes the batch's keys and values to the pages and attends.
inline Forward forward(HostPages& pages, const PackedBatch& batch, const Bits& rows, int64_t longest = 0) {
    const Heads& heads = pages.heads;
    pages.write(batch, rows);
    CudaStream stream;
    const OnDevicePages on_device(pages);
    const OnDeviceBatch b(batch, longest);
    const OnDevice<uint16_t> qkv(rows);
    const auto out = OnDevice<uint16_t>::poisoned(batch.tokens() * heads.h * heads.d);
    const auto lse = OnDevice<float>::poisoned(batch.tokens() * heads.h);
    attention_forward(stream.get(), out, lse, qkv, on_device.pages, b.batch, static_cast<int>(heads.h),
                      scale_of(heads));
    stream.synchronize();
    return {out.values(), lse.values()};
}

struct Gradients {
    Bits dqkv;
    Floats dk, dv;  // pages
};

inline Gradients backward(const HostPages& pages, const PackedBatch& batch, const Forward& f,
                          const Bits& rows, const Bits& dout) {
    const Heads& heads = pages.heads;
    CudaStream stream;
    const OnDevicePages on_device(pages);
    const OnDeviceBatch b(batch);
    const OnDevice<uint16_t> qkv(rows), out(f.out), douts(dout);
    const OnDevice<float> lse(f.lse);
    const auto dqkv = OnDevice<uint16_t>::poisoned(batch.tokens() * heads.width());
    const auto count = static_cast<int64_t>(pages.k.size());
    const auto dk = OnDevice<float>::poisoned(count), dv = OnDevice<float>::poisoned(count);
    const int h = static_cast<int>(heads.h), hkv = static_cast<int>(heads.hkv), d = static_cast<int>(heads.d);
    const size_t bytes = attention_backward_workspace(b.batch, h, hkv, d);
    const auto workspace = OnDevice<float>::poisoned(static_cast<int64_t>(bytes / sizeof(float)));
    attention_backward(stream.get(), dqkv, dk, dv, douts, out, lse, qkv, on_device.pages, b.batch, h,
                       scale_of(heads), workspace.get());
    stream.synchronize();
    workspace.values();
    return {dqkv.values(), dk.values(), dv.values()};
}

}  // namespace r1::ops::cuda
