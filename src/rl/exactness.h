// The numerics contract, tried out: the log-probability that a rollout records and the one that training
// computes have the same bits, and gradients do not depend on how they are computed either, whatever the
// batch, the cut of a prompt, the memory, the threads or the instruction set.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "core/stream.h"
#include "model/model.h"

namespace r1 {

struct ExactnessOptions {
    uint64_t seed = 0;
    std::vector<std::vector<int32_t>> prompts;  // empty: random token ids of random lengths
    int64_t tokens = 0;                         // of random prompts and completions; 0 = by the model's size
};

struct ExactnessRow {
    std::string what;
    int64_t compared = 0;     // log-probabilities or gradient values
    int64_t different = 0;    // that do not have the same bits
    double difference = 0.0;  // the largest; infinite where another token was drawn
};

// Packs the model for training. Calls `row` after each comparison.
void check_exactness(Stream& stream, Model& model, const ExactnessOptions& options,
                     const std::function<void(const ExactnessRow&)>& row);

}  // namespace r1
