#include "rl/exactness.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/rng.h"
#include "infer/engine.h"
#include "train/backprop.h"

namespace r1 {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Thread counts that are tried, whatever the machine has.
constexpr int kThreads[] = {1, 2, 3, 4};

void compare(ExactnessRow& row, std::span<const float> got, std::span<const float> want) {
    check(got.size() == want.size(), row.what, ": ", got.size(), " values instead of ", want.size());
    row.compared += std::ssize(want);
    if (got.empty() || std::memcmp(got.data(), want.data(), got.size_bytes()) == 0) return;
    for (size_t i = 0; i < got.size(); ++i) {
        if (std::memcmp(&got[i], &want[i], sizeof(float)) == 0) continue;
        const double difference = std::abs(static_cast<double>(got[i]) - static_cast<double>(want[i]));
        row.difference = std::max(row.difference, std::isnan(difference) ? kInfinity : difference);
        ++row.different;
    }
}

void compare(ExactnessRow& row, const Completion& got, const Completion& want) {
    if (got.ids == want.ids) return compare(row, got.logprobs, want.logprobs);
    row.compared += std::ssize(want.ids);
    row.different += std::ssize(want.ids);
    row.difference = kInfinity;
}

// A sample, by its place in the requests.
struct Member {
    size_t request, sample;
};

class Exactness {
  public:
    Exactness(Stream& stream, Model& model, const ExactnessOptions& options,
              const std::function<void(const ExactnessRow&)>& report)
        : stream_(stream), model_(model), rng_(options.seed), report_(report), arena_(model.device()) {
        make_requests(options);
    }

    void run() {
        model_.pack(stream_, true);
        completions_ = Engine(model_, {}).generate(stream_, requests_);
        check_rollouts();
        check_scores();
        check_gradients();
    }

