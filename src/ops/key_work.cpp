#include "ops/key_work.h"

#include <algorithm>
#include <span>

namespace r1::ops {
namespace {

struct Reader {
    int32_t page, segment, index;
};

// Rows of a segment that see the page at `index`.
int64_t tokens_behind(const PackedBatch& batch, int32_t segment, int32_t index) {
    const auto b = static_cast<size_t>(segment);
    const int64_t begin = batch.cu_seqlens[b], end = batch.cu_seqlens[b + 1];
    if (begin == end) return 0;
    const int64_t before = int64_t{index} * kPage - batch.positions[static_cast<size_t>(begin)];
    return std::max<int64_t>(0, end - begin - std::max<int64_t>(0, before));
}

}  // namespace

KeyWork::KeyWork(const PackedBatch& batch) {
    std::vector<Reader> in_order;
    for (int32_t b = 0; b < batch.segments(); ++b) {
        const int32_t first = batch.table_offsets[static_cast<size_t>(b)];
        for (int32_t p = first; p < batch.table_offsets[static_cast<size_t>(b) + 1]; ++p)
            in_order.push_back({batch.table[static_cast<size_t>(p)], b, p - first});
    }
    std::vector<Reader> by_page = in_order;
    std::stable_sort(by_page.begin(), by_page.end(),
                     [](const Reader& a, const Reader& b) { return a.page < b.page; });
    const auto readers_of = [&](int32_t page) {
        const auto less = [](const Reader& r, int32_t p) { return r.page < p; };
        const auto begin = std::lower_bound(by_page.begin(), by_page.end(), page, less);
        return std::span(begin, std::lower_bound(begin, by_page.end(), page + 1, less));
    };
    const auto follow = [](const Reader& a, const Reader& b) {
        return a.segment == b.segment && a.index + 1 == b.index;
    };
    for (size_t i = 0; i < in_order.size(); ++i) {
        const Reader& reader = in_order[i];
        const auto readers = readers_of(reader.page);
        // Only its first reader deals with a page, and a page that was the second of a pair is done.
        if (readers[0].segment != reader.segment) continue;
        int32_t second = -1;
        if (i + 1 < in_order.size() && in_order[i + 1].segment == reader.segment) {
            const auto next = readers_of(in_order[i + 1].page);
            if (std::equal(readers.begin(), readers.end(), next.begin(), next.end(), follow))
                second = in_order[++i].page;
        }
        const bool shared = readers.size() > 1;
        if (shared)
            sums.push_back({{reader.page, second},
                            static_cast<int32_t>(partials),
                            static_cast<int32_t>(readers.size())});
        for (const Reader& r : readers)
            items.push_back(
                {{reader.page, second}, r.segment, r.index, shared ? static_cast<int32_t>(partials++) : -1});
    }
    std::vector<std::pair<int64_t, KeyItem>> ordered;
    for (const KeyItem& item : items)
        ordered.emplace_back(tokens_behind(batch, item.segment, item.index), item);
    std::stable_sort(ordered.begin(), ordered.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    std::transform(ordered.begin(), ordered.end(), items.begin(), [](const auto& o) { return o.second; });
}

}  // namespace r1::ops
