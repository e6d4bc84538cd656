// The model of a command that takes --model, and the token ids that a line asks about.
#pragma once
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/options.h"
#include "infer/language_model.h"
#include "text/chat_template.h"

namespace r1::cli {

struct ModelFlags {
    std::string model, adapters, weight_dtype = "float32", device = "cpu";
    int threads = 0;
};
std::vector<Option> model_options(ModelFlags& flags, bool required = true);
DType weight_dtype(const ModelFlags& flags);
Runtime make_runtime(const ModelFlags& flags);

struct TextModel {
    std::unique_ptr<Model> model;
    std::optional<Tokenizer> tokenizer;  // a folder may lack it: then token ids alone are understood
    std::optional<ChatTemplate> chat;    // where the tokenizer has one
    SamplingParams sampling;

    // Throws, naming `key`, the field that needs a tokenizer.
    const Tokenizer& need_tokenizer(const char* key) const;
    // The ids of a request: "messages", "ids", or the text in the field `key`. At least one, and no more than
    // the model's context. `line` is the request as it was read.
    std::vector<int32_t> ids(const nlohmann::json& request, const std::string& line, const char* key,
                             bool add_generation_prompt) const;
};
TextModel text_model(LanguageModel language_model);
// With the adapters, if the flags name some.
TextModel load_text_model(Stream& stream, const ModelFlags& flags, DType weight_dtype);

// "messages" of a request by the template, with "tools", "documents" and "chat_template_kwargs" if they are
// given. They are read again from the line, because templates see the order of keys.
std::string render_messages(const ChatTemplate& chat, const nlohmann::json& request, const std::string& line,
                            bool add_generation_prompt);

}  // namespace r1::cli
