#include "infer/engine.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <list>
#include <optional>

#include "infer/decode_graph.h"
#include "infer/page_pool.h"
#include "ops/logprobs.h"

namespace r1 {
namespace {

using ops::kPage;

struct Group;

struct Sample {
    Group* group = nullptr;
    int index = 0;
    std::vector<int32_t> pages;  // its own, after the group's shared ones
    int64_t computed = 0;        // positions whose keys and values are in the cache
    Completion completion;
    std::string text;  // of the completion, where stop strings are looked for
    bool done = false;
};

struct Group {
    const Request* request = nullptr;
    size_t index = 0;
    size_t params_class = 0;      // requests with equal parameters are drawn together
    std::vector<int32_t> shared;  // whole pages of the prompt
    int64_t prompt_computed = 0;
    std::vector<Sample> samples;
    int unfinished = 0;

    int64_t prompt_size() const { return static_cast<int64_t>(request->prompt.size()); }
    int64_t shared_tokens() const { return prompt_size() / kPage * kPage; }
    int32_t token(const Sample& sample, int64_t position) const {
        return position < prompt_size()
                   ? request->prompt[static_cast<size_t>(position)]
                   : sample.completion.ids[static_cast<size_t>(position - prompt_size())];
    }
    int64_t length(const Sample& sample) const {
        return prompt_size() + static_cast<int64_t>(sample.completion.ids.size());
    }
};

// A sample whose next token is drawn from the hidden state of a row.
struct Draw {
    Sample* sample;
    int32_t row;
};

int64_t pages_for(int64_t tokens) {
    return (tokens + kPage - 1) / kPage;
}

}  // namespace

struct Engine::Impl {
    Model& model;
    EngineOptions options;
    std::function<std::string(int32_t)> token_bytes;
    Arena arena;
    std::optional<KvCache> cache;
    std::optional<PagePool> pool;
    DecodeGraphs graphs;
    int64_t prompt_tokens = 0, generated_tokens = 0;
    int64_t prompt_pages = 0;  // whole pages of prompts of the groups under way

    // of the generate() under way
    std::vector<Group> groups;
    std::deque<Group*> waiting;      // not begun
    std::vector<Group*> prefilling;  // their prompts are being computed
    std::deque<Sample*> ready;       // begun, without a place in the batch
    std::vector<Sample*> running;
    const Callbacks* callbacks = nullptr;
    ops::PackedBatch batch;
    std::vector<Draw> draws;
    std::vector<int32_t> continued;  // of a decode step: rows of the step before

    Impl(Model& m, EngineOptions o, std::function<std::string(int32_t)> bytes)
        : model(m), options(o), token_bytes(std::move(bytes)), arena(m.device()), graphs(m, o.max_sequences) {
        check(options.max_sequences > 0 && options.prefill_tokens >= 0,
              "max_sequences must be at least 1, prefill_tokens at least 0");
        const bool on_cuda = model.device() == Device::cuda;
        if (options.prefill_tokens == 0) options.prefill_tokens = on_cuda ? 16384 : 512;
    }

