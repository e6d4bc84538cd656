// Generation: continuous batching over a paged cache. A group's prompt is computed once; finished samples
// leave at once and waiting ones take their place; a sample that finds no page gives its own back and is
// computed again later, to the same bits. Random numbers are keyed by (seed, step, prompt, sample, position),
// so what is drawn depends on none of this.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "infer/sampling_params.h"
#include "model/model.h"

namespace r1 {

struct Request {
    std::vector<int32_t> prompt;  // at least one token
    int n = 1;                    // samples
    SamplingParams params;
    uint64_t seed = 0;
    uint32_t step = 0, prompt_index = 0;
};

struct EngineOptions {
    int max_sequences = 64;   // samples decoded together
    int prefill_tokens = 0;   // prompt tokens taken into one step; 0 = 512, on CUDA 16384
    int64_t pages = 0;        // 0 = enough for max_sequences of the longest request, within memory_bytes
    size_t memory_bytes = 0;  // 0 = 4 GiB, on CUDA a third of what is free
};

class Engine {
  public:
    // `token_bytes` gives a token's text; it is needed for stop strings alone and may be empty.
    Engine(Model& model, EngineOptions options, std::function<std::string(int32_t)> token_bytes = {});
    ~Engine();

    // Called on the calling thread for each new token, and when a sample is complete.
    struct Callbacks {
        std::function<void(size_t request, int sample, int32_t token)> token;
        std::function<void(size_t request, int sample, const Completion&)> complete;
        std::function<bool()> cancelled;  // looked at once a step; the samples then end as they are (length)
    };
    // [request][sample]. Throws if a prompt and its max_tokens do not fit the model's context or the cache.
    std::vector<std::vector<Completion>> generate(Stream& stream, std::span<const Request> requests,
                                                  const Callbacks& callbacks = {});
    int64_t prompt_tokens() const;     // computed by the last generate()
    int64_t generated_tokens() const;  // drawn by the last generate()

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace r1