  private:
    // Lengths around the edges of a page, so that prompts end inside pages and completions cross into new
    // ones.
    void make_requests(const ExactnessOptions& options) {
        const auto vocab = static_cast<uint32_t>(model_.config().vocab_size);
        const int64_t context = model_.config().max_position_embeddings;
        const int longest = static_cast<int>(std::clamp<int64_t>(context / 2, 1, 2 * ops::kPage + 8));
        int64_t tokens = options.tokens;
        if (tokens == 0)
            tokens = std::clamp<int64_t>(int64_t{40'000'000'000} / model_.parameter_count(), 360, 1800);
        const auto add = [&](std::vector<int32_t> prompt) {
            Request request;
            request.prompt = std::move(prompt);
            request.n = rng_.range(1, 4);
            request.seed = options.seed;
            request.prompt_index = static_cast<uint32_t>(requests_.size());
            request.params.max_tokens = rng_.range(1, std::min(longest, ops::kPage + 8));
            switch (rng_.below(4)) {
                case 0:
                    request.params.temperature = 0.7f;
                    request.params.filter.top_p = 0.9f;
                    break;
                case 1:
                    request.params.temperature = 1.3f;
                    request.params.filter.top_k = 40;
                    break;
                default:
                    break;
            }
            tokens -= tokens_of(request);
            requests_.push_back(std::move(request));
        };
        for (const auto& prompt : options.prompts) add(prompt);
        while (options.prompts.empty() && (tokens > 0 || requests_.size() < 4)) {
            std::vector<int32_t> prompt(static_cast<size_t>(rng_.range(1, longest)));
            for (int32_t& id : prompt) id = static_cast<int32_t>(rng_.below(vocab));
            add(std::move(prompt));
        }
    }

    void rollout(Stream& stream, const EngineOptions& options, std::span<const size_t> order,
                 ExactnessRow& row) {
        std::vector<Request> requests;
        for (const size_t r : order) requests.push_back(requests_[r]);
        const auto got = Engine(model_, options).generate(stream, requests);
        for (size_t i = 0; i < order.size(); ++i) {
            for (size_t s = 0; s < got[i].size(); ++s) compare(row, got[i][s], completions_[order[i]][s]);
        }
    }

    // The requests of a rollout in a random order, and a cache that hardly holds the largest one.
    EngineOptions random_engine(std::vector<size_t>& order) {
        order = every();
        rng_.shuffle(order);
        EngineOptions options;
        options.max_sequences = rng_.range(1, 12);
        options.prefill_tokens = rng_.range(1, 100);
        for (const Request& request : requests_) {
            const auto most = std::min<int64_t>(std::ssize(request.prompt) + request.params.max_tokens,
                                                model_.config().max_position_embeddings);
            const int64_t pages = (most + ops::kPage - 1) / ops::kPage;
            options.pages = std::max(options.pages, pages + request.n + rng_.range(0, 1));
        }
        return options;
    }

    std::vector<size_t> every() const {
        std::vector<size_t> all(requests_.size());
        for (size_t i = 0; i < all.size(); ++i) all[i] = i;
        return all;
    }

    // All requests; where the instruction set is slow and the model large, the shortest one.
    std::vector<size_t> few(Isa isa) const {
        const bool slow = isa == Isa::portable && model_.parameter_count() > 10'000'000;
        if (!slow) return every();
        const auto shortest =
            std::min_element(requests_.begin(), requests_.end(),
                             [](const Request& a, const Request& b) { return tokens_of(a) < tokens_of(b); });
        return {static_cast<size_t>(shortest - requests_.begin())};
    }

    static int64_t tokens_of(const Request& request) {
        return std::ssize(request.prompt) + int64_t{request.n} * request.params.max_tokens;
    }

    void check_rollouts() {
        ExactnessRow mixes{"rollout: batch mixes, prefill chunks, full caches"};
        std::vector<size_t> order;
        for (int i = 0; i < 4; ++i) {
            const EngineOptions options = random_engine(order);
            rollout(stream_, options, order, mixes);
        }
        for (const size_t r : every()) rollout(stream_, {}, std::span(&r, 1), mixes);
        report_(mixes);
        for_each_stream(
            "rollout", [&](Stream& stream, ExactnessRow& row) { rollout(stream, {}, few(stream.isa), row); });
    }

    // One row for the thread counts, one for the instruction sets.
    void for_each_stream(const std::string& what, const std::function<void(Stream&, ExactnessRow&)>& action) {
        if (stream_.on_cuda()) {  // there the processor computes nothing
            ExactnessRow again{what + ": once more"};
            action(stream_, again);
            return report_(again);
        }
        ExactnessRow threads{what + ": 1, 2, 3, 4 threads"};
        for (const int count : kThreads) {
            ThreadPool pool(count);
            Stream stream = stream_;
            stream.pool = &pool;
            action(stream, threads);
        }
        report_(threads);
        ExactnessRow isas{what + ":"};
        for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
            if (!isa_supported(isa)) continue;
            isas.what += std::string(isas.what.ends_with(':') ? " " : ", ") + name_of(isa);
            Stream stream = stream_;
            stream.isa = isa;
            action(stream, isas);
        }
        report_(isas);
    }

    std::vector<Member> members(std::span<const size_t> requests) const {
        std::vector<Member> all;
        for (const size_t r : requests) {
            for (size_t s = 0; s < completions_[r].size(); ++s) all.push_back({r, s});
        }
        return all;
    }

    // Samples of one request that are side by side share its prompt.
    PackedSamples pack(std::span<const Member> part) const {
        PackedSamples packed;
        for (size_t begin = 0, end = 0; begin < part.size(); begin = end) {
            std::vector<std::span<const int32_t>> completions;
            for (; end < part.size() && part[end].request == part[begin].request; ++end)
                completions.push_back(completion(part[end]).ids);
            packed.add_group(requests_[part[begin].request].prompt, completions);
        }
        return packed;
    }
    const Completion& completion(const Member& m) const { return completions_[m.request][m.sample]; }
    std::vector<float> rollout_logprobs(std::span<const Member> part) const {
        std::vector<float> all;
        for (const Member& m : part)
            all.insert(all.end(), completion(m).logprobs.begin(), completion(m).logprobs.end());
        return all;
    }

    // Cuts samples, most_samples at a time, into pieces that were drawn in the same way.
    void for_each_piece(
        std::span<const Member> all, size_t most_samples,
        const std::function<void(std::span<const Member>, const SamplingParams&)>& action) const {
        for (size_t begin = 0, end = 0; begin < all.size(); begin = end) {
            const SamplingParams& params = requests_[all[begin].request].params;
            const auto same = [&](const SamplingParams& other) {
                return other.temperature == params.temperature && other.filter == params.filter;
            };
            while (end < all.size() && end - begin < most_samples && same(requests_[all[end].request].params))
                ++end;
            action(all.subspan(begin, end - begin), params);
        }
    }

    void scores(Stream& stream, std::span<const Member> all, size_t most_samples, ExactnessRow& row) {
        for_each_piece(all, most_samples, [&](std::span<const Member> part, const SamplingParams& params) {
            const Scores got = score(stream, model_, pack(part), params.temperature, params.filter, arena_);
            compare(row, got.logprobs, rollout_logprobs(part));
        });
    }

    void check_scores() {
        auto all = members(every());
        ExactnessRow shared{"scoring: packed, prompts shared"}, alone{"scoring: one by one"},
            random{"scoring: other orders and cuts"};
        scores(stream_, all, all.size(), shared);
        report_(shared);
        scores(stream_, all, 1, alone);
        report_(alone);
        for (int i = 0; i < 2; ++i) {
            rng_.shuffle(all);
            scores(stream_, all, static_cast<size_t>(rng_.range(2, 7)), random);
        }
        report_(random);
        for_each_stream("scoring", [&](Stream& stream, ExactnessRow& row) {
            scores(stream, members(few(stream.isa)), all.size(), row);
        });
    }

    // The gradient of a weighted sum of the log-probabilities; `row` compares these with the rollout's.
    std::vector<float> gradient(Stream& stream, std::span<const Member> all, bool recompute,
                                ExactnessRow& row) {
        const Buffer grads(DType::f32, model_.trainable_weights().shape, model_.device());
        for_each_piece(all, all.size(), [&](std::span<const Member> part, const SamplingParams& params) {
            const auto want = rollout_logprobs(part);
            backprop(
                stream, model_, grads.view(), pack(part), {params.temperature, params.filter, recompute},
                [&](const Scores& got, std::span<float> dlogprobs) {
                    compare(row, got.logprobs, want);
                    Rng weights(want.size());
                    for (float& d : dlogprobs) d = weights.normal();
                },
                arena_);
        });
        const HostTensor values(grads.view(), model_.device());
        return {values.as<float>(), values.as<float>() + values.view().numel()};
    }

    void check_gradients() {
        const auto all = members(every());
        ExactnessRow training{"training pass"};
        const auto want = gradient(stream_, all, false, training);
        ExactnessRow recomputed{"gradient: activations recomputed"};
        compare(recomputed, gradient(stream_, all, true, training), want);
        ExactnessRow threads;
        std::vector<float> want_few;
        const auto compare_gradients = [&](Stream& stream, ExactnessRow& row) {
            const auto part = members(few(stream.isa));
            const bool whole = part.size() == all.size();
            if (!whole && want_few.empty()) want_few = gradient(stream_, part, false, training);
            compare(row, gradient(stream, part, false, training), whole ? want : want_few);
        };
        report_(recomputed);
        for_each_stream("gradient", compare_gradients);
        training.what += " (all of the above)";
        report_(training);
    }

    Stream& stream_;
    Model& model_;
    Rng rng_;
    const std::function<void(const ExactnessRow&)>& report_;
    Arena arena_;
    std::vector<Request> requests_;
    std::vector<std::vector<Completion>> completions_;  // of the first rollout, which all else must equal
};

}  // namespace

void check_exactness(Stream& stream, Model& model, const ExactnessOptions& options,
                     const std::function<void(const ExactnessRow&)>& row) {
    Exactness(stream, model, options, row).run();
}

}  // namespace r1