    void prepare(std::span<const Request> requests) {
        const int64_t context = model.config().max_position_embeddings;
        int64_t longest = 0, smallest = 0, samples = 0;
        groups.clear(), waiting.clear(), prefilling.clear(), ready.clear(), running.clear();
        groups.resize(requests.size());
        for (size_t i = 0; i < requests.size(); ++i) {
            const Request& request = requests[i];
            check(!request.prompt.empty(), "prompt ", i, " has no token");
            check(request.n > 0, "the number of samples must be at least 1, not ", request.n);
            const auto size = static_cast<int64_t>(request.prompt.size());
            check(size <= context, "prompt ", i, " has ", size, " tokens; the model's context is ", context);
            for (int32_t id : request.prompt) {
                check(id >= 0 && id < model.config().vocab_size, "prompt ", i, ": token id ", id,
                      " is outside the vocabulary of ", model.config().vocab_size);
            }
            const int64_t most = std::min<int64_t>(size + std::max(request.params.max_tokens, 0), context);
            longest = std::max(longest, pages_for(most));
            smallest = std::max(smallest, pages_for(most) + request.n);
            samples += request.n;
            Group& group = groups[i];
            group.request = &request;
            group.index = i;
            group.params_class = i;
            for (size_t j = 0; j < i && group.params_class == i; ++j) {
                if (requests[j].params == request.params) group.params_class = groups[j].params_class;
            }
            group.unfinished = request.n;
            group.samples.resize(static_cast<size_t>(request.n));
            for (int s = 0; s < request.n; ++s) {
                group.samples[static_cast<size_t>(s)].group = &group;
                group.samples[static_cast<size_t>(s)].index = s;
            }
            waiting.push_back(&group);
        }
        const auto page_bytes = static_cast<int64_t>(KvCache::bytes(model.config(), 1, model.device()));
        size_t memory = options.memory_bytes;
        if (memory == 0)
            memory = model.device() == Device::cuda ? device_memory(Device::cuda).free / 3 : size_t{4} << 30;
        int64_t pages = options.pages;
        if (pages == 0) {
            const int64_t together = std::min<int64_t>(options.max_sequences, samples);
            pages = std::min<int64_t>((together + 1) * (longest + 1) + smallest,
                                      static_cast<int64_t>(memory) / page_bytes);
        }
        check(pages >= smallest, "the key-value cache of ", pages, " pages (", pages * page_bytes >> 20,
              " MiB) is too small for the longest request, which needs ", smallest, " pages (",
              (smallest * page_bytes >> 20) + 1, " MiB); give it more memory or use shorter completions");
        if (!cache || cache->pages() < pages) {
            graphs.clear();
            cache.emplace(model.config(), pages, model.device());
        }
        pool.emplace(cache->pages());
        prompt_tokens = generated_tokens = prompt_pages = 0;
    }

    void drop_pages(Sample& sample) {
        pool->give_back(sample.pages);
        sample.computed = sample.group->shared_tokens();
    }

    // Takes the pages of a sample that waits, or of the last one in the batch's order after `place`.
    bool make_room(size_t place) {
        for (auto it = ready.rbegin(); it != ready.rend(); ++it) {
            if ((*it)->pages.empty()) continue;
            drop_pages(**it);
            return true;
        }
        if (running.size() <= place + 1) return false;
        Sample* sample = running.back();
        running.pop_back();
        drop_pages(*sample);
        ready.push_front(sample);
        return true;
    }

    // Gives the sample at `place` its own pages up to the position `end`; false if there are none to be had.
    bool reserve(size_t place, int64_t end) {
        Sample& sample = *running[place];
        const int64_t shared = static_cast<int64_t>(sample.group->shared.size());
        while (static_cast<int64_t>(sample.pages.size()) < pages_for(end) - shared) {
            if (pool->available() == 0 && !make_room(place)) return false;
            if (pool->available() > 0) sample.pages.push_back(pool->take());
        }
        return true;
    }

    void add_token(int32_t id, int64_t position) {
        batch.ids.push_back(id);
        batch.positions.push_back(static_cast<int32_t>(position));
    }
    void add_slot(int32_t page, int64_t position) {
        batch.slots.push_back(page * kPage + static_cast<int32_t>(position % kPage));
    }
    void end_token() { batch.slot_offsets.push_back(static_cast<int32_t>(batch.slots.size())); }
    void end_segment(std::span<const int32_t> shared, std::span<const int32_t> own) {
        batch.cu_seqlens.push_back(static_cast<int32_t>(batch.ids.size()));
        batch.table.insert(batch.table.end(), shared.begin(), shared.end());
        batch.table.insert(batch.table.end(), own.begin(), own.end());
        batch.table_offsets.push_back(static_cast<int32_t>(batch.table.size()));
    }

