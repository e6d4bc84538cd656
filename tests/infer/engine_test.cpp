#include "infer/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "formats/temp_folder.h"
#include "infer/score.h"
#include "infer/tiny_model.h"

namespace r1 {
namespace {

// Two letters a token, so that stop strings can begin and end inside of one.
std::string letters(int32_t id) {
    return {static_cast<char>('a' + id % 26), static_cast<char>('A' + id / 26)};
}

class EngineTest : public testing::Test {
  protected:
    Request request(int64_t prompt_size, int max_tokens, uint32_t index = 0) const {
        Request result;
        result.prompt = random_ids(config_, prompt_size, 100 + index);
        result.params.max_tokens = max_tokens;
        result.seed = 5, result.prompt_index = index;
        return result;
    }
    Completion one(const Request& request) { return engine_.generate(stream_, {&request, 1})[0][0]; }
    std::string error(const Request& bad) {
        return error_of([&] {
            const std::vector<Request> both{request(3, 2), bad};
            engine_.generate(stream_, both);
        });
    }

    Runtime runtime_{1};
    Stream& stream_ = runtime_.stream();
    const ModelConfig config_ = tiny_config("llama");
    std::unique_ptr<Model> model_ = tiny_model(stream_, config_);
    Engine engine_{*model_, {.max_sequences = 4, .prefill_tokens = 16}, letters};
};

TEST_F(EngineTest, AStopIdEndsACompletionAndIsPartOfIt) {
    Request r = request(5, 30);
    const Completion free = one(r);
    ASSERT_EQ(free.ids.size(), 30u);
    EXPECT_EQ(free.finish_reason, FinishReason::length);
    r.params.stop_ids = {free.ids[9]};
    const Completion stopped = one(r);
    const auto at = std::find(free.ids.begin(), free.ids.end(), free.ids[9]);
    EXPECT_EQ(stopped.ids, std::vector<int32_t>(free.ids.begin(), at + 1));
    EXPECT_EQ(stopped.logprobs.size(), stopped.ids.size());
    EXPECT_EQ(stopped.finish_reason, FinishReason::stop);
    EXPECT_EQ(stopped.text_end, std::string::npos);
}

TEST_F(EngineTest, AStopStringMayCrossTokens) {
    Request r = request(33, 30);
    const Completion free = one(r);
    std::string text;
    for (int32_t id : free.ids) text += letters(id);
    for (const auto& [begin, size] : {std::pair<size_t, size_t>{21, 4}, {20, 2}, {21, 1}, {33, 7}}) {
        const std::string stop = text.substr(begin, size);
        const size_t found = text.find(stop);
        r.params.stop = {"", "not in there", stop, stop + text.substr(begin + size, 1)};
        const Completion stopped = one(r);
        const size_t tokens = (found + size + 1) / 2;  // that one in which the string ends is the last
        EXPECT_EQ(stopped.ids,
                  std::vector<int32_t>(free.ids.begin(), free.ids.begin() + static_cast<int64_t>(tokens)));
        EXPECT_EQ(stopped.text_end, found);
        EXPECT_EQ(stopped.finish_reason, FinishReason::stop);
    }
    r.params.stop = {text.substr(0, 1), text.substr(1, 1)};  // both in the first token: the earlier counts
    EXPECT_EQ(one(r).text_end, 0u);
    EXPECT_EQ(one(r).ids.size(), 1u);
}

TEST_F(EngineTest, NoTokenAndOneToken) {
    std::vector<Request> requests{request(3, 0), request(40, 1), request(3, -5), request(32, 1)};
    for (auto& r : requests) r.n = 3;
    size_t complete = 0;
    Engine::Callbacks callbacks;
    callbacks.complete = [&](size_t, int, const Completion&) { ++complete; };
    const auto results = engine_.generate(stream_, requests, callbacks);
    EXPECT_EQ(complete, 12u);
    for (size_t i = 0; i < requests.size(); ++i) {
        ASSERT_EQ(results[i].size(), 3u);
        for (const auto& completion : results[i]) {
            EXPECT_EQ(completion.ids.size(), i % 2);
            EXPECT_EQ(completion.logprobs.size(), i % 2);
            EXPECT_EQ(completion.finish_reason, FinishReason::length);
        }
    }
    EXPECT_EQ(engine_.prompt_tokens(), 72);
    EXPECT_EQ(engine_.generated_tokens(), 6);
    EXPECT_TRUE(engine_.generate(stream_, {}).empty());
}

TEST_F(EngineTest, TheContextEndsACompletion) {
    for (const int64_t size : {150, 159, 160}) {
        const Request r = request(size, 1000);
        const Completion completion = one(r);
        EXPECT_EQ(static_cast<int64_t>(completion.ids.size()), std::max<int64_t>(160 - size, 1));
        EXPECT_EQ(completion.finish_reason, FinishReason::length);
        PackedSamples packed;
        const std::span<const int32_t> ids(completion.ids);
        packed.add_group(r.prompt, {&ids, 1});
        Arena arena;
        EXPECT_EQ(score(stream_, *model_, packed, 1.0f, {}, arena).logprobs, completion.logprobs);
    }
}

TEST_F(EngineTest, GreedyTakesTheMostLikelyAndRecordsThePlainLogProbability) {
    Request r = request(7, 12);
    r.params.temperature = 0.0f;
    r.params.filter = {.top_k = 3, .top_p = 0.5f};
    const Completion completion = one(r);
    std::vector<int32_t> ids = r.prompt;
    ids.insert(ids.end(), completion.ids.begin(), completion.ids.end());
    Arena arena;
    const auto rows = logprob_rows(stream_, *model_, ids, arena);
    for (size_t t = 0; t < completion.ids.size(); ++t) {
        const auto row = rows.begin() + static_cast<int64_t>((r.prompt.size() - 1 + t) * 61);
        EXPECT_EQ(completion.ids[t], std::max_element(row, row + 61) - row);
        EXPECT_EQ(completion.logprobs[t], *std::max_element(row, row + 61));
    }
    r.seed = 6, r.step = 9;
    EXPECT_EQ(one(r).ids, completion.ids);
}

TEST_F(EngineTest, WhatIsDrawnDependsOnSeedStepPromptAndSample) {
    Request r = request(4, 20);
    r.n = 2;
    const auto first = engine_.generate(stream_, {&r, 1});
    EXPECT_NE(first[0][0].ids, first[0][1].ids);
    for (int change = 0; change < 3; ++change) {
        Request other = r;
        if (change == 0) ++other.seed;
        if (change == 1) ++other.step;
        if (change == 2) ++other.prompt_index;
        EXPECT_NE(engine_.generate(stream_, {&other, 1})[0][0].ids, first[0][0].ids) << change;
    }
    EXPECT_EQ(engine_.generate(stream_, {&r, 1})[0][1].ids, first[0][1].ids);
}

TEST_F(EngineTest, FiltersBoundWhatIsDrawn) {
    Request r = request(4, 40);
    r.params.temperature = 3.0f;
    r.params.filter.top_k = 2;
    const Completion completion = one(r);
    std::vector<int32_t> ids = r.prompt;
    ids.insert(ids.end(), completion.ids.begin(), completion.ids.end());
    Arena arena;
    const auto rows = logprob_rows(stream_, *model_, ids, arena);
    int second = 0;
    for (size_t t = 0; t < completion.ids.size(); ++t) {
        const float* row = &rows[(r.prompt.size() - 1 + t) * 61];
        const auto larger = std::count_if(row, row + 61, [&](float x) { return x > row[completion.ids[t]]; });
        EXPECT_LT(larger, 2);
        second += larger == 1;
    }
    EXPECT_GT(second, 5);
}

TEST_F(EngineTest, ARepetitionPenaltyKeepsTokensFromComingAgain) {
    Request r = request(3, 20);
    r.params.temperature = 0.0f;
    const auto distinct = [](const Completion& c) {
        return std::set<int32_t>(c.ids.begin(), c.ids.end()).size();
    };
    EXPECT_LT(distinct(one(r)), 20u);
    r.params.repetition_penalty = 1e6f;
    const Completion completion = one(r);
    EXPECT_EQ(distinct(completion), 20u);
    for (int32_t id : r.prompt) EXPECT_EQ(std::count(completion.ids.begin(), completion.ids.end(), id), 0);
}

TEST_F(EngineTest, CallbacksTellEachTokenInOrderThenTheCompletion) {
    std::vector<Request> requests;
    for (uint32_t i = 0; i < 5; ++i) {
        requests.push_back(request(10 * i + 1, static_cast<int>(5 * i) + 1, i));
        requests.back().n = 2;
    }
    std::map<std::pair<size_t, int>, std::vector<int32_t>> tokens;
    std::set<std::pair<size_t, int>> done;
    Engine::Callbacks callbacks;
    callbacks.token = [&](size_t r, int s, int32_t token) {
        EXPECT_FALSE(done.contains({r, s}));
        tokens[{r, s}].push_back(token);
    };
    callbacks.complete = [&](size_t r, int s, const Completion& completion) {
        EXPECT_TRUE(done.insert({r, s}).second);
        const std::vector<int32_t> told = tokens[{r, s}];
        EXPECT_EQ(told, completion.ids);
    };
    const auto results = engine_.generate(stream_, requests, callbacks);
    EXPECT_EQ(done.size(), 10u);
    for (size_t r = 0; r < 5; ++r) {
        for (size_t s = 0; s < 2; ++s) {
            const std::vector<int32_t> told = tokens[{r, static_cast<int>(s)}];
            EXPECT_EQ(results[r][s].ids, told);
        }
    }
}

TEST_F(EngineTest, CancellingEndsTheSamplesAsTheyAre) {
    std::vector<Request> requests;
    for (uint32_t i = 0; i < 7; ++i) requests.push_back(request(20, 30, i));
    const auto whole = engine_.generate(stream_, requests);
    for (const int looks : {0, 7, 40}) {
        int looked = 0;
        Engine::Callbacks callbacks;
        callbacks.cancelled = [&] { return looked++ == looks; };
        const auto results = engine_.generate(stream_, requests, callbacks);
        ASSERT_EQ(results.size(), 7u);
        size_t tokens = 0;
        for (size_t i = 0; i < 7; ++i) {
            const auto& ids = results[i].at(0).ids;
            ASSERT_LE(ids.size(), 30u);
            EXPECT_TRUE(std::equal(ids.begin(), ids.end(), whole[i][0].ids.begin()));
            EXPECT_EQ(results[i][0].logprobs.size(), ids.size());
            tokens += ids.size();
        }
        EXPECT_LT(tokens, 7u * 30u);
        EXPECT_EQ(tokens == 0, looks == 0);
        EXPECT_EQ(tokens > 4 * 30, looks == 40);
    }
    EXPECT_EQ(engine_.generate(stream_, requests)[6][0].ids, whole[6][0].ids);
}

TEST_F(EngineTest, AfterAnErrorTheEngineGoesOn) {
    const Request good = request(40, 20);
    const Completion want = one(good);
    const auto with = [&](const auto& change) {
        Request r = good;
        change(r);
        return error(r);
    };
    EXPECT_NE(with([](Request& r) { r.prompt.clear(); }).find("prompt 1 has no token"), std::string::npos);
    EXPECT_NE(with([](Request& r) { r.prompt[3] = 61; }).find("token id 61"), std::string::npos);
    EXPECT_NE(with([](Request& r) { r.prompt[3] = -1; }).find("token id -1"), std::string::npos);
    EXPECT_NE(with([](Request& r) { r.n = 0; }).find("at least 1"), std::string::npos);
    EXPECT_NE(with([](Request& r) { r.prompt.resize(161); }).find("context is 160"), std::string::npos);
    EXPECT_NE(with([](Request& r) { r.params.filter.top_p = -1.0f; }).find("top_p"), std::string::npos);
    EXPECT_EQ(one(good).ids, want.ids);

    Engine::Callbacks callbacks;
    callbacks.token = [](size_t, int, int32_t) { fail("the reader has gone"); };
    EXPECT_EQ(error_of([&] { engine_.generate(stream_, {&good, 1}, callbacks); }), "the reader has gone");
    EXPECT_EQ(one(good).ids, want.ids);

    float& weight = model_->parameter("model.norm.weight").as<float>()[0];
    const float before = std::exchange(weight, std::numeric_limits<float>::quiet_NaN());
    EXPECT_NE(error_of([&] { one(good); }).find("diverged"), std::string::npos);
    weight = before;
    EXPECT_EQ(one(good).ids, want.ids);
}

TEST_F(EngineTest, ACacheThatIsTooSmallIsNamed) {
    Engine small(*model_, {.pages = 3});
    const std::vector<Request> requests{request(3, 2), request(40, 60, 1)};
    const std::string message = error_of([&] { small.generate(stream_, requests); });
    EXPECT_NE(message.find("3 pages"), std::string::npos) << message;
    EXPECT_NE(message.find("5 pages"), std::string::npos) << message;
    EXPECT_EQ(small.generate(stream_, {requests.data(), 1})[0][0].ids, one(requests[0]).ids);
    Engine enough(*model_, {.pages = 5});
    EXPECT_EQ(enough.generate(stream_, requests)[1][0].ids, one(requests[1]).ids);
    Engine poor(*model_, {.memory_bytes = 1000});
    EXPECT_NE(error_of([&] { poor.generate(stream_, requests); }).find("too small"), std::string::npos);
    EXPECT_NE(error_of([&] { Engine none(*model_, {.max_sequences = 0}); }).find("max_sequences"),
              std::string::npos);
}

// Prompts alone must not fill the cache: then no sample could grow.
TEST_F(EngineTest, ManyLongPromptsShareASmallCache) {
    std::vector<Request> requests;
    for (uint32_t i = 0; i < 12; ++i) {
        requests.push_back(request(64 + i % 3, 90, i));
        requests.back().n = 1 + static_cast<int>(i % 2);
    }
    Engine plenty(*model_, {.max_sequences = 12});
    const auto want = plenty.generate(stream_, requests);
    for (const int64_t pages : {7, 11}) {
        for (const int prefill_tokens : {7, 512}) {
            Engine small(*model_, {.max_sequences = 12, .prefill_tokens = prefill_tokens, .pages = pages});
            const auto got = small.generate(stream_, requests);
            for (size_t i = 0; i < requests.size(); ++i) {
                for (size_t s = 0; s < got[i].size(); ++s) EXPECT_EQ(got[i][s].logprobs, want[i][s].logprobs);
            }
        }
    }
}

}  // namespace
}  // namespace r1
