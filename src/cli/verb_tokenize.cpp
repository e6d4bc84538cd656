#include <nlohmann/json.hpp>

#include "cli/jsonl.h"
#include "cli/request.h"
#include "cli/verbs.h"
#include "text/tokenizer.h"

namespace r1::cli {
namespace {

struct Config {
    std::string model;
};

std::vector<Option> options(Config& c) {
    return {{.name = "model",
             .target = &c.model,
             .help = "Model folder, tokenizer.json or GGUF file",
             .value = "DIR_OR_FILE",
             .required = true}};
}

nlohmann::ordered_json answer(const Tokenizer& tokenizer, const nlohmann::json& request) {
    if (has_field(request, "text")) {
        const bool add_special = bool_field(request, "add_special", false);
        return {{"ids", tokenizer.encode(string_field(request, "text"), add_special)}};
    }
    if (has_field(request, "ids")) {
        return {{"text", tokenizer.decode(ids_field(request, "ids", tokenizer.vocab_size()))}};
    }
    fail("the line needs \"text\" or \"ids\"");
}

int run(const Config& c) {
    const Tokenizer tokenizer = Tokenizer::load(c.model);
    return answer_lines([&](const nlohmann::json& request) { return answer(tokenizer, request); });
}

}  // namespace

Verb tokenize_verb() {
    return make_verb<Config>(
        "tokenize", "Text to token ids and back (JSON lines)",
        "Reads JSON lines from standard input and answers each with one:\n"
        "  {\"text\": \"…\"}  ->  {\"ids\": […]}\n"
        "  {\"ids\": […]}    ->  {\"text\": \"…\"}\n"
        "Special tokens written in a text are recognised; \"add_special\": true adds those that the "
        "model's tokeniser puts around a text.",
        options, run);
}

}  // namespace r1::cli
