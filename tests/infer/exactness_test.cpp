// The contract of exact numerics: what a sample is and the log-probabilities recorded with it are a function
// of its prompt, its parameters and the weights. Compared byte by byte.
#include <gtest/gtest.h>

#include <bit>
#include <map>

#include "infer/engine.h"
#include "infer/score.h"
#include "infer/tiny_model.h"

namespace r1 {
namespace {

constexpr int64_t kContext = 160;

// What of a completion must be the same.
struct Bytes {
    std::vector<int32_t> ids;
    std::vector<uint32_t> logprobs;
    FinishReason reason;
    bool operator==(const Bytes&) const = default;
};

std::vector<uint32_t> bits_of(std::span<const float> values) {
    std::vector<uint32_t> bits;
    for (float value : values) bits.push_back(std::bit_cast<uint32_t>(value));
    return bits;
}

Bytes bytes_of(const Completion& completion) {
    return {completion.ids, bits_of(completion.logprobs), completion.finish_reason};
}

// Prompts around the edges of pages, groups of several sizes, every kind of sampling.
std::vector<Request> make_requests(const ModelConfig& config) {
    std::vector<Request> requests;
    const int lengths[] = {1, 31, 32, 33, 64, 65}, samples[] = {2, 1, 3, 5, 1, 2};
    const int most[] = {40, 34, 10, 13, 3, 12};
    for (uint32_t i = 0; i < 6; ++i) {
        Request request;
        request.prompt = random_ids(config, lengths[i], i);
        request.n = samples[i];
        request.seed = 11, request.step = 4, request.prompt_index = i;
        SamplingParams& params = request.params;
        params.max_tokens = most[i];
        if (i == 1) params.temperature = 0.6f;
        if (i == 2) params.filter = {.top_k = 7, .top_p = 0.9f};
        if (i == 3) params.temperature = 1.7f, params.filter.min_p = 0.1f;
        if (i == 4) params.temperature = 0.0f;
        if (i == 5) params.repetition_penalty = 1.4f, params.stop_ids = {7, 30};
        requests.push_back(request);
    }
    return requests;
}

// The fewest pages with which the engine takes the requests on: samples then often displace each other.
int64_t fewest_pages(std::span<const Request> requests) {
    int64_t pages = 0;
    for (const auto& request : requests) {
        const auto size = static_cast<int64_t>(request.prompt.size());
        const int64_t most = std::min<int64_t>(size + request.params.max_tokens, kContext);
        pages = std::max(pages, (most + ops::kPage - 1) / ops::kPage + request.n);
    }
    return pages;
}

using Samples = std::map<uint32_t, std::vector<Bytes>>;  // by prompt_index

Samples generate(Stream& stream, Model& model, EngineOptions options, std::span<const Request> requests) {
    Engine engine(model, options);
    const auto results = engine.generate(stream, requests);
    Samples samples;
    for (size_t i = 0; i < requests.size(); ++i) {
        for (const auto& completion : results[i])
            samples[requests[i].prompt_index].push_back(bytes_of(completion));
    }
    return samples;
}

struct Case {
    std::string family;
    DType dtype;
    bool adapters;
};

class ExactnessTest : public testing::TestWithParam<Case> {
  protected:
    ExactnessTest() {
        if (!GetParam().adapters) return;
        model_->attach_lora({.rank = 3, .alpha = 5.0f, .target_modules = {"q_proj", "v_proj", "down_proj"}},
                            1);
        randomize_adapters(runtimes_[0].stream(), *model_);
    }
    // Another number of threads and another instruction set each time.
    Stream& next_stream() {
        constexpr size_t kThreads[] = {1, 2, 1, 3, 1, 1, 4};
        Stream& stream = runtimes_[kThreads[turn_ % 7] - 1].stream();
        stream.isa = isas_[turn_ % isas_.size()];
        ++turn_;
        return stream;
    }
    // Every request alone, one sample at a time in plenty of pages.
    Samples alone() {
        Samples samples;
        for (const auto& request : requests_) {
            samples.merge(generate(runtimes_[0].stream(), *model_, {.max_sequences = 1}, {&request, 1}));
        }
        return samples;
    }

