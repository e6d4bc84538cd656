// Forward, loss and backward of one packed micro-batch. Pre-training, fine-tuning and reinforcement learning
// differ in the loss alone: a function from the targets' log-probabilities to their gradients.
#pragma once
#include <functional>
#include <span>

#include "infer/packing.h"
#include "infer/score.h"
#include "model/model.h"

namespace r1 {

struct BackpropOptions {
    float temperature = 1.0f;  // as in the rollout
    ops::LogitFilter filter;   // as in the rollout
    bool recompute = false;    // keep the layers' inputs alone: less memory, a forward more
};

// Given the scores of packed.rows, fills dlogprobs [R] with dloss/dlogprob.
using LossFunction = std::function<void(const Scores& scores, std::span<float> dlogprobs)>;

// Adds the gradient of the loss to `grads` (flat, like model.trainable_weights()). The model is packed for
// training. The sums over tokens run in the order in which samples were added, each continuing what grads
// holds, so that cutting a list of samples into micro-batches changes no bit of a matrix' gradient; with a
// shared prompt, or for the embeddings of a tied head, the order is fixed but depends on the cut.
void backprop(Stream& stream, Model& model, TensorView grads, const PackedSamples& packed,
              const BackpropOptions& options, const LossFunction& loss, Arena& arena);

}  // namespace r1
