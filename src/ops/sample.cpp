#include "ops/sample.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "ops/cpu/kernels.h"
#include "ops/math.h"

namespace r1::ops {
namespace {

void filter_row(float* row, int64_t v, const LogitFilter& filter, float inv_temperature) {
    // Largest first; ties by the lowest id. A greedy row (inv_temperature = inf) is ordered by its plain
    // logits.
    const float scale = std::isinf(inv_temperature) ? 1.0f : inv_temperature;
    std::vector<int32_t> order(static_cast<size_t>(v));
    std::iota(order.begin(), order.end(), 0);
    const auto larger = [&](int32_t a, int32_t b) { return row[a] != row[b] ? row[a] > row[b] : a < b; };
    auto keep = static_cast<size_t>(filter.top_k > 0 ? std::min<int64_t>(filter.top_k, v) : v);
    if (keep < order.size()) {
        std::nth_element(order.begin(), order.begin() + static_cast<int64_t>(keep), order.end(), larger);
    }
    std::sort(order.begin(), order.begin() + static_cast<int64_t>(keep), larger);
    const double top = static_cast<double>(row[order[0]]) * static_cast<double>(scale);
    const auto weight = [&](size_t i) {
        return exact_exp(static_cast<double>(row[order[i]]) * static_cast<double>(scale) - top);
    };
    if (filter.top_p < 1.0f) {
        double total = 0.0, reached = 0.0;
        for (size_t i = 0; i < keep; ++i) total += weight(i);
        size_t count = 0;
        while (count < keep && (count == 0 || reached < static_cast<double>(filter.top_p) * total))
            reached += weight(count++);
        keep = count;
    }
    if (filter.min_p > 0.0f) {
        while (keep > 1 && weight(keep - 1) < static_cast<double>(filter.min_p)) --keep;
    }
    for (size_t i = keep; i < order.size(); ++i) row[order[i]] = -std::numeric_limits<float>::infinity();
}

}  // namespace

void filter_logits(Stream& stream, TensorView logits, const LogitFilter& filter, float inv_temperature) {
    check(filter.top_k >= 0 && filter.top_p > 0.0f && filter.min_p >= 0.0f && filter.min_p <= 1.0f,
          "top_k must be at least 0, top_p above 0, min_p within 0 … 1; they are ", filter.top_k, ", ",
          filter.top_p, ", ", filter.min_p);
    float* data = logits.as<float>();
    const int64_t v = logits.dim(1);
    stream.pool->parallel(logits.dim(0), 1, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
            // a NaN has no place in an order: such a row is left for the sampler to name
            const float* row = data + r * v;
            if (std::none_of(row, row + v, [](float x) { return std::isnan(x); })) {
                filter_row(data + r * v, v, filter, inv_temperature);
            }
        }
    });
}

void repetition_penalty(std::span<float> logits, std::span<const int32_t> occurred, float penalty) {
    std::vector<bool> seen(logits.size());
    for (int32_t token : occurred) {
        const auto i = static_cast<size_t>(token);
        check(token >= 0 && i < logits.size(), "repetition_penalty: token ", token,
              " is outside the vocabulary");
        if (seen[i]) continue;
        seen[i] = true;
        logits[i] = logits[i] > 0.0f ? logits[i] / penalty : logits[i] * penalty;
    }
}

void sample(Stream& stream, std::span<int32_t> tokens, ConstTensorView logits, ConstTensorView lse,
            std::span<const float> inv_temperature, std::span<const SampleKey> keys) {
    const int64_t rows = logits.dim(0);
    check(static_cast<int64_t>(tokens.size()) == rows && lse.numel() == rows &&
              static_cast<int64_t>(inv_temperature.size()) == rows &&
              static_cast<int64_t>(keys.size()) == rows,
          "sample: ", tokens.size(), " tokens, lse ", lse, " or the keys do not fit logits ", logits);
    std::vector<float> uniform(keys.size());
    std::transform(keys.begin(), keys.end(), uniform.begin(), sample_uniform);
    cpu::kernels(stream).sample(*stream.pool, tokens.data(), logits.as<float>(), lse.as<float>(),
                                inv_temperature.data(), uniform.data(), rows, logits.dim(1));
    for (size_t r = 0; r < tokens.size(); ++r) {
        check(tokens[r] >= 0, "sample: row ", r,
              " has a NaN among its logits; the weights have diverged: go back to an "
              "earlier checkpoint and lower the learning rate");
    }
}

}  // namespace r1::ops
