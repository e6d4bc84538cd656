// What training will need of a GPU's memory, counted before the first step.
#pragma once
#include <cstdint>
#include <string>

#include "model/model.h"

namespace r1 {

struct MemoryPlan {
    int64_t state = 0;        // bytes: masters, their bf16 copy, gradients and moments
    int64_t activations = 0;  // of one micro-batch, forward and backward
    int64_t logits = 0;       // of the rows that are held at a time
    int64_t free = 0;         // of the GPU, after the state
    std::string text() const;
};

// For a model whose optimizer is there already. Micro-batches end at sequences, so they may have up to
// `longest` more than `micro_batch_tokens`. Throws, with what to change, if the GPU has too little free; on
// the CPU nothing is counted.
MemoryPlan plan_memory(const Model& model, int64_t micro_batch_tokens, int64_t longest, bool recompute);

}  // namespace r1