    // The tokens of a sample that are not in the cache: one where it is decoding, more after it lost its
    // pages.
    void add_sample(Sample& sample, int64_t& budget) {
        const Group& group = *sample.group;
        const int64_t length = group.length(sample);
        const int64_t end = std::min(length, sample.computed + std::max<int64_t>(budget, 1));
        if (end - sample.computed > 1) budget -= end - sample.computed;
        for (int64_t position = sample.computed; position < end; ++position) {
            add_token(group.token(sample, position), position);
            add_slot(sample.pages[static_cast<size_t>(position / kPage) - group.shared.size()], position);
            end_token();
        }
        end_segment(group.shared, sample.pages);
        sample.computed = end;
        if (end == length) draws.push_back({&sample, static_cast<int32_t>(batch.ids.size()) - 1});
    }

    // The next piece of a group's prompt. Its last, part-filled page is written for every sample.
    void add_prompt(Group& group, int64_t& budget) {
        const int64_t end = std::min(group.prompt_size(), group.prompt_computed + budget);
        for (int64_t position = group.prompt_computed; position < end; ++position) {
            add_token(group.request->prompt[static_cast<size_t>(position)], position);
            const auto page = static_cast<size_t>(position / kPage);
            if (page < group.shared.size()) {
                add_slot(group.shared[page], position);
            } else {
                for (const Sample& sample : group.samples) add_slot(sample.pages[0], position);
            }
            end_token();
        }
        end_segment(group.shared, group.samples[0].pages);
        budget -= end - group.prompt_computed;
        prompt_tokens += end - group.prompt_computed;
        group.prompt_computed = end;
        if (end < group.prompt_size()) return;
        for (Sample& sample : group.samples) {
            sample.computed = end;
            draws.push_back({&sample, static_cast<int32_t>(batch.ids.size()) - 1});
        }
    }

    int64_t most_tokens(const Group& group) const {  // of one of its samples, prompt included
        return std::min<int64_t>(group.prompt_size() + std::max(group.request->params.max_tokens, 0),
                                 model.config().max_position_embeddings);
    }

    // Whether one sample of any group under way could grow to its end if all others gave up their own pages
    // once this group has begun too. Prompts' whole pages are never given up, nor are pages of prompts that
    // are being computed; so without this the cache could fill with prompts and nothing would go on.
    bool fits(const Group& next) const {
        int64_t kept = prompt_pages, own = 0;
        const auto add = [&](const Group& group) {
            own = std::max(own, pages_for(most_tokens(group)) - group.prompt_size() / kPage);
        };
        const auto add_prompt_of = [&](const Group& group) {
            kept += group.prompt_size() % kPage ? group.request->n : 0;
            add(group);
        };
        for (const Group* group : prefilling) add_prompt_of(*group);
        for (const Sample* sample : running) add(*sample->group);
        for (const Sample* sample : ready) add(*sample->group);
        add_prompt_of(next);
        return kept + next.prompt_size() / kPage + own <= cache->pages();
    }

    // `expected` samples are under way.
    bool begin_group(size_t expected) {
        Group& group = *waiting.front();
        const int64_t shared = group.prompt_size() / kPage;
        const int64_t parts = group.prompt_size() % kPage ? group.request->n : 0;
        // One page more for each sample under way, so that a new group does not at once displace them.
        const int64_t growth = expected ? static_cast<int64_t>(expected) + group.request->n : 0;
        if (pool->available() < shared + parts + growth || !fits(group)) return false;
        for (int64_t p = 0; p < shared; ++p) group.shared.push_back(pool->take());
        prompt_pages += shared;
        if (parts) {
            for (Sample& sample : group.samples) sample.pages.push_back(pool->take());
        }
        prefilling.push_back(&group);
        waiting.pop_front();
        return true;
    }

    void admit() {
        const auto places = static_cast<size_t>(options.max_sequences);
        while (running.size() < places && !ready.empty()) {
            running.push_back(ready.front());
            ready.pop_front();
        }
        size_t expected = running.size() + ready.size();
        for (const Group* group : prefilling) expected += group->samples.size();
        while (expected < places && !waiting.empty()) {
            const size_t samples = waiting.front()->samples.size();
            if (!begin_group(expected)) break;
            expected += samples;
        }
    }

