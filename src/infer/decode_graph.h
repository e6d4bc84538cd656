// Decode steps on CUDA as graphs: one token of each of some sequences, from its id to the next token and its
// log-probability, in one launch. A graph is made for a number of sequences and of pages of the longest; what
// is missing is filled up with rows that are computed, written nowhere and left out of the result, so a
// sequence's bits are those of any other step.
#pragma once
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "core/cuda_graph.h"
#include "core/rng.h"
#include "model/model.h"

namespace r1 {

class DecodeGraphs {
  public:
    // For steps of at most so many sequences.
    DecodeGraphs(Model& model, int64_t most_sequences);

    // A step that was enqueued. Two may be under way.
    struct Pending {
        int64_t count = 0;
        size_t place = 0;
        int64_t results = 0;  // where they begin in the pinned memory, in numbers
    };
    // `batch` has one token, and one slot for it, in each segment; none of its pages lies outside of the
    // cache. Where from[i] is not negative, sequence i continues with the token that row from[i] of the step
    // before draws, which the host need not have seen, and its id in the batch does not count; `from` may be
    // empty. inv_temperature as in ops::sample_with_logprobs; there is no filter and no penalty.
    Pending enqueue(Stream& stream, const ops::PackedBatch& batch, std::span<const int32_t> from,
                    const KvCache& cache, float inv_temperature, std::span<const SampleKey> keys,
                    Arena& arena);
    struct Drawn {
        std::span<const int32_t> tokens;  // −1 where a row has a NaN
        std::span<const float> logprobs;
    };
    // Waits for a step. The memory is that of the step after the next.
    Drawn fetch(Pending step);
    // To be called when the memory of the cache moves.
    void clear() { steps_.clear(); }

  private:
    struct Step;
    struct Key {
        int64_t sequences, pages;
        const void *angles, *adapters;  // which move when the model changes
        auto operator<=>(const Key&) const = default;
    };
    Model& model_;
    int64_t most_;
    Buffer results_;          // of the last step: tokens [most_], then log-probabilities [most_]
    PinnedMemory pinned_[2];  // of the two steps: inputs, then results
    size_t next_ = 0;
    std::map<Key, std::shared_ptr<Step>> steps_;
    uint64_t arena_generation_ = 0;
};

}  // namespace r1
