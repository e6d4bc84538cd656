#include <nlohmann/json.hpp>

#include "cli/jsonl.h"
#include "cli/request.h"
#include "cli/text_model.h"
#include "cli/verbs.h"
#include "infer/engine.h"

namespace r1::cli {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

struct Config {
    ModelFlags model;
    int max_sequences = 64;
};

std::vector<Option> options(Config& c) {
    auto list = model_options(c.model);
    list.push_back({.name = "max_sequences",
                    .target = &c.max_sequences,
                    .help = "Completions that are decoded together, and lines that are read ahead",
                    .range = {1, 1e4}});
    return list;
}

// The line's fields over the model's own defaults.
SamplingParams sampling(const json& request, SamplingParams params) {
    const auto number = [&](const char* key, float& value, double low, double high) {
        value = static_cast<float>(number_field(request, key, static_cast<double>(value), low, high));
    };
    number("temperature", params.temperature, 0.0, 100.0);
    if (params.temperature < 1e-4f) params.temperature = 0.0f;
    number("top_p", params.filter.top_p, 0.0, 1.0);
    number("min_p", params.filter.min_p, 0.0, 1.0);
    number("repetition_penalty", params.repetition_penalty, 1e-3, 1e3);
    params.filter.top_k =
        static_cast<int>(integer_field(request, "top_k", params.filter.top_k, 0, INT32_MAX));
    params.max_tokens =
        static_cast<int>(integer_field(request, "max_tokens", params.max_tokens, 0, INT32_MAX));
    params.stop = strings_field(request, "stop");
    return params;
}

// A line that was read: what it asks for, or what is wrong with it.
struct Line {
    Request request;
    std::string error;
};

Line read_line(const TextModel& source, const std::string& text) {
    Line line;
    line.error = error_of([&] {
        const json request = parse_line(text);
        line.request.prompt = source.ids(request, text, "prompt", true);
        line.request.params = sampling(request, source.sampling);
        line.request.n = static_cast<int>(integer_field(request, "n", 1, 1, 4096));
        line.request.seed = static_cast<uint64_t>(integer_field(request, "seed", 0));
        if (!line.request.params.stop.empty()) source.need_tokenizer("stop");
    });
    return line;
}

ordered_json answer(const TextModel& source, const Request& request,
                    const std::vector<Completion>& completions) {
    auto list = ordered_json::array();
    for (const Completion& completion : completions) {
        ordered_json item;
        if (source.tokenizer) item["text"] = completion_text(*source.tokenizer, request.params, completion);
        item["ids"] = completion.ids;
        item["logprobs"] = completion.logprobs;
        item["finish_reason"] = name_of(completion.finish_reason);
        list.push_back(std::move(item));
    }
    return {{"completions", std::move(list)}};
}

// All good lines together. Where one of them cannot be done, each is done alone, so that it spoils no other;
// what is drawn does not depend on that.
std::vector<ordered_json> answers(Stream& stream, Engine& engine, const TextModel& source,
                                  const std::vector<Line>& lines) {
    std::vector<Request> requests;
    std::vector<size_t> of_line;
    std::vector<ordered_json> out(lines.size());
    for (size_t i = 0; i < lines.size(); ++i) {
        if (lines[i].error.empty()) {
            requests.push_back(lines[i].request);
            of_line.push_back(i);
        } else {
            out[i] = {{"error", lines[i].error}};
        }
    }
    const auto generate = [&](size_t begin, size_t count) {
        return error_of([&] {
            const auto part = std::span(requests).subspan(begin, count);
            const auto results = engine.generate(stream, part);
            for (size_t i = 0; i < count; ++i) out[of_line[begin + i]] = answer(source, part[i], results[i]);
        });
    };
    if (requests.empty() || generate(0, requests.size()).empty()) return out;
    for (size_t i = 0; i < requests.size(); ++i) {
        const std::string error = generate(i, 1);
        if (!error.empty()) out[of_line[i]] = {{"error", error}};
    }
    return out;
}

int run(const Config& c) {
    Runtime runtime = make_runtime(c.model);
    const TextModel source = load_text_model(runtime.stream(), c.model, weight_dtype(c.model));
    std::function<std::string(int32_t)> token_bytes;
    if (source.tokenizer) token_bytes = [&](int32_t id) { return source.tokenizer->token_bytes(id); };
    Engine engine(*source.model, {.max_sequences = c.max_sequences}, token_bytes);
    LineReader reader(STDIN_FILENO);
    while (auto text = reader.next()) {
        std::vector<Line> lines;
        lines.push_back(read_line(source, *text));
        while (std::ssize(lines) < c.max_sequences && reader.ready() && (text = reader.next()))
            lines.push_back(read_line(source, *text));
        for (const auto& line : answers(runtime.stream(), engine, source, lines)) print_line(line);
    }
    return 0;
}

}  // namespace

Verb generate_verb() {
    return make_verb<Config>(
        "generate", "Complete prompts (JSON lines)",
        "Reads JSON lines from standard input and answers each with one, in their order:\n"
        "  {\"prompt\": \"…\"} or {\"ids\": […]} or {\"messages\": […]}  ->  {\"completions\": [{\"text\", "
        "\"ids\", \"logprobs\", \"finish_reason\"}]}\n"
        "Further fields: \"max_tokens\" (256), \"temperature\" (0 = the most likely token), \"top_k\", "
        "\"top_p\", \"min_p\" and \"repetition_penalty\" (by default the model's generation_config.json), "
        "\"seed\" (0), \"n\" completions (1), \"stop\" strings.\n"
        "Lines that are there already are computed together; a completion depends on its own line alone. "
        "\"ids\" has the token or the tokens that ended a completion, \"text\" does not. \"logprobs\" are "
        "those "
        "of the distribution that was drawn from.",
        options, run);
}

}  // namespace r1::cli
