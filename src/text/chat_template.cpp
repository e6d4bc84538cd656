#include "text/chat_template.h"

#include "core/check.h"
#include "text/jinja_interpreter.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

namespace r1 {
namespace {

using nlohmann::ordered_json;

// As transformers: a message's reasoning is passed on under the names that templates look for.
ordered_json with_reasoning(const ordered_json& message) {
    for (const char* key : {"reasoning_content", "thinking", "reasoning"}) {
        auto found = message.find(key);
        if (found == message.end() || found->is_null()) continue;
        ordered_json out = {{"thinking", *found}};
        for (const auto& [name, value] : message.items()) out[name] = value;
        out["reasoning_content"] = *found;
        return out;
    }
    return message;
}

}  // namespace

struct ChatTemplate::Tree {
    jinja::Block block;
};

ChatTemplate::ChatTemplate(const std::string& source,
                           std::vector<std::pair<std::string, std::string>> special_tokens)
    : special_tokens_(std::move(special_tokens)) {
    check(source.size() <= 1 << 20, "the chat template is ", source.size(),
          " bytes long; the limit is 1 MiB");
    tree_ = std::make_shared<const Tree>(Tree{jinja::parse_template(to_valid_utf8(source))});
}

ChatTemplate ChatTemplate::of(const Tokenizer& tokenizer) {
    check(tokenizer.chat_template().has_value(),
          "the model has no chat template (tokenizer_config.json's chat_template, or chat_template.jinja)");
    std::vector<std::pair<std::string, std::string>> tokens;
    for (auto [key, id] :
         {std::pair("bos_token", tokenizer.bos_id()), std::pair("eos_token", tokenizer.eos_id()),
          std::pair("pad_token", tokenizer.pad_id())})
        if (id) tokens.emplace_back(key, tokenizer.token_text(*id));
    return ChatTemplate(*tokenizer.chat_template(), std::move(tokens));
}

std::string ChatTemplate::render(const ordered_json& messages, bool add_generation_prompt,
                                 const ordered_json& extra) const {
    check(messages.is_array(), "messages must be an array of objects with 'role' and 'content'");
    ordered_json chat = ordered_json::array();
    for (const ordered_json& message : messages) {
        check(message.is_object(), "a message must be an object with 'role' and 'content', not ",
              message.type_name());
        chat.push_back(with_reasoning(message));
    }
    check(extra.is_object() || extra.is_null(), "the further variables of a chat template must be an object");

    std::vector<std::pair<std::string, jinja::Value>> variables = {
        {"messages", jinja::Value::from_json(chat)},
        {"tools", jinja::Value()},
        {"documents", jinja::Value()},
        {"add_generation_prompt", jinja::Value::boolean(add_generation_prompt)},
    };
    jinja::Scope scope;
    scope.variables = std::move(variables);
    for (const auto& [name, text] : special_tokens_) scope.set(name, jinja::Value::string(text));
    if (extra.is_object())
        for (const auto& [name, value] : extra.items()) scope.set(name, jinja::Value::from_json(value));
    return jinja::Interpreter().render(tree_->block, std::move(scope.variables));
}

}  // namespace r1
