// Tiny models of every family against transformers' values (scripts/golden_models.py).
#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <set>

#include "golden/golden.h"
#include "model/model.h"
#include "ops/linear_cross_entropy.h"

namespace r1 {
namespace {

constexpr int64_t page = ops::kPage;

// Whole sequences in one batch, each with pages of its own; the pages lie in descending order.
ops::PackedBatch pack_sequences(const std::vector<std::vector<int32_t>>& sequences, int32_t& pages) {
    ops::PackedBatch batch;
    pages = 0;
    for (const auto& ids : sequences) {
        pages += static_cast<int32_t>((static_cast<int64_t>(ids.size()) + page - 1) / page);
    }
    int32_t next_page = pages;
    for (const auto& ids : sequences) {
        for (size_t t = 0; t < ids.size(); ++t) {
            if (t % page == 0) batch.table.push_back(--next_page);
            batch.ids.push_back(ids[t]);
            batch.positions.push_back(static_cast<int32_t>(t));
            batch.slots.push_back(static_cast<int32_t>(next_page * page + static_cast<int64_t>(t) % page));
            batch.slot_offsets.push_back(static_cast<int32_t>(batch.slots.size()));
        }
        batch.cu_seqlens.push_back(static_cast<int32_t>(batch.tokens()));
        batch.table_offsets.push_back(static_cast<int32_t>(batch.table.size()));
    }
    return batch;
}

// The rows that have a next token, and those tokens.
struct NextTokens {
    std::vector<int32_t> rows, targets;
};
NextTokens next_tokens(const ops::PackedBatch& batch) {
    NextTokens result;
    for (size_t b = 0; b + 1 < batch.cu_seqlens.size(); ++b) {
        for (int32_t row = batch.cu_seqlens[b]; row + 1 < batch.cu_seqlens[b + 1]; ++row) {
            result.rows.push_back(row);
            result.targets.push_back(batch.ids[static_cast<size_t>(row) + 1]);
        }
    }
    return result;
}

class GoldenModel : public testing::TestWithParam<const char*> {
  protected:
    GoldenModel()
        : folder_(golden::root / "models" / GetParam()),
          values_(folder_ / "golden.safetensors"),
          expected_(golden::read_json(folder_ / "golden.json")),
          sequences_(expected_.at("ids").get<std::vector<std::vector<int32_t>>>()),
          batch_(pack_sequences(sequences_, pages_)),
          model_(load_model_config(folder_)) {
        model_.load(runtime_.stream(), *open_tensors(folder_));
        model_.pack(runtime_.stream(), true);
    }

    ops::LinearCrossEntropy cross_entropy() const {
        ops::LinearCrossEntropy op;
        op.head = model_.head();
        op.head_transposed = model_.head_transposed();
        return op;
    }

    // The golden tensors KIND.0, KIND.1, ... one after another.
    std::vector<float> values(const std::string& kind) const {
        std::vector<float> result;
        for (size_t s = 0; s < sequences_.size(); ++s) {
            const std::string name = cat(kind, ".", s);
            if (!values_.has(name)) continue;  // a sequence of one token has no next one
            const auto part = golden::read_tensor(values_, name);
            result.insert(result.end(), part.begin(), part.end());
        }
        return result;
    }

    // The gradient of the mean loss over all next tokens.
    std::vector<float> gradient(bool recompute) {
        const ArenaScope scope(arena_);
        const KvCache cache(model_.config(), pages_, arena_);
        const NextTokens next = next_tokens(batch_);
        const auto rows = static_cast<int64_t>(next.rows.size());
        Stream& stream = runtime_.stream();
        Activations kept;
        kept.recompute = recompute;
        const TensorView hidden = model_.forward(stream, batch_, cache, next.rows, arena_, &kept);
        const ops::LinearCrossEntropy op = cross_entropy();
        const TensorView logprobs = arena_.take(DType::f32, {rows}), lse = arena_.take(DType::f32, {rows});
        ops::linear_cross_entropy_forward(stream, logprobs, lse, {}, hidden, next.targets, op, arena_);
        const float* begin = logprobs.as<float>();
        loss_ = -std::accumulate(begin, begin + rows, 0.0) / static_cast<double>(rows);

        std::vector<float> grads(static_cast<size_t>(model_.parameter_count()), 0.0f);
        const std::vector<float> dlogprobs(next.rows.size(), -1.0f / static_cast<float>(rows));
        const TensorView flat = view(grads.data(), {model_.parameter_count()});
        const TensorView dhidden = arena_.take(DType::f32, hidden.shape);
        ops::linear_cross_entropy_backward(stream, dhidden, model_.head_gradient(flat), hidden, next.targets,
                                           lse, view(dlogprobs.data(), {rows}), op, arena_);
        model_.backward(stream, flat, dhidden, batch_, cache, kept, arena_);
        return grads;
    }

