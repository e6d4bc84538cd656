#include "infer/score.h"

#include "ops/logprobs.h"

namespace r1 {

Scores score(Stream& stream, Model& model, const PackedSamples& packed, float temperature,
             const ops::LogitFilter& filter, Arena& arena) {
    const auto rows = static_cast<int64_t>(packed.rows.size());
    Scores scores;
    for (auto* values : {&scores.logprobs, &scores.lse, &scores.entropy}) values->resize(packed.rows.size());
    if (rows == 0) return scores;
    ArenaScope scope(arena);
    const KvCache cache(model.config(), packed.pages, arena);
    const TensorView hidden = model.forward(stream, packed.batch, cache, packed.rows, arena);
    const ops::LinearCrossEntropy op{model.head(), model.head_transposed(), 1.0f / temperature, filter};
    ops::linear_cross_entropy_forward(stream, view(scores.logprobs.data(), {rows}),
                                      view(scores.lse.data(), {rows}), view(scores.entropy.data(), {rows}),
                                      hidden, packed.targets, op, arena);
    return scores;
}

std::vector<float> logprob_rows(Stream& stream, Model& model, std::span<const int32_t> ids, Arena& arena) {
    ArenaScope scope(arena);
    PackedSamples packed;
    // a document leaves out its last token's row; a token that is never read asks for it
    std::vector<int32_t> extended(ids.begin(), ids.end());
    extended.push_back(ids.empty() ? 0 : ids.back());
    packed.add_document(extended);
    const KvCache cache(model.config(), packed.pages, arena);
    const TensorView hidden = model.forward(stream, packed.batch, cache, packed.rows, arena);
    const int64_t rows = hidden.dim(0), v = model.config().vocab_size;
    std::vector<float> result(static_cast<size_t>(rows * v));
    const TensorView logits = view(result.data(), {rows, v});
    const TensorView lse = arena.take(DType::f32, {rows});
    ops::linear_forward(stream, logits, hidden, model.head(), {}, {});
    ops::logprobs_forward(stream, {}, lse, {}, logits, {}, 1.0f);
    for (int64_t r = 0; r < rows; ++r) {
        for (int64_t i = 0; i < v; ++i) result[static_cast<size_t>(r * v + i)] -= lse.as<float>()[r];
    }
    return result;
}

}  // namespace r1
