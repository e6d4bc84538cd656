#include "train/backprop.h"

#include "ops/linear_cross_entropy.h"

namespace r1 {

void backprop(Stream& stream, Model& model, TensorView grads, const PackedSamples& packed,
              const BackpropOptions& options, const LossFunction& loss, Arena& arena) {
    const auto rows = static_cast<int64_t>(packed.rows.size());
    if (rows == 0) return;
    ArenaScope scope(arena);
    const KvCache cache(model.config(), packed.pages, arena);
    Activations kept;
    kept.recompute = options.recompute;
    const TensorView hidden = model.forward(stream, packed.batch, cache, packed.rows, arena, &kept);
    const ops::LinearCrossEntropy op{model.head(), model.head_transposed(), 1.0f / options.temperature,
                                     options.filter};
    Scores scores;
    for (auto* values : {&scores.logprobs, &scores.lse, &scores.entropy}) values->resize(packed.rows.size());
    const TensorView lse = view(scores.lse.data(), {rows});
    ops::linear_cross_entropy_forward(stream, view(scores.logprobs.data(), {rows}), lse,
                                      view(scores.entropy.data(), {rows}), hidden, packed.targets, op, arena);
    std::vector<float> dlogprobs(packed.rows.size());
    loss(scores, dlogprobs);
    const TensorView dhidden = arena.take(DType::f32, hidden.shape);
    ops::linear_cross_entropy_backward(stream, dhidden, model.head_gradient(grads), hidden, packed.targets,
                                       lse, view(dlogprobs.data(), {rows}), op, arena);
    model.backward(stream, grads, dhidden, packed.batch, cache, kept, arena);
}

}  // namespace r1
