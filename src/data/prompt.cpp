#include "data/prompt.h"

#include "core/check.h"

namespace r1 {
namespace {

// One pass, so that a question that spells {instruction} stays as it is.
std::string filled(std::string_view text, const Example& example) {
    constexpr std::string_view question = "{question}", instruction = "{instruction}";
    std::string out;
    while (!text.empty()) {
        if (text.starts_with(question)) {
            out += example.question;
            text.remove_prefix(question.size());
        } else if (text.starts_with(instruction)) {
            out += example.instruction;
            text.remove_prefix(instruction.size());
        } else {
            out += text.front();
            text.remove_prefix(1);
        }
    }
    return out;
}

}  // namespace

PromptRenderer::PromptRenderer(const Tokenizer& tokenizer, std::string prompt_template,
                               std::string system_prompt)
    : tokenizer_(tokenizer),
      prompt_template_(std::move(prompt_template)),
      system_prompt_(std::move(system_prompt)) {
    check(prompt_template_.empty() || prompt_template_.find("{question}") != std::string::npos,
          "data.prompt_template has no {question}");
    if (prompt_template_.empty() && tokenizer.chat_template()) chat_.emplace(*tokenizer.chat_template());
}

std::string PromptRenderer::text(const Example& example) const {
    const bool conversation = example.messages.is_array();
    if (!chat_) {
        check(!conversation, "a conversation needs a model with a chat template and no data.prompt_template");
        return prompt_template_.empty() ? example.prompt() : filled(prompt_template_, example);
    }
    nlohmann::ordered_json messages = nlohmann::ordered_json::array();
    if (!system_prompt_.empty()) messages.push_back({{"role", "system"}, {"content", system_prompt_}});
    if (conversation) {
        for (const auto& message : example.messages) {
            const bool replaced = !system_prompt_.empty() && message.at("role") == "system";
            if (!replaced) messages.push_back(nlohmann::ordered_json::parse(message.dump()));
        }
    } else {
        messages.push_back({{"role", "user"}, {"content", example.prompt()}});
    }
    return chat_->render(messages, true);
}

std::vector<int32_t> PromptRenderer::ids(const std::string& text) const {
    return tokenizer_.encode(text, !chat_);
}

}  // namespace r1
