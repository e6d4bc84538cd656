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
    const ops::Indices targets = ops::upload_indices(stream, packed.targets, arena);
    Scores scores;
    const TensorView lse = score_rows(stream, scores, hidden, targets, op, arena);
    std::vector<float> dlogprobs(packed.rows.size());
    loss(scores, dlogprobs);
    const TensorView dscores = arena.take(DType::f32, {rows}),
                     dhidden = arena.take(hidden.dtype, hidden.shape);
    upload(stream, dscores, dlogprobs.data());
    ops::linear_cross_entropy_backward(stream, dhidden, model.head_gradient(grads), hidden, targets, lse,
                                       dscores, op, arena);
    model.backward(stream, grads, dhidden, packed.batch, cache, kept, arena);
}

}  // namespace r1
