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

// Logits of some rows, at temperature 1, where the processor can read them.
struct HostLogits {
    std::vector<float> values, sums;
    int64_t stride;
    const float* row(int64_t r) const { return values.data() + r * stride; }
    float lse(int64_t r) const { return sums[static_cast<size_t>(r)]; }
};

HostLogits host_logits(Stream& stream, const Model& model, ConstTensorView hidden, Arena& arena) {
    ArenaScope scope(arena);
    const int64_t rows = hidden.dim(0), v = model.config().vocab_size, stride = ops::logits_stride(stream, v);
    const TensorView logits = ops::take_logits(stream, rows, v, arena), lse = arena.take(DType::f32, {rows});
    ops::linear_forward(stream, logits, hidden, model.head(), {}, {});
    ops::logprobs_forward(stream, {}, lse, {}, logits, {}, 1.0f);
    HostLogits host{std::vector<float>(static_cast<size_t>(rows * stride)),
                    std::vector<float>(static_cast<size_t>(rows)), stride};
    download(stream, host.values.data(), view(logits.as<float>(), {rows, stride}));
    download(stream, host.sums.data(), lse);
    return host;
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

TensorView score_rows(Stream& stream, Scores& scores, ConstTensorView hidden, const ops::Indices& targets,
                      const ops::LinearCrossEntropy& op, Arena& arena) {
    const int64_t rows = hidden.dim(0);
    const TensorView all = arena.take(DType::f32, {3, rows});
    const auto part = [&](int64_t i) { return view(all.as<float>() + i * rows, {rows}); };
    ops::linear_cross_entropy_forward(stream, part(0), part(1), part(2), hidden, targets, op, arena);
    std::vector<float> values(static_cast<size_t>(3 * rows));
    download(stream, values.data(), all);
    const auto copy = [&](std::vector<float>& to, int64_t i) {
        to.assign(values.begin() + i * rows, values.begin() + (i + 1) * rows);
    };
    copy(scores.logprobs, 0), copy(scores.lse, 1), copy(scores.entropy, 2);
    return part(1);
}

Scores score(Stream& stream, Model& model, const PackedSamples& packed, float temperature,
             const ops::LogitFilter& filter, Arena& arena) {
    Scores scores;
    if (packed.rows.empty()) return scores;
    ArenaScope scope(arena);
    const KvCache cache(model.config(), packed.pages, arena);
    const TensorView hidden = model.forward(stream, packed.batch, cache, packed.rows, arena);
    const ops::LinearCrossEntropy op{model.head(), model.head_transposed(), 1.0f / temperature, filter};
    score_rows(stream, scores, hidden, ops::upload_indices(stream, packed.targets, arena), op, arena);
    return scores;
}

std::vector<float> logprob_rows(Stream& stream, Model& model, std::span<const int32_t> ids, Arena& arena) {
    ArenaScope scope(arena);
    const TensorView hidden = hidden_of(stream, model, ids, arena);
    const int64_t rows = hidden.dim(0), v = model.config().vocab_size;
    const HostLogits logits = host_logits(stream, model, hidden, arena);
    std::vector<float> result(static_cast<size_t>(rows * v));
    for (int64_t r = 0; r < rows; ++r) {
        for (int64_t i = 0; i < v; ++i)
            result[static_cast<size_t>(r * v + i)] = logits.row(r)[i] - logits.lse(r);
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
        const auto offset = begin * c * static_cast<int64_t>(size_of(hidden.dtype));
        const HostLogits logits = host_logits(
            stream, model, {static_cast<char*>(hidden.data) + offset, hidden.dtype, {count, c}}, arena);
        stream.pool->parallel(count, 1, [&](int64_t first, int64_t last) {
            for (int64_t r = first; r < last; ++r) {
                result[static_cast<size_t>(begin + r)] = best(logits.row(r), v, logits.lse(r), k);
            }
        });
    }
    return result;
}

}  // namespace r1
