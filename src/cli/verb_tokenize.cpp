#include <nlohmann/json.hpp>
#include <optional>

#include "cli/jsonl.h"
#include "cli/request.h"
#include "cli/text_model.h"
#include "cli/verbs.h"
#include "text/chat_template.h"
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

int run(const Config& c) {
    const Tokenizer tokenizer = Tokenizer::load(c.model);
    std::optional<ChatTemplate> chat;  // a model without a template can still tokenise

    return answer_lines(
        [&](const nlohmann::json& request, const std::string& line) -> nlohmann::ordered_json {
            if (has_field(request, "messages")) {
                if (!chat) chat = ChatTemplate::of(tokenizer);
                const std::string text = render_messages(*chat, request, line, false);
                return {{"ids", tokenizer.encode(text)}, {"text", text}};
            }
            if (has_field(request, "ids")) {
                return {{"text", tokenizer.decode(ids_field(request, "ids", tokenizer.vocab_size()))}};
            }
            check(has_field(request, "text"), "the line needs \"text\", \"ids\" or \"messages\"");
            const bool add_special = bool_field(request, "add_special", false);
            return {{"ids", tokenizer.encode(string_field(request, "text"), add_special)}};
        });
}

}  // namespace

Verb tokenize_verb() {
    return make_verb<Config>(
        "tokenize", "Text to token ids and back (JSON lines)",
        "Reads JSON lines from standard input and answers each with one:\n"
        "  {\"text\": \"…\"}  ->  {\"ids\": […]}\n"
        "  {\"ids\": […]}  ->  {\"text\": \"…\"}\n"
        "  {\"messages\": […]}  ->  {\"ids\": […], \"text\": \"…\"} of the model's chat template, with "
        "\"tools\", \"documents\" and \"chat_template_kwargs\" if they are given; "
        "\"add_generation_prompt\": true ends it where the model's answer begins\n"
        "Special tokens written in a text are recognised; \"add_special\": true adds those that the "
        "model's tokeniser puts around a text.",
        options, run);
}

}  // namespace r1::cli