    fs::path folder_;
    Safetensors values_;
    nlohmann::json expected_;
    std::vector<std::vector<int32_t>> sequences_;
    int32_t pages_ = 0;
    ops::PackedBatch batch_;
    Runtime runtime_{2};
    Arena arena_;
    Model model_;
    double loss_ = 0.0;
};

TEST_P(GoldenModel, ParametersAreThoseOfTheFile) {
    const Safetensors stored(folder_);
    const std::vector<std::string> names = stored.names();
    std::set<std::string> missing(names.begin(), names.end());
    for (const ParameterSpec& spec : parameter_specs(model_.config())) {
        EXPECT_EQ(missing.erase(spec.name), 1u) << spec.name;
        EXPECT_EQ(stored.shape(spec.name), spec.shape) << spec.name;
    }
    EXPECT_TRUE(missing.empty()) << *missing.begin();
}

TEST_P(GoldenModel, Logits) {
    const KvCache cache(model_.config(), pages_);
    std::vector<int32_t> rows(static_cast<size_t>(batch_.tokens()));
    std::iota(rows.begin(), rows.end(), 0);
    const TensorView hidden = model_.forward(runtime_.stream(), batch_, cache, rows, arena_);
    const TensorView logits = arena_.take(DType::f32, {batch_.tokens(), model_.config().vocab_size});
    ops::linear_forward(runtime_.stream(), logits, hidden, model_.head(), {}, {});
    const std::vector<float> want = values("logits");
    ASSERT_EQ(logits.numel(), static_cast<int64_t>(want.size()));
    EXPECT_LE(golden::distance(std::span(logits.as<float>(), want.size()), want), golden::kLogits);
}

TEST_P(GoldenModel, LogprobsAndEntropies) {
    const KvCache cache(model_.config(), pages_);
    const NextTokens next = next_tokens(batch_);
    std::vector<float> logprobs(next.rows.size()), lse(next.rows.size()), entropy(next.rows.size());
    const auto flat = [](std::vector<float>& x) { return view(x.data(), {static_cast<int64_t>(x.size())}); };
    const TensorView hidden = model_.forward(runtime_.stream(), batch_, cache, next.rows, arena_);
    ops::linear_cross_entropy_forward(runtime_.stream(), flat(logprobs), flat(lse), flat(entropy), hidden,
                                      next.targets, cross_entropy(), arena_);
    EXPECT_LE(golden::distance(logprobs, values("logprobs")), golden::kLogits);
    EXPECT_LE(golden::distance(entropy, values("entropy")), golden::kLogits);
}

TEST_P(GoldenModel, LossAndGradients) {
    const std::vector<float> grads = gradient(false);
    EXPECT_NEAR(loss_, expected_.at("loss").get<double>(), golden::kLogits);
    for (const Parameter& parameter : model_.parameters()) {
        const std::span got(grads.data() + parameter.offset,
                            static_cast<size_t>(parameter.spec.shape.numel()));
        const auto want = golden::read_tensor(values_, "grad." + parameter.spec.name);
        EXPECT_LE(golden::relative_distance(got, want), golden::kGradient) << parameter.spec.name;
    }
}

TEST_P(GoldenModel, RecomputedActivationsGiveTheSameGradients) {
    EXPECT_EQ(gradient(false), gradient(true));
}

INSTANTIATE_TEST_SUITE_P(Transformers, GoldenModel, testing::ValuesIn(golden::models),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace r1
