#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/text_model.h"
#include "cli/verbs.h"
#include "data/rows.h"
#include "formats/json.h"
#include "formats/safetensors.h"
#include "rl/batch_gradient.h"
#include "rl/exactness.h"
#include "rl/policy_update.h"

namespace r1::cli {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

struct Config {
    ModelFlags model;
    std::string input, gradients;
    uint64_t seed = 0;
    int64_t tokens = 0;
    bool json = false;
    RlConfig loss;
};

// The settings of the loss are those of a run, under the same names.
constexpr const char* kLossOptions[] = {"rl.loss_type",
                                        "rl.importance_sampling_level",
                                        "rl.epsilon",
                                        "rl.epsilon_high",
                                        "rl.delta",
                                        "rl.beta",
                                        "rl.kl_estimator",
                                        "rl.use_bias_correction_kl",
                                        "rl.max_completion_length",
                                        "rl.temperature",
                                        "rl.top_k",
                                        "rl.top_p",
                                        "rl.min_p",
                                        "train.micro_batch_tokens",
                                        "train.gradient_checkpointing"};

std::vector<Option> options(Config& c) {
    auto list = model_options(c.model);
    list.push_back({.name = "input",
                    .target = &c.input,
                    .help = "JSON lines: prompts, or with --gradients the batch",
                    .value = "FILE"});
    list.push_back({.name = "gradients",
                    .target = &c.gradients,
                    .help = "Write the gradients of the batch to this safetensors file",
                    .value = "FILE"});
    list.push_back({.name = "seed", .target = &c.seed, .help = "Seed of what is drawn"});
    list.push_back({.name = "tokens",
                    .target = &c.tokens,
                    .help = "Tokens of random prompts and completions; 0 = by the model's size",
                    .range = {0, 1e9}});
    list.push_back({.name = "json", .target = &c.json, .help = "One JSON line for each comparison"});
    const std::vector<Option> all = rl_options(c.loss);
    for (const char* name : kLossOptions) {
        Option option = *find_option(all, name);
        option.name = option.name.substr(option.name.find('.') + 1);
        list.push_back(std::move(option));
    }
    return list;
}

// Visits the objects of a file, with the line named in errors.
void for_each_row(const std::string& path,
                  const std::function<void(const json&, const std::string&)>& visit) {
    for_each_line(read_file(path), [&](std::string_view line, size_t number) {
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
        const std::string where = cat(path, ":", number);
        const json row = parse_json(line, where);
        check(row.is_object(), where, " is not a JSON object");
        try {
            visit(row, std::string(line));
        } catch (const Error& error) {
            fail(where, ": ", error.what());
        }
    });
}

std::vector<std::vector<int32_t>> read_prompts(const TextModel& source, const std::string& path) {
    std::vector<std::vector<int32_t>> prompts;
    if (path.empty()) return prompts;
    for_each_row(path, [&](const json& row, const std::string& line) {
        prompts.push_back(source.ids(row, line, row.contains("text") ? "text" : "prompt", true));
    });
    check(!prompts.empty(), path, " has no line");
    return prompts;
}

// Length without the continuation bytes of UTF-8.
int columns(const std::string& text) {
    return static_cast<int>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

void print_row(const Config& c, DType dtype, const ExactnessRow& row) {
    if (c.json) {
        print(ordered_json{{"weights", name_of(dtype)},
                           {"check", row.what},
                           {"compared", row.compared},
                           {"different", row.different},
                           {"max_difference", std::isinf(row.difference) ? ordered_json("another token")
                                                                         : ordered_json(row.difference)}}
                  .dump() +
              "\n");
        return;
    }
    char numbers[64];
    std::snprintf(numbers, sizeof numbers, "%14lld  %g\n", static_cast<long long>(row.compared),
                  row.difference);
    const std::string what = cat(name_of(dtype), "  ", row.what);
    print(what + std::string(static_cast<size_t>(std::max(1, 60 - columns(what))), ' ') + numbers);
}

int check_bits(Stream& stream, const Config& c) {
    int64_t different = 0, compared = 0;
    const std::vector<DType> dtypes =
        stream.on_cuda() ? std::vector{DType::bf16} : std::vector{DType::f32, DType::bf16};
    for (const DType dtype : dtypes) {
        const TextModel source = load_text_model(stream, c.model, dtype);
        const ExactnessOptions exactness{c.seed, read_prompts(source, c.input), c.tokens};
        if (dtype == dtypes.front() && !c.json)
            print(
                "Rollout and training, bit for bit                                 compared  max "
                "|difference|\n");
        check_exactness(stream, *source.model, exactness, [&](const ExactnessRow& row) {
            different += row.different, compared += row.compared;
            print_row(c, dtype, row);
        });
    }
    if (!c.json) {
        print(different == 0 ? cat("All ", compared, " values are the same, bit for bit.\n")
                             : cat(different, " of ", compared, " values DIFFER.\n"));
    }
    return different == 0 ? 0 : 1;
}

int write_gradients(Stream& stream, const Config& c) {
    check(!c.input.empty(), "--gradients needs --input FILE, the batch as JSON lines");
    const TextModel source = load_text_model(stream, c.model, weight_dtype(c.model));
    Model& model = *source.model;
    std::vector<LossRow> rows;
    for_each_row(c.input, [&](const json& row, const std::string&) {
        rows.push_back(parse_loss_row(row, model.config().vocab_size));
    });
    check(!rows.empty(), c.input, " has no line");
    model.pack(stream, true);
    const Buffer sums(DType::f32, model.trainable_weights().shape, model.device());
    const PolicyStats stats = batch_gradient(stream, model, sums.view(), rows, c.loss);
    const HostTensor grads(sums.view(), model.device());
    const double tokens = std::max(stats.tokens, 1.0);
    const bool per_sequence = policy_loss_options(c.loss).sequence_level;
    const double ratios = per_sequence ? static_cast<double>(rows.size()) : tokens;
    const ordered_json out = {{"loss", stats.loss},
                              {"rows", rows.size()},
                              {"tokens", stats.tokens},
                              {"kl", stats.kl / tokens},
                              {"entropy", stats.entropy / tokens},
                              {"clip_ratio/low_mean", stats.clip_low / ratios},
                              {"clip_ratio/high_mean", stats.clip_high / ratios},
                              {"sampling/sampling_logp_difference/max", stats.logp_difference_max}};
    std::vector<NamedTensor> tensors;
    for (const Parameter& parameter : model.trainable_parameters()) {
        tensors.push_back(
            {parameter.spec.name, view(grads.as<float>() + parameter.offset, parameter.spec.shape)});
    }
    write_safetensors(c.gradients, tensors, {}, {{"format", "pt"}, {"loss", out.at("loss").dump()}});
    print(out.dump() + "\n");
    return 0;
}

int run(const Config& c) {
    Runtime runtime = make_runtime(c.model);
    return c.gradients.empty() ? check_bits(runtime.stream(), c) : write_gradients(runtime.stream(), c);
}

}  // namespace

Verb check_verb() {
    return make_verb<Config>(
        "check", "Prove that rollout and training compute the same bits here",
        "Draws completions of random prompts, or of the file --input with lines {\"prompt\"} or {\"text\"} "
        "or "
        "{\"ids\"}; computes their log-probabilities again in other batches, with other cuts of the prompts, "
        "with too little memory, as training does, with 1 to 4 threads and every instruction set of the "
        "processor, and the gradients likewise; and compares the bits. The exit code is 1 if any differ.\n"
        "With --gradients FILE: the loss of the batch --input and its gradient under the parameters' names. "
        "Its lines: {\"ids\", \"completion_mask\", \"advantages\", \"old_logprobs\", \"ref_logprobs\"}, "
        "lists "
        "with an entry for each id or for the last ones; ids whose mask is 0 are context. Without "
        "\"old_logprobs\" the ratio is 1. The loss is printed as JSON.",
        options, run);
}

}  // namespace r1::cli
