// Pages of keys and values for tests, guarded and poisoned, and packed batches over them.
#pragma once
#include "core/buffer.h"
#include "ops/batch.h"
#include "ops/op_test.h"

namespace r1::ops {

using Table = std::vector<int32_t>;

// `count` pages between two guard pages; every float starts as Output::poison(), so that a kernel that lets a
// slot that was never written reach a result is found out.
class PagedCache {
  public:
    PagedCache(int64_t count, reference::Heads heads)
        : pages_{nullptr, nullptr, count, static_cast<int>(heads.hkv), static_cast<int>(heads.d)} {
        k_ = Buffer(DType::f32, {(count + 2) * pages_.k_stride()});
        v_ = Buffer(DType::f32, {(count + 2) * pages_.v_stride()});
        std::fill_n(k_.as<float>(), k_.view().numel(), Output::poison());
        std::fill_n(v_.as<float>(), v_.view().numel(), Output::poison());
        pages_.k = k_.as<float>() + pages_.k_stride();
        pages_.v = v_.as<float>() + pages_.v_stride();
    }
    operator KvPages() const { return pages_; }

    // The layout of ops/batch.h: k [pages][Hkv][kPage/16][D][16], v [pages][Hkv][ceil(D/16)][kPage][16].
    float& k(int32_t slot, int64_t head, int64_t i) const {
        const int64_t offset = slot % kPage,
                      panel = ((slot / kPage) * pages_.hkv + head) * (kPage / 16) + offset / 16;
        return pages_.k[(panel * pages_.d + i) * 16 + offset % 16];
    }
    float& v(int32_t slot, int64_t head, int64_t i) const {
        const int64_t offset = slot % kPage, panels = (pages_.d + 15) / 16;
        const int64_t panel = ((slot / kPage) * pages_.hkv + head) * panels + i / 16;
        return pages_.v[(panel * kPage + offset) * 16 + i % 16];
    }
    bool untouched(int64_t page) const {
        const auto poisoned = [&](const float* x, int64_t count) {
            return std::all_of(x, x + count, Output::is_poison);
        };
        return poisoned(pages_.k + page * pages_.k_stride(), pages_.k_stride()) &&
               poisoned(pages_.v + page * pages_.v_stride(), pages_.v_stride());
    }
    bool guards_intact() const { return untouched(-1) && untouched(pages_.pages); }
    Floats values() const {
        Floats all(k_.as<float>(), k_.as<float>() + k_.view().numel());
        all.insert(all.end(), v_.as<float>(), v_.as<float>() + v_.view().numel());
        return all;
    }

  private:
    KvPages pages_;
    Buffer k_, v_;
};

// Appends tokens [begin, end) of a sequence that lies in `table`; each is written to the same offset of its
// page, and those on page `copied` to every page of `copies` as well.
inline void add_segment(PackedBatch& batch, const Table& table, int begin, int end, int copied = -1,
                        const Table& copies = {}) {
    for (int t = begin; t < end; ++t) {
        batch.ids.push_back(0);
        batch.positions.push_back(t);
        batch.slots.push_back(table[at(t / kPage)] * kPage + t % kPage);
        if (t / kPage == copied) {
            for (int32_t page : copies) batch.slots.push_back(page * kPage + t % kPage);
        }
        batch.slot_offsets.push_back(static_cast<int32_t>(batch.slots.size()));
    }
    batch.cu_seqlens.push_back(static_cast<int32_t>(batch.tokens()));
    const int64_t pages = (end + kPage - 1) / kPage;
    batch.table.insert(batch.table.end(), table.begin(), table.begin() + pages);
    batch.table_offsets.push_back(static_cast<int32_t>(batch.table.size()));
}

// `count` different pages of `total`, in a random order.
inline Table random_pages(int64_t count, int64_t total, uint64_t seed) {
    Table pages(at(total));
    std::iota(pages.begin(), pages.end(), 0);
    Rng(seed).shuffle(pages);
    pages.resize(at(count));
    return pages;
}

struct Angles {
    Floats cos, sin;
    int64_t positions, half;
    ConstTensorView cos_view() const { return in(cos, {positions, half}); }
    ConstTensorView sin_view() const { return in(sin, {positions, half}); }
};

// Angles in double, rounded: they need not come from rope_table.
inline Angles angles(int64_t positions, int64_t d) {
    Angles a{{}, {}, positions, d / 2};
    for (int64_t t = 0; t < positions; ++t) {
        for (int64_t i = 0; i < d / 2; ++i) {
            const double angle = static_cast<double>(t) *
                                 std::pow(1000.0, -2.0 * static_cast<double>(i) / static_cast<double>(d));
            a.cos.push_back(static_cast<float>(std::cos(angle)));
            a.sin.push_back(static_cast<float>(std::sin(angle)));
        }
    }
    return a;
}

inline std::vector<int32_t> counting(int64_t count) {
    std::vector<int32_t> positions(at(count));
    std::iota(positions.begin(), positions.end(), 0);
    return positions;
}

}  // namespace r1::ops
