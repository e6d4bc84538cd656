// The packed batch of a forward where its stream computes. On the CPU that is the batch itself.
#pragma once
#include <span>

#include "core/buffer.h"
#include "core/stream.h"
#include "ops/batch.h"
#include "ops/cuda/kernels.h"

namespace r1::ops {

// To stay in one place while views of it are used.
class UploadedBatch {
  public:
    UploadedBatch() = default;
    // Checks the batch against a cache of `pages`, and copies it and the row numbers `rows` to the device in
    // one piece of the arena. For a backward, ids and rows are sorted too, for the ops that add by them.
    UploadedBatch(Stream& stream, const PackedBatch& batch, std::span<const int32_t> rows, int64_t pages,
                  bool backward, Arena& arena);

    // `batch` and `rows` are those that were uploaded.
    BatchView view(const PackedBatch& batch) const {
        return device_.ids ? BatchView(batch, device_) : BatchView(batch);
    }
    Indices ids(const PackedBatch& batch) const { return {batch.ids, device_.ids, &by_id_}; }
    Indices rows(std::span<const int32_t> rows) const { return {rows, rows_, &by_row_}; }

  private:
    cuda::Batch device_;
    const int32_t* rows_ = nullptr;
    cuda::RowGroups by_id_, by_row_;
};

// An array in the arena's memory.
Indices upload_indices(Stream& stream, std::span<const int32_t> values, Arena& arena);

}  // namespace r1::ops
