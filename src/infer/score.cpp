#include "infer/score.h"

#include <algorithm>
#include <numeric>

#include "ops/logprobs.h"

namespace r1 {
namespace {

// The hidden state of each token of a sequence [T, C].
TensorView hidden_of(Stream& stream, Model& model, std::span<const int32_t> ids, Arena& arena) {
    PackedSamples packed;
    // a document leaves out its last token's row; a token that is never read asks for it
    std::vector<int32_t> extended(ids.begin(), ids.end());
    extended.push_back(ids.empty() ? 0 : ids.back());
    packed.add_document(extended);
    const KvCache cache(model.config(), packed.pages, arena);
    return model.forward(stream, packed.batch, cache, packed.rows, arena);
}

std::vector<TokenLogprob> best(const float* logits, int64_t v, float lse, int k) {
    std::vector<int32_t> order(static_cast<size_t>(v));
    std::iota(order.begin(), order.end(), 0);
    const auto end = order.begin() + std::min<int64_t>(k, v);
    std::partial_sort(order.begin(), end, order.end(), [&](int32_t a, int32_t b) {
        return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
    });
    std::vector<TokenLogprob> tokens;
    for (auto id = order.begin(); id != end; ++id) tokens.push_back({*id, logits[*id] - lse});
    return tokens;
}

}  // namespace

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
    const TensorView hidden = hidden_of(stream, model, ids, arena);
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

std::vector<std::vector<TokenLogprob>> top_logprobs(Stream& stream, Model& model,
                                                    std::span<const int32_t> ids, int k, Arena& arena) {
    constexpr int64_t kRows = 32;  // whose logits are held at a time
    ArenaScope scope(arena);
    const TensorView hidden = hidden_of(stream, model, ids, arena);
    const int64_t rows = hidden.dim(0), c = hidden.dim(1), v = model.config().vocab_size;
    std::vector<std::vector<TokenLogprob>> result(static_cast<size_t>(rows));
    for (int64_t begin = 0; begin < rows; begin += kRows) {
        ArenaScope chunk(arena);
        const int64_t count = std::min(kRows, rows - begin);
        const TensorView logits = arena.take(DType::f32, {count, v}), lse = arena.take(DType::f32, {count});
        ops::linear_forward(stream, logits, view(hidden.as<float>() + begin * c, {count, c}), model.head(),
                            {}, {});
        ops::logprobs_forward(stream, {}, lse, {}, logits, {}, 1.0f);
        stream.pool->parallel(count, 1, [&](int64_t first, int64_t last) {
            for (int64_t r = first; r < last; ++r) {
                result[static_cast<size_t>(begin + r)] =
                    best(logits.as<float>() + r * v, v, lse.as<float>()[r], k);
            }
        });
    }
    return result;
}

}  // namespace r1