    void finish(Sample& sample, FinishReason reason) {
        sample.completion.finish_reason = reason;
        sample.done = true;
        pool->give_back(sample.pages);
        Group& group = *sample.group;
        if (--group.unfinished == 0) {
            prompt_pages -= static_cast<int64_t>(group.shared.size());
            pool->give_back(group.shared);
        }
        if (callbacks->complete) callbacks->complete(group.index, sample.index, sample.completion);
    }

    void accept(Sample& sample, int32_t token, float logprob) {
        const Group& group = *sample.group;
        const SamplingParams& params = group.request->params;
        Completion& completion = sample.completion;
        completion.ids.push_back(token);
        completion.logprobs.push_back(logprob);
        ++generated_tokens;
        if (callbacks->token) callbacks->token(group.index, sample.index, token);
        if (std::find(params.stop_ids.begin(), params.stop_ids.end(), token) != params.stop_ids.end()) {
            return finish(sample, FinishReason::stop);
        }
        if (!params.stop.empty() && token_bytes) {
            const std::string piece = token_bytes(token);
            const size_t before = sample.text.size();
            sample.text += piece;
            size_t found = std::string::npos;
            for (const auto& stop : params.stop) {
                if (stop.empty()) continue;
                const size_t from = before >= stop.size() - 1 ? before - (stop.size() - 1) : 0;
                found = std::min(found, sample.text.find(stop, from));
            }
            if (found != std::string::npos) {
                completion.text_end = found;
                return finish(sample, FinishReason::stop);
            }
        }
        const auto count = static_cast<int64_t>(completion.ids.size());
        if (count >= params.max_tokens || group.length(sample) >= model.config().max_position_embeddings) {
            finish(sample, FinishReason::length);
        }
    }

    // Divides the logits of tokens that occurred; on the host, as few ask for it.
    void penalize(Stream& stream, size_t begin, size_t end, TensorView logits, float penalty) {
        const int64_t v = logits.dim(1);
        std::vector<float> row(static_cast<size_t>(v));
        for (size_t i = begin; i < end; ++i) {
            const Sample& sample = *draws[i].sample;
            std::vector<int32_t> occurred = sample.group->request->prompt;
            occurred.insert(occurred.end(), sample.completion.ids.begin(), sample.completion.ids.end());
            const TensorView there = ops::logits_rows(stream, logits, static_cast<int64_t>(i - begin), 1);
            download(stream, row.data(), there);
            ops::repetition_penalty(row, occurred, penalty);
            upload(stream, there, row.data());
        }
    }

    static float inverse_temperature(const SamplingParams& params) {  // infinite: the largest logit
        return params.temperature == 0.0f ? std::numeric_limits<float>::infinity()
                                          : 1.0f / params.temperature;
    }

    // Draws a token for each of draws [begin, end), which have equal parameters and whose logits are given.
    void draw(Stream& stream, size_t begin, size_t end, TensorView logits, TensorView tokens,
              TensorView logprobs) {
        const SamplingParams& params = draws[begin].sample->group->request->params;
        const float inv_temperature = inverse_temperature(params);
        if (params.repetition_penalty != 1.0f)
            penalize(stream, begin, end, logits, params.repetition_penalty);
        if (params.filter.active() && params.temperature != 0.0f)
            ops::filter_logits(stream, logits, params.filter, inv_temperature);
        ops::sample_with_logprobs(stream, tokens, logprobs, logits, inv_temperature, keys_of(begin, end),
                                  arena);
    }

    std::vector<SampleKey> keys_of(size_t begin, size_t end) const {
        std::vector<SampleKey> keys;
        for (size_t i = begin; i < end; ++i) {
            const Sample& sample = *draws[i].sample;
            const Request& request = *sample.group->request;
            keys.push_back({request.seed, request.step, request.prompt_index,
                            static_cast<uint32_t>(sample.index), static_cast<uint32_t>(sample.computed)});
        }
        return keys;
    }

