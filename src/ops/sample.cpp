#include "ops/sample.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "ops/cpu/kernels.h"
#include "ops/cuda/dispatch.h"
#include "ops/logprobs.h"
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

// What a key holds, as arrays on the device.
cuda::SampleKeys upload_keys(Stream& stream, std::span<const SampleKey> keys, Arena& workspace) {
    const size_t n = keys.size();
    std::vector<uint64_t> seeds(n);
    std::vector<uint32_t> rest(4 * n);
    for (size_t i = 0; i < n; ++i) {
        seeds[i] = keys[i].seed;
        rest[i] = keys[i].step, rest[n + i] = keys[i].prompt;
        rest[2 * n + i] = keys[i].sample, rest[3 * n + i] = keys[i].position;
    }
    const auto rows = static_cast<int64_t>(n);
    const TensorView to_seeds = workspace.take(DType::i64, {rows}),
                     to_rest = workspace.take(DType::i32, {4 * rows});
    upload(stream, to_seeds, seeds.data());
    upload(stream, to_rest, rest.data());
    const auto* at = static_cast<const uint32_t*>(to_rest.data);
    return {static_cast<const uint64_t*>(to_seeds.data), at, at + n, at + 2 * n, at + 3 * n};
}

}  // namespace

void filter_logits(Stream& stream, TensorView logits, const LogitFilter& filter, float inv_temperature) {
    check(filter.top_k >= 0 && filter.top_p > 0.0f && filter.min_p >= 0.0f && filter.min_p <= 1.0f,
          "top_k must be at least 0, top_p above 0, min_p within 0 … 1; they are ", filter.top_k, ", ",
          filter.top_p, ", ", filter.min_p);
    if constexpr (kCuda) {
        if (stream.on_cuda())
            return cuda::filter_logits(cuda::stream_of(stream), logits.as<float>(), filter.top_k,
                                       filter.top_p, filter.min_p, logits.dim(0), logits.dim(1),
                                       logits_stride(stream, logits.dim(1)), inv_temperature);
    }
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
        if (tokens[r] < 0) fail_sampling(r);
    }
}

void sample_with_logprobs(Stream& stream, TensorView tokens, TensorView logprobs, ConstTensorView logits,
                          float inv_temperature, std::span<const SampleKey> keys, Arena& workspace) {
    const int64_t rows = logits.dim(0), v = logits.dim(1);
    check(tokens.numel() == rows && logprobs.numel() == rows && std::ssize(keys) == rows, "sample: tokens ",
          tokens, ", logprobs ", logprobs, " or ", keys.size(), " keys do not fit logits ", logits);
    const std::vector<float> inverse(keys.size(), inv_temperature);
    ArenaScope scope(workspace);
    if constexpr (kCuda) {
        if (stream.on_cuda()) {
            const TensorView device_inverse = workspace.take(DType::f32, {rows});
            upload(stream, device_inverse, inverse.data());
            return cuda::sample(cuda::stream_of(stream), tokens.as<int32_t>(), logprobs.as<float>(),
                                logits.as<float>(), device_inverse.as<float>(),
                                upload_keys(stream, keys, workspace), rows, v, logits_stride(stream, v));
        }
    }
    const float scale = std::isinf(inv_temperature) ? 1.0f : inv_temperature;
    const TensorView lse = workspace.take(DType::f32, {rows});
    logprobs_forward(stream, {}, lse, {}, logits, {}, scale);
    const std::span<int32_t> drawn(tokens.as<int32_t>(), keys.size());
    sample(stream, drawn, logits, lse, inverse, keys);
    for (int64_t r = 0; r < rows; ++r) {
        const float z =
            logits.as<float>()[r * v + drawn[static_cast<size_t>(r)]] * scale;  // as logprobs_forward has it
        logprobs.as<float>()[r] = z - lse.as<float>()[r];
    }
}

void fail_sampling(size_t row) {
    fail("sample: row ", row,
         " has a NaN among its logits; the weights have diverged: go back to an earlier checkpoint and lower "
         "the "
         "learning rate");
}

}  // namespace r1::ops
