// Log-probabilities of given tokens, by the forward that everything else uses.
#pragma once
#include <span>
#include <vector>

#include "infer/packing.h"
#include "model/model.h"
#include "ops/linear_cross_entropy.h"

namespace r1 {

struct Scores {
    std::vector<float> logprobs, lse, entropy;  // [R], in the order of the samples' rows
};
// Of hidden states [R, C] where the stream computes; returns lse [R] there, in the arena.
TensorView score_rows(Stream& stream, Scores& scores, ConstTensorView hidden, const ops::Indices& targets,
                      const ops::LinearCrossEntropy& op, Arena& arena);
Scores score(Stream& stream, Model& model, const PackedSamples& packed, float temperature,
             const ops::LogitFilter& filter, Arena& arena);

// Log-softmax rows [T, V] of a sequence, row t of the token after t; for short texts and for tools.
std::vector<float> logprob_rows(Stream& stream, Model& model, std::span<const int32_t> ids, Arena& arena);

// The k most likely tokens after each token of a sequence [T], best first; of equal ones the lower id first.
struct TokenLogprob {
    int32_t id;
    float logprob;
};
std::vector<std::vector<TokenLogprob>> top_logprobs(Stream& stream, Model& model,
                                                    std::span<const int32_t> ids, int k, Arena& arena);

}  // namespace r1