    // Whether a step is the next token of each sample and no more, all drawn alike from whole distributions.
    bool only_decodes() const {
        if (draws.empty() || std::ssize(draws) != batch.tokens() || batch.segments() != batch.tokens() ||
            std::ssize(batch.slots) != batch.tokens())
            return false;
        const Group& first = *draws.front().sample->group;
        const SamplingParams& params = first.request->params;
        const auto by_row = [](const Draw& a, const Draw& b) { return a.row < b.row; };
        return first.params_class == draws.back().sample->group->params_class && !params.filter.active() &&
               params.repetition_penalty == 1.0f && std::is_sorted(draws.begin(), draws.end(), by_row);
    }

    // Makes the batch of the step after one that is under way, of which only the number of tokens is known;
    // false where more has to be known first.
    bool add_next_step(const std::vector<Draw>& under_way) {
        const int64_t context = model.config().max_position_embeddings;
        const auto goes_on = [&](const Sample& sample) {  // unless the token under way stops it
            const int64_t most = sample.group->request->params.max_tokens;
            return !sample.done && std::ssize(sample.completion.ids) + 1 < most &&
                   sample.computed + 1 < context;
        };
        const auto needs_page = [&](const Sample& sample) {
            return std::ssize(sample.group->shared) + std::ssize(sample.pages) <
                   pages_for(sample.computed + 1);
        };
        int64_t pages = 0;
        bool places = false;
        for (const Draw& draw : under_way) {
            const bool stays = goes_on(*draw.sample);
            places |= !stays;
            pages += stays && needs_page(*draw.sample);
        }
        if ((places && !(waiting.empty() && ready.empty())) || pages > pool->available() ||
            (callbacks->cancelled && callbacks->cancelled()))
            return false;
        batch.clear(), draws.clear(), continued.clear();
        for (const Draw& draw : under_way) {
            Sample& sample = *draw.sample;
            if (!goes_on(sample)) continue;
            if (needs_page(sample)) sample.pages.push_back(pool->take());
            const int64_t position = sample.computed++;
            add_token(0, position);
            add_slot(sample.pages[static_cast<size_t>(position / kPage) - sample.group->shared.size()],
                     position);
            end_token();
            end_segment(sample.group->shared, sample.pages);
            continued.push_back(draw.row);
            draws.push_back({&sample, static_cast<int32_t>(std::ssize(draws))});
        }
        return !draws.empty();
    }

    // This step, and those that follow it without a change of the batch but for samples that end. Each is
    // enqueued before the host sees what the one before it drew; what it then computes of a sample that has
    // ended is not used.
    void decode_by_graph(Stream& stream) {
        const float inverse = inverse_temperature(draws.front().sample->group->request->params);
        const auto enqueue = [&] {
            return graphs.enqueue(stream, batch, continued, *cache, inverse, keys_of(0, draws.size()), arena);
        };
        continued.clear();
        const bool all_running = draws.size() == running.size();
        for (auto step = enqueue(); step.count > 0;) {
            const std::vector<Draw> under_way = draws;
            const bool next = all_running && add_next_step(under_way);
            const DecodeGraphs::Pending after = next ? enqueue() : DecodeGraphs::Pending{};
            const auto drawn = graphs.fetch(step);
            for (const Draw& draw : under_way) {
                if (draw.sample->done) continue;
                const auto row = static_cast<size_t>(draw.row);
                if (drawn.tokens[row] < 0) ops::fail_sampling(row);
                accept(*draw.sample, drawn.tokens[row], drawn.logprobs[row]);
            }
            step = after;
        }
    }

    // Draws all tokens where the stream computes, then fetches them at once.
    void draw_all(Stream& stream, TensorView logits) {
        const auto count = static_cast<int64_t>(draws.size());
        const TensorView drawn = arena.take(DType::i32, {2, count});  // tokens, then the bits of the logprobs
        auto* tokens = drawn.as<int32_t>();
        auto* logprobs = reinterpret_cast<float*>(tokens + count);
        for (size_t begin = 0; begin < draws.size();) {
            size_t end = begin + 1;
            const size_t params_class = draws[begin].sample->group->params_class;
            while (end < draws.size() && draws[end].sample->group->params_class == params_class) ++end;
            const auto first = static_cast<int64_t>(begin), rows = static_cast<int64_t>(end - begin);
            draw(stream, begin, end, ops::logits_rows(stream, logits, first, rows),
                 {tokens + first, DType::i32, {rows}}, view(logprobs + first, {rows}));
            begin = end;
        }
        std::vector<int32_t> fetched(2 * draws.size());
        download(stream, fetched.data(), drawn);
        for (size_t i = 0; i < draws.size(); ++i) {
            if (fetched[i] < 0) ops::fail_sampling(i);
            accept(*draws[i].sample, fetched[i], std::bit_cast<float>(fetched[draws.size() + i]));
        }
    }

