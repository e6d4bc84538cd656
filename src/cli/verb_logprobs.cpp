#include <nlohmann/json.hpp>

#include "cli/jsonl.h"
#include "cli/text_model.h"
#include "cli/verbs.h"
#include "infer/score.h"

namespace r1::cli {
namespace {

struct Config {
    ModelFlags model;
    int top = 0;
};

std::vector<Option> options(Config& c) {
    auto list = model_options(c.model);
    list.push_back({.name = "top",
                    .target = &c.top,
                    .help = "Give the K most likely tokens at each position too",
                    .range = {0, 1e6},
                    .value = "K"});
    return list;
}

nlohmann::ordered_json to_json(const std::vector<TokenLogprob>& tokens) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& token : tokens) list.push_back({token.id, token.logprob});
    return list;
}

int run(const Config& c) {
    Runtime runtime = make_runtime(c.model);
    Stream& stream = runtime.stream();
    const TextModel source = load_text_model(stream, c.model, weight_dtype(c.model));
    Arena arena(stream.device);
    return answer_lines(
        [&](const nlohmann::json& request, const std::string& line) -> nlohmann::ordered_json {
            const std::vector<int32_t> ids = source.ids(request, line, "text", false);
            PackedSamples packed;
            packed.add_document(ids);
            auto logprobs = nlohmann::ordered_json::array({nullptr});  // nothing predicts the first
            for (const float value : score(stream, *source.model, packed, 1.0f, {}, arena).logprobs)
                logprobs.push_back(value);
            nlohmann::ordered_json out = {{"ids", ids}, {"logprobs", std::move(logprobs)}};
            if (c.top > 0) {
                const auto rows = top_logprobs(stream, *source.model, ids, c.top, arena);
                auto top = nlohmann::ordered_json::array({nullptr});
                for (size_t t = 0; t + 1 < rows.size(); ++t) top.push_back(to_json(rows[t]));
                out["top"] = std::move(top);
                out["next"] = to_json(rows.back());
            }
            return out;
        });
}

}  // namespace

Verb logprobs_verb() {
    return make_verb<Config>(
        "logprobs", "Log-probabilities of the tokens of a text (JSON lines)",
        "Reads JSON lines from standard input and answers each with one:\n"
        "  {\"text\": \"…\"} or {\"ids\": […]} or {\"messages\": […]}  ->  {\"ids\": […], \"logprobs\": "
        "[…]}\n"
        "\"logprobs\" are natural logarithms at temperature 1, one for each id; the first is null, as "
        "nothing "
        "comes before it. With --top K also \"top\", the K most likely tokens at each of these positions as "
        "lists of [id, logprob], best first (the first is null), and \"next\", those after the last id. "
        "\"add_special\": true adds the special tokens that the model's tokeniser puts around a text.",
        options, run);
}

}  // namespace r1::cli