    const ModelConfig config_ = tiny_config(GetParam().family);
    Runtime runtimes_[4] = {Runtime(1), Runtime(2), Runtime(3), Runtime(4)};
    const std::vector<Isa> isas_ = supported_isas();
    size_t turn_ = 0;
    std::unique_ptr<Model> model_ = tiny_model(runtimes_[0].stream(), config_, GetParam().dtype);
    std::vector<Request> requests_ = make_requests(config_);
};

TEST_P(ExactnessTest, BatchesChunksPagesThreadsAndInstructionSetsChangeNothing) {
    const Samples want = alone();
    ASSERT_EQ(want.size(), requests_.size());
    EXPECT_NE(want.at(0)[0].ids, want.at(0)[1].ids) << "samples of a group are drawn apart";
    const bool all = GetParam().family == "llama" && GetParam().dtype == DType::f32;
    Rng rng(3);
    for (const int max_sequences : {1, 2, 3, 7, 64}) {
        for (const int prefill_tokens : {1, 5, 31, 32, 33, 512}) {
            if (!all && !rng.chance(0.25f)) continue;
            std::vector<Request> requests = requests_;
            rng.shuffle(requests);
            if (rng.chance(0.5f)) requests.resize(2 + rng.below(5));
            const EngineOptions options{.max_sequences = max_sequences,
                                        .prefill_tokens = prefill_tokens,
                                        .pages = rng.chance(0.5f) ? fewest_pages(requests) : 0};
            Stream& stream = next_stream();
            const Samples got = generate(stream, *model_, options, requests);
            for (const auto& request : requests) {
                ASSERT_EQ(got.at(request.prompt_index), want.at(request.prompt_index))
                    << "request " << request.prompt_index << ", max_sequences " << max_sequences
                    << ", prefill_tokens " << prefill_tokens << ", pages " << options.pages << ", "
                    << stream.pool->size() << " threads, " << name_of(stream.isa);
            }
        }
    }
}

TEST_P(ExactnessTest, AGroupsSizeChangesNothing) {
    const Samples want = alone();
    for (auto& request : requests_) {
        const auto n = static_cast<size_t>(request.n);
        request.n += 3;
        auto got = generate(next_stream(), *model_, {.max_sequences = 4}, {&request, 1});
        auto& samples = got.at(request.prompt_index);
        ASSERT_EQ(samples.size(), n + 3);
        samples.resize(n);
        EXPECT_EQ(samples, want.at(request.prompt_index));
    }
}

TEST_P(ExactnessTest, ScoresAreTheLogProbabilitiesThatTheEngineRecorded) {
    Arena arena;
    for (auto& request : requests_) {
        request.params.repetition_penalty = 1.0f;  // the one thing that a scorer does not know of
        if (request.params.temperature == 0.0f) request.params.temperature = 1.0f;
    }
    Engine engine(*model_, {.max_sequences = 5, .prefill_tokens = 40});
    const auto results = engine.generate(runtimes_[0].stream(), requests_);
    for (size_t i = 0; i < requests_.size(); ++i) {
        const SamplingParams& params = requests_[i].params;
        std::vector<std::span<const int32_t>> completions;
        std::vector<float> recorded;
        for (const auto& completion : results[i]) {
            completions.push_back(completion.ids);
            recorded.insert(recorded.end(), completion.logprobs.begin(), completion.logprobs.end());
        }
        PackedSamples shared, apart, among_others;
        shared.add_group(requests_[i].prompt, completions);
        for (const auto& completion : completions) apart.add_group(requests_[i].prompt, {&completion, 1});
        among_others.add_document(random_ids(config_, 50, 9));
        const size_t others = among_others.rows.size();
        among_others.add_group(requests_[i].prompt, completions);
        among_others.add_document(random_ids(config_, 3, 10));
        const auto want = bits_of(recorded);
        const auto scored = [&](const PackedSamples& packed) {
            return score(next_stream(), *model_, packed, params.temperature, params.filter, arena).logprobs;
        };
        for (int turn = 0; turn < 2; ++turn) {
            EXPECT_EQ(bits_of(scored(shared)), want) << "request " << i;
            EXPECT_EQ(bits_of(scored(apart)), want) << "request " << i;
            const auto logprobs = scored(among_others);
            EXPECT_EQ(bits_of(std::span(logprobs).subspan(others, want.size())), want) << "request " << i;
        }
        for (float logprob : recorded) EXPECT_TRUE(logprob <= 1e-6f && logprob > -40.0f) << logprob;
    }
}

INSTANTIATE_TEST_SUITE_P(Models, ExactnessTest,
                         testing::Values(Case{"llama", DType::f32, false}, Case{"llama", DType::bf16, false},
                                         Case{"qwen2", DType::f32, false}, Case{"qwen2", DType::bf16, true},
                                         Case{"qwen3", DType::f32, true}, Case{"qwen3", DType::bf16, false}),
                         [](const auto& test) {
                             return test.param.family + "_" + name_of(test.param.dtype) +
                                    (test.param.adapters ? "_lora" : "");
                         });

}  // namespace
}  // namespace r1
