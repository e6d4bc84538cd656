#include <iomanip>
#include <sstream>
#include <string_view>

#include <nlohmann/json.hpp>

#include "cli/bench_tax.h"
#include "cli/embedded.h"
#include "cli/peak.h"
#include "cli/verbs.h"
#include "core/clock.h"
#include "core/rng.h"
#include "formats/json.h"
#include "infer/engine.h"
#include "infer/packing.h"
#include "ops/logprobs.h"
#include "rl/policy_update.h"
#include "train/backprop.h"

namespace r1::cli {
namespace {

struct Config {
    std::string model, weight_dtype = "float32", device = "cpu";
    std::string config;
    int threads = 0, prompt = 512, tokens = 64, repeat = 3;
    std::vector<int> sequences{1, 16, 64};
    int decode_prompt = 32, train_sequences = 0, train_length = 1024;
    int grpo_prompts = 2, grpo_generations = 8, grpo_tokens = 0, micro_batch_tokens = 0;
    bool json = false, tax = false;
};

std::vector<Option> options(Config& c) {
    return {{.name = "model",
             .target = &c.model,
             .help = "Folder or .gguf file; by default the embedded base",
             .value = "DIR"},
            {.name = "config",
             .target = &c.config,
             .help = "A config.json instead: random weights of that shape",
             .value = "FILE"},
            {.name = "weight_dtype",
             .target = &c.weight_dtype,
             .help = "Weights that the forward computes with",
             .choices = {"float32", "bfloat16"}},
            {.name = "device", .target = &c.device, .help = "Where to compute", .choices = {"cpu", "cuda"}},
            {.name = "threads", .target = &c.threads, .help = "Threads; 0 = all cores", .range = {0, 1024}},
            {.name = "prompt", .target = &c.prompt, .help = "Tokens of the prefill", .range = {1, 1e6}},
            {.name = "tokens",
             .target = &c.tokens,
             .help = "Tokens a sequence that are decoded",
             .range = {1, 1e6}},
            {.name = "sequences",
             .target = &c.sequences,
             .help = "Sequences decoded together",
             .range = {1, 4096}},
            {.name = "decode_prompt",
             .target = &c.decode_prompt,
             .help = "Tokens of a decoded sequence's prompt",
             .range = {1, 1e6}},
            {.name = "train_sequences",
             .target = &c.train_sequences,
             .help = "Sequences of a training step; 0 = leave this case out",
             .range = {0, 1e6}},
            {.name = "train_length", .target = &c.train_length, .help = "Tokens of each", .range = {2, 1e6}},
            {.name = "grpo_prompts",
             .target = &c.grpo_prompts,
             .help = "Prompts of a GRPO step",
             .range = {1, 1e5}},
            {.name = "grpo_generations",
             .target = &c.grpo_generations,
             .help = "Completions of each",
             .range = {1, 1e4}},
            {.name = "grpo_tokens",
             .target = &c.grpo_tokens,
             .help = "Tokens of each completion; 0 = --tokens",
             .range = {0, 1e6}},
            {.name = "micro_batch_tokens",
             .target = &c.micro_batch_tokens,
             .help = "Tokens of one forward and backward of a GRPO step; 0 = as in a run",
             .range = {0, 1e9}},
            {.name = "repeat",
             .target = &c.repeat,
             .help = "Runs of each case; the median is shown",
             .range = {1, 100}},
            {.name = "tax",
             .target = &c.tax,
             .help = "On CUDA: the model's matrix products alone, exact beside cuBLASLt's own choice"},
            {.name = "json", .target = &c.json, .help = "One JSON line a case"}};
}

// After one run that loads, plans and allocates.
template <class F>
double median_seconds(int repeat, F f) {
    f();
    std::vector<double> times;
    for (int i = 0; i < repeat; ++i) times.push_back(f());
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

std::vector<int32_t> random_tokens(Rng& rng, const Model& model, int count) {
    std::vector<int32_t> ids(static_cast<size_t>(count));
    for (auto& id : ids)
        id = static_cast<int32_t>(rng.below(static_cast<uint32_t>(model.config().vocab_size)));
    return ids;
}

struct Case {
    std::string name;
    double tokens, seconds, floor_seconds;                    // what the measured peak would take at least
    std::vector<std::pair<std::string, double>> phases = {};  // seconds of its parts
};

// Seconds of the arithmetic at the peak, and of reading the weights once a step.
double compute_floor(const Model& model, const Peak& peak, double tokens, double pairs) {
    return (tokens * model.flops_per_token() + pairs * model.flops_per_token_pair()) / (peak.gflops * 1e9);
}
double weight_bytes(const Model& model) {
    return model.flops_per_token() / 2.0 * static_cast<double>(size_of(model.weight_dtype()));
}
// Seconds of decoding some sequences token by token behind prompts that are shared by groups: each step reads
// the weights and all keys and values once, or takes its arithmetic, whichever is longer.
double decode_floor(const Model& model, const Peak& peak, int prompts, int group, int prompt, int tokens) {
    const double kv = static_cast<double>(KvCache::bytes(model.config(), 1, model.device())) / ops::kPage;
    const double sequences = static_cast<double>(prompts) * group;
    double seconds = 0.0;
    for (int t = 0; t < tokens; ++t) {
        const double bytes =
            weight_bytes(model) + kv * (static_cast<double>(prompts) * prompt + sequences * t);
        seconds += std::max(bytes / (peak.gbytes_per_s * 1e9),
                            compute_floor(model, peak, sequences, sequences * (prompt + t)));
    }
    return seconds;
}

Case bench_prefill(Stream& stream, Model& model, const Config& c, const Peak& peak) {
    Rng rng(1);
    PackedSamples packed;
    packed.add_document(random_tokens(rng, model, c.prompt + 1));
    Arena arena(stream.device);
    const std::vector<int32_t> last{c.prompt - 1};
    const double seconds = median_seconds(c.repeat, [&] {
        ArenaScope scope(arena);
        const double start = seconds_now();
        const KvCache cache(model.config(), packed.pages, arena);
        const TensorView hidden = model.forward(stream, packed.batch, cache, last, arena);
        const TensorView logits = ops::take_logits(stream, 1, model.config().vocab_size, arena);
        ops::linear_forward(stream, logits, hidden, model.head(), {}, {});
        float first = 0.0f;
        download(stream, &first, view(logits.as<float>(), {1}));  // waits
        return seconds_now() - start;
    });
    const double n = c.prompt;
    const double head =
        2.0 * model.config().vocab_size * model.config().hidden_size;  // for the last token alone
    const double floor = compute_floor(model, peak, n, n * n / 2) - (n - 1) * head / (peak.gflops * 1e9);
    return {cat("prefill ", c.prompt), n, seconds, floor};
}

// Forward, loss, backward and the optimiser's step of documents of one length.
Case bench_train(Stream& stream, Model& model, const Config& c, const Peak& peak) {
    Rng rng(4);
    PackedSamples packed;
    for (int i = 0; i < c.train_sequences; ++i)
        packed.add_document(random_tokens(rng, model, c.train_length + 1));
    model.pack(stream, true);
    Optimizer optimizer(model, {});
    Arena arena(stream.device);
    const auto step = [&] {
        const double start = seconds_now();
        optimizer.zero_grad();
        backprop(
            stream, model, optimizer.gradients(), packed, {},
            [](const Scores& scores, std::span<float> dlogprobs) {
                std::fill(dlogprobs.begin(), dlogprobs.end(),
                          -1.0f / static_cast<float>(scores.logprobs.size()));
            },
            arena);
        optimizer.step(stream, model, 0.0f);
        if (stream.on_cuda()) stream.cuda->synchronize();
        return seconds_now() - start;
    };
    const double n = static_cast<double>(c.train_sequences) * c.train_length;
    return {cat("train ", c.train_sequences, " x ", c.train_length), n, median_seconds(c.repeat, step),
            3 * compute_floor(model, peak, n, n * c.train_length / 2.0)};
}

Case bench_decode(Stream& stream, Model& model, const Config& c, const Peak& peak, int sequences) {
    const int kPrompt = c.decode_prompt;
    Rng rng(2);
    std::vector<Request> requests;
    for (int i = 0; i < sequences; ++i) {
        Request request;
        request.prompt = random_tokens(rng, model, kPrompt);
        request.prompt_index = static_cast<uint32_t>(i);
        requests.push_back(std::move(request));
    }
    Engine engine(model, {.max_sequences = sequences, .prefill_tokens = stream.on_cuda() ? 0 : 4096});
    const auto run = [&](int tokens) {
        for (auto& request : requests) request.params.max_tokens = tokens;
        const double start = seconds_now();
        engine.generate(stream, requests);
        return seconds_now() - start;
    };
    const double seconds = median_seconds(c.repeat, [&] { return run(c.tokens + 1) - run(1); });
    const double tokens = static_cast<double>(sequences) * c.tokens;
    const double floor = decode_floor(model, peak, sequences, 1, kPrompt, c.tokens);
    return {cat("decode ", sequences), tokens, seconds, floor};
}

Case bench_grpo(Stream& stream, Model& model, const Config& c, const Peak& peak) {
    const int kPrompts = c.grpo_prompts, kGenerations = c.grpo_generations, kPrompt = c.decode_prompt;
    const int tokens = c.grpo_tokens ? c.grpo_tokens : c.tokens;
    RlConfig config;
    if (stream.on_cuda()) cuda_defaults(config);
    config.max_completion_length = tokens;
    if (c.micro_batch_tokens) config.micro_batch_tokens = c.micro_batch_tokens;
    config.prompts_per_step = kPrompts, config.num_generations = kGenerations;
    Optimizer optimizer(model, {});
    model.pack(stream, true);
    Schedule schedule;
    schedule.learning_rate = 0.0f;
    Engine engine(model, {.max_sequences = kPrompts * kGenerations});
    Arena arena(stream.device);
    int64_t updates = 0;
    double rollout_seconds = 0.0;
    const double seconds = median_seconds(c.repeat, [&] {
        Rng rng(3);
        std::vector<Request> requests;
        for (int i = 0; i < kPrompts; ++i) {
            Request request;
            request.prompt = random_tokens(rng, model, kPrompt);
            request.n = kGenerations;
            request.prompt_index = static_cast<uint32_t>(i);
            request.params.max_tokens = tokens;
            requests.push_back(std::move(request));
        }
        const double start = seconds_now();
        auto results = engine.generate(stream, requests);
        rollout_seconds = seconds_now() - start;
        Rollout rollout;
        for (size_t i = 0; i < results.size(); ++i) {
            RolloutGroup group;
            group.problem.ids = requests[i].prompt;
            group.has_signal = true;
            for (size_t s = 0; s < results[i].size(); ++s) {
                RolloutSample sample;
                sample.completion = std::move(results[i][s]);
                sample.advantage = s % 2 ? 1.0f : -1.0f;
                group.samples.push_back(std::move(sample));
            }
            rollout.groups.push_back(std::move(group));
        }
        update_policy(stream, model, nullptr, optimizer, schedule, config, rollout, 1, updates, arena);
        return seconds_now() - start;
    });
    const double completion = kPrompts * kGenerations * static_cast<double>(tokens);
    const double trained = completion + kPrompts * kPrompt;
    const double prompts = kPrompts, own = tokens, prompt = kPrompt, sequences = prompts * kGenerations;
    const double pairs = prompts * prompt * prompt / 2 + sequences * own * (prompt + own / 2);
    const double floor = compute_floor(model, peak, prompts * prompt, prompts * prompt * prompt / 2) +
                         decode_floor(model, peak, kPrompts, kGenerations, kPrompt, tokens) +
                         3 * compute_floor(model, peak, trained, pairs) +
                         30.0 * static_cast<double>(model.parameter_count()) / (peak.gbytes_per_s * 1e9);
    return {cat("GRPO step ", kPrompts, " x ", kGenerations, " x ", tokens),
            completion,
            seconds,
            floor,
            {{"rollout_s", rollout_seconds}}};
}

// A table by weight and number of rows, and the sums over a model's products.
void show_tax(Stream& stream, const Config& c, const ModelConfig& config) {
    check(stream.on_cuda(), "--tax compares CUDA's matrix products; use --device cuda");
    std::vector<int64_t> rows(c.sequences.begin(), c.sequences.end());
    if (c.train_sequences > 0) rows.push_back(int64_t{c.train_sequences} * c.train_length);
    const std::vector<TaxedProduct> table = measure_tax(stream, config, rows);
    const auto show = [](const std::string& what, int64_t of_rows, double exact, double free) {
        std::ostringstream line;
        line << std::left << std::setw(23) << what << std::right << std::setw(7) << of_rows << " rows"
             << std::fixed << std::setprecision(2) << std::setw(10) << exact << " us exact" << std::setw(10)
             << free << " us free" << std::setprecision(1) << std::setw(8) << (exact / free - 1.0) * 100.0
             << " %\n";
        print(line.str());
    };
    for (const TaxedProduct& p : table) {
        std::ostringstream what;
        what << std::left << std::setw(8) << p.weight << std::right << std::setw(7) << p.n << " x "
             << std::setw(5) << p.k;
        show(what.str(), p.rows, p.exact_us, p.free_us);
    }
    for (const int64_t m : rows) {
        double exact = 0.0, free = 0.0;
        for (const TaxedProduct& p : table) {
            if (p.rows != m) continue;
            const int times = std::string_view(p.weight) == "head" ? 1 : config.num_hidden_layers;
            exact += times * p.exact_us, free += times * p.free_us;
        }
        show("all of the model", m, exact, free);
    }
}

int run(const Config& c) {
    Runtime runtime(c.threads, parse_device(c.device));
    Stream& stream = runtime.stream();
    const DType dtype = c.weight_dtype == "bfloat16" ? DType::bf16 : DType::f32;
    std::unique_ptr<Model> loaded;
    if (!c.config.empty()) {
        loaded = std::make_unique<Model>(parse_model_config(parse_json(read_file(c.config), c.config)), dtype,
                                         stream.device);
        if (!c.tax) loaded->initialize(stream, 1);
    } else {
        loaded = (c.model.empty() ? load_embedded_base(stream, dtype)
                                  : load_language_model(stream, c.model, dtype))
                     .model;
    }
    Model& model = *loaded;
    if (c.tax) {
        show_tax(stream, c, model.config());
        return 0;
    }
    const Peak peak = measure_peak(stream);
    const auto show = [&](const Case& result) {
        const double rate = result.tokens / result.seconds, of_limit = result.floor_seconds / result.seconds;
        if (c.json) {
            nlohmann::ordered_json row{{"case", result.name},
                                       {"weights", name_of(model.weight_dtype())},
                                       {"tokens_per_s", rate},
                                       {"seconds", result.seconds},
                                       {"of_limit", of_limit},
                                       {"device", name_of(stream.device)},
                                       {"threads", stream.pool->size()},
                                       {"isa", name_of(stream.isa)}};
            for (const auto& [name, seconds] : result.phases) row[name] = seconds;
            return print(row.dump() + "\n");
        }
        std::ostringstream line;
        line << std::left << std::setw(26) << result.name << std::right << std::fixed << std::setprecision(1)
             << std::setw(10) << rate << " tokens/s  " << std::setw(9) << result.seconds * 1e3 << " ms  "
             << std::setw(5) << of_limit * 100.0 << " % of the limit";
        for (const auto& [name, seconds] : result.phases)
            line << "  " << name << ' ' << std::setprecision(3) << seconds;
        line << '\n';
        print(line.str());
    };
    if (c.json) {
        print(nlohmann::ordered_json{
                  {"case", "peak"}, {"gflops", peak.gflops}, {"gbytes_per_s", peak.gbytes_per_s}}
                  .dump() +
              "\n");
    } else {
        std::ostringstream head;
        head << std::fixed << std::setprecision(1) << "This machine: " << peak.gflops << " GFLOP/s, "
             << peak.gbytes_per_s << " GB/s (" << stream.pool->size() << " threads, " << name_of(stream.isa)
             << "). Weights: " << name_of(model.weight_dtype()) << "\n";
        print(head.str());
    }
    show(bench_prefill(stream, model, c, peak));
    if (c.train_sequences > 0) show(bench_train(stream, model, c, peak));
    for (int sequences : c.sequences) show(bench_decode(stream, model, c, peak, sequences));
    show(bench_grpo(stream, model, c, peak));
    return 0;
}

}  // namespace

Verb bench_verb() {
    return make_verb<Config>(
        "bench", "Measure prefill, decoding and a GRPO step beside this machine's limits",
        "The limit of a case is the larger of its arithmetic at the measured peak and of reading the "
        "weights\n"
        "at the measured bandwidth; both peaks are measured first. Random token ids; medians.",
        options, run);
}

}  // namespace r1::cli
