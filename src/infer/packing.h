// Token sequences into one packed batch for scoring and training. A group's prompt is laid out once and read
// by each of its completions, exactly as the rollout did, so both compute the same bits.
#pragma once
#include <span>
#include <vector>

#include "ops/batch.h"

namespace r1 {

struct PackedSamples {
    ops::PackedBatch batch;
    int64_t pages = 0;             // of the KvCache that the batch needs
    std::vector<int32_t> rows;     // [R] the token whose hidden state predicts …
    std::vector<int32_t> targets;  // [R] … this token
    std::vector<int32_t> samples;  // [R] of which sample: 0, 1, 2, … in the order they were added

    // A prompt (at least one token) and completions after it; every completion token is a target.
    // An empty completion is a sample without rows.
    void add_group(std::span<const int32_t> prompt, std::span<const std::span<const int32_t>> completions);
    // A whole sequence; every token but its first is a target.
    void add_document(std::span<const int32_t> ids);
    int64_t sample_count() const { return sample_count_; }
    int64_t tokens() const { return batch.tokens(); }
    void clear();

  private:
    void add_token(int32_t id, int32_t position, std::span<const int32_t> pages);
    int32_t sample_count_ = 0;
};

}  // namespace r1
