// How completions are drawn.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "ops/sample.h"

namespace r1 {

struct SamplingParams {
    float temperature = 1.0f;  // 0 = greedy
    ops::LogitFilter filter;
    float repetition_penalty = 1.0f;
    int max_tokens = 256;
    std::vector<int32_t> stop_ids;  // generation ends with (and includes) any of these
    std::vector<std::string> stop;  // or when the text holds any of these; the text is cut before it
    bool operator==(const SamplingParams&) const = default;
};

enum class FinishReason : uint8_t { stop, length };
inline const char* name_of(FinishReason reason) {
    return reason == FinishReason::stop ? "stop" : "length";
}

struct Completion {
    std::vector<int32_t> ids;
    // Of the distribution each token was drawn from: after temperature, penalty and filters. At temperature
    // 0, of the plain softmax.
    std::vector<float> logprobs;
    FinishReason finish_reason = FinishReason::length;
    size_t text_end = std::string::npos;  // bytes of the text before a stop string, where one was found
};

}  // namespace r1
