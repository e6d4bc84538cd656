#include "ops/uploaded_batch.h"

#include <algorithm>

#include "ops/key_work.h"

namespace r1::ops {
namespace {

constexpr size_t kAlign = 64;  // numbers: 256 bytes

// Arrays side by side, each aligned, and where each begins.
class Piece {
  public:
    size_t add(std::span<const int32_t> values) {
        const size_t begin = numbers_.size();
        numbers_.insert(numbers_.end(), values.begin(), values.end());
        numbers_.resize((numbers_.size() + kAlign) / kAlign * kAlign);  // never empty
        return begin;
    }
    template <class Item>  // of a few numbers
    size_t add_items(const std::vector<Item>& items) {
        static_assert(alignof(Item) == alignof(int32_t) && std::is_trivially_copyable_v<Item>);
        return add(
            {reinterpret_cast<const int32_t*>(items.data()), items.size() * sizeof(Item) / sizeof(int32_t)});
    }
    const int32_t* upload_to(Stream& stream, Arena& arena) const {
        const TensorView to = arena.take(DType::i32, {static_cast<int64_t>(numbers_.size())});
        upload(stream, to, numbers_.data());
        return to.as<int32_t>();
    }

  private:
    std::vector<int32_t> numbers_;
};

// Places of equal values, ascending within each: by counting.
struct Groups {
    size_t order = 0, rows = 0, offsets = 0;
    int64_t count = 0;

    Groups(Piece& piece, std::span<const int32_t> values) {
        const int32_t most = values.empty() ? -1 : *std::max_element(values.begin(), values.end());
        std::vector<int32_t> next(static_cast<size_t>(most + 2), 0);
        for (int32_t value : values) ++next[static_cast<size_t>(value) + 1];
        std::vector<int32_t> found, starts;
        for (int32_t value = 0; value <= most; ++value) {
            const auto v = static_cast<size_t>(value);
            if (next[v + 1] > 0) found.push_back(value), starts.push_back(next[v]);
            next[v + 1] += next[v];
        }
        starts.push_back(static_cast<int32_t>(values.size()));
        std::vector<int32_t> places(values.size());
        for (size_t i = 0; i < values.size(); ++i)
            places[static_cast<size_t>(next[static_cast<size_t>(values[i])]++)] = static_cast<int32_t>(i);
        order = piece.add(places), rows = piece.add(found), offsets = piece.add(starts);
        count = static_cast<int64_t>(found.size());
    }
    cuda::RowGroups at(const int32_t* base) const {
        return {base + order, base + rows, base + offsets, count};
    }
};

}  // namespace

UploadedBatch::UploadedBatch(Stream& stream, const PackedBatch& batch, std::span<const int32_t> rows,
                             int64_t pages, bool backward, Arena& arena) {
    if (!stream.on_cuda()) return;
    check_batch(batch, pages);
    for (int32_t id : batch.ids) check(id >= 0, "token id ", id, " is negative");
    for (int32_t row : rows)
        check(row >= 0 && row < batch.tokens(), "row ", row, " is outside a batch of ", batch.tokens(),
              " tokens");
    Piece piece;
    const size_t ids = piece.add(batch.ids), positions = piece.add(batch.positions),
                 slot_offsets = piece.add(batch.slot_offsets), slots = piece.add(batch.slots),
                 cu_seqlens = piece.add(batch.cu_seqlens), table_offsets = piece.add(batch.table_offsets),
                 table = piece.add(batch.table), row_numbers = piece.add(rows);
    const std::span<const int32_t> none;
    const Groups by_id(piece, backward ? batch.ids : none), by_row(piece, backward ? rows : none);
    const KeyWork work(backward ? batch : PackedBatch());
    const size_t items = piece.add_items(work.items), sums = piece.add_items(work.sums);
    const int32_t* base = piece.upload_to(stream, arena);
    const bool one_slot = batch.slots.size() == batch.ids.size();
    const int32_t last =
        batch.positions.empty() ? -1 : *std::max_element(batch.positions.begin(), batch.positions.end());
    device_ = {batch.tokens(),
               batch.segments(),
               base + ids,
               base + positions,
               one_slot ? nullptr : base + slot_offsets,
               base + slots,
               base + cu_seqlens,
               base + table_offsets,
               base + table,
               int64_t{last} + 1,
               nullptr,
               nullptr};
    device_.key_items = reinterpret_cast<const KeyItem*>(base + items);
    device_.key_sums = reinterpret_cast<const KeySum*>(base + sums);
    device_.key_item_count = std::ssize(work.items), device_.key_sum_count = std::ssize(work.sums);
    device_.key_partials = work.partials;
    rows_ = base + row_numbers;
    by_id_ = by_id.at(base), by_row_ = by_row.at(base);
}

Indices upload_indices(Stream& stream, std::span<const int32_t> values, Arena& arena) {
    if (!stream.on_cuda()) return values;
    Piece piece;
    piece.add(values);
    return {values, piece.upload_to(stream, arena)};
}

}  // namespace r1::ops
