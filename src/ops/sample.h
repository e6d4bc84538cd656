// Drawing a token from a row of logits. The policy π is the softmax after temperature and after the filters,
// so a recorded log-probability is that of what was drawn from.
#pragma once
#include <span>

#include "core/buffer.h"
#include "core/rng.h"
#include "core/stream.h"
#include "core/tensor.h"

namespace r1::ops {

// Applied in this order to z = logits · inv_temperature; ties are won by the lowest token id.
struct LogitFilter {
    int top_k = 0;       // keep the k largest; 0 = all
    float top_p = 1.0f;  // then the smallest set of the largest whose probabilities reach p; 1 = all
    float min_p = 0.0f;  // then those of at least min_p × the largest probability; 0 = all
    bool active() const { return top_k > 0 || top_p < 1.0f || min_p > 0.0f; }
    bool operator==(const LogitFilter&) const = default;
};

// Sets what the filter removes to −inf.
void filter_logits(Stream& stream, TensorView logits /* i/o [R, V] */, const LogitFilter& filter,
                   float inv_temperature);

// Divides the logits of tokens that occurred by the penalty where positive, multiplies where negative.
// Ref: transformers' RepetitionPenaltyLogitsProcessor
void repetition_penalty(std::span<float> logits, std::span<const int32_t> occurred, float penalty);

// Draws a token from each row of logits (filtered; as ops/logprobs.h lays them out) and writes its
// log-probability: the logarithm of the softmax at that temperature, at temperature 0 (inv_temperature = inf)
// the largest logit and that of the plain softmax. A row that has a NaN gives the token −1 on CUDA; the CPU
// throws.
void sample_with_logprobs(Stream& stream,
                          TensorView tokens,                // out [R] i32
                          TensorView logprobs,              // out [R] f32
                          ConstTensorView logits,           // in  [R, V]
                          float inv_temperature,            //
                          std::span<const SampleKey> keys,  // [R]
                          Arena& workspace);
[[noreturn]] void fail_sampling(size_t row);  // names a row with a NaN

// Inverse of the cumulative distribution in ascending token order at the key's uniform number. A row whose
// temperature is 0 (inv_temperature = inf) takes the largest logit. Throws on a row with a NaN, naming it.
void sample(Stream& stream,
            std::span<int32_t> tokens,               // out [R]
            ConstTensorView logits,                  // in  [R, V], filtered
            ConstTensorView lse,                     // in  [R], of logprobs_forward on the same row
            std::span<const float> inv_temperature,  // [R]
            std::span<const SampleKey> keys);        // [R]

}  // namespace r1::ops
