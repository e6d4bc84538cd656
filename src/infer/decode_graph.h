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
    explicit DecodeGraphs(Model& model) : model_(model) {}

    struct Drawn {
        std::vector<int32_t> tokens;  // −1 where a row has a NaN
        std::vector<float> logprobs;
    };
    // `batch` has one token, and one slot for it, in each segment; none of its pages lies outside of the
    // cache. inv_temperature as in ops::sample_with_logprobs; there is no filter and no penalty.
    Drawn step(Stream& stream, const ops::PackedBatch& batch, const KvCache& cache, float inv_temperature,
               std::span<const SampleKey> keys, Arena& arena);
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
    std::map<Key, std::shared_ptr<Step>> steps_;
    uint64_t arena_generation_ = 0;
};

}  // namespace r1