    void step(Stream& stream) {
        batch.clear();
        draws.clear();
        int64_t budget = options.prefill_tokens;
        for (size_t i = 0; i < running.size(); ++i) {  // shrinks from behind where pages run out
            Sample& sample = *running[i];
            const int64_t end = sample.computed + std::max<int64_t>(budget, 1);
            if (reserve(i, std::min(sample.group->length(sample), end))) {
                add_sample(sample, budget);
                continue;
            }
            check(i > 0, "the key-value cache is too small for one sequence of ", end,
                  " tokens beside the prompts that wait; give it more memory or use smaller groups");
            drop_pages(sample);
            running.pop_back();
            ready.push_front(&sample);
        }
        std::vector<Group*> unfinished;
        for (Group* group : prefilling) {
            if (budget > 0) add_prompt(*group, budget);
            if (group->prompt_computed < group->prompt_size()) unfinished.push_back(group);
        }
        prefilling.swap(unfinished);
        std::stable_sort(draws.begin(), draws.end(), [](const Draw& a, const Draw& b) {
            return a.sample->group->params_class < b.sample->group->params_class;
        });

        if (stream.on_cuda() && only_decodes()) {
            decode_by_graph(stream);
        } else {
            compute(stream);
        }
        for (const Draw& d : draws) {
            const bool first = d.sample->completion.ids.size() == 1;
            if (first && !d.sample->done) ready.push_back(d.sample);
        }
        std::erase_if(running, [](const Sample* sample) { return sample->done; });
    }

    // A step of any kind.
    void compute(Stream& stream) {
        ArenaScope scope(arena);
        std::vector<int32_t> rows;
        for (const Draw& d : draws) rows.push_back(d.row);
        const TensorView hidden = model.forward(stream, batch, *cache, rows, arena);
        const TensorView logits = ops::take_logits(stream, hidden.dim(0), model.config().vocab_size, arena);
        ops::linear_forward(stream, logits, hidden, model.head(), {}, {});
        draw_all(stream, logits);
    }
};

Engine::Engine(Model& model, EngineOptions options, std::function<std::string(int32_t)> token_bytes)
    : impl_(std::make_unique<Impl>(model, options, std::move(token_bytes))) {}
Engine::~Engine() = default;

std::vector<std::vector<Completion>> Engine::generate(Stream& stream, std::span<const Request> requests,
                                                      const Callbacks& callbacks) {
    Impl& engine = *impl_;
    engine.prepare(requests);
    engine.callbacks = &callbacks;
    for (Group& group : engine.groups) {  // nothing to draw: an empty completion
        if (group.request->params.max_tokens > 0) continue;
        for (Sample& sample : group.samples) engine.finish(sample, FinishReason::length);
        std::erase(engine.waiting, &group);
    }
    for (;;) {
        engine.admit();
        if (engine.running.empty() && engine.prefilling.empty()) break;
        if (callbacks.cancelled && callbacks.cancelled()) break;
        engine.step(stream);
    }
    std::vector<std::vector<Completion>> results;
    for (Group& group : engine.groups) {
        auto& completions = results.emplace_back();
        for (Sample& sample : group.samples) completions.push_back(std::move(sample.completion));
    }
    return results;
}

int64_t Engine::prompt_tokens() const {
    return impl_->prompt_tokens;
}
int64_t Engine::generated_tokens() const {
    return impl_->generated_tokens;
}

}  // namespace r1
