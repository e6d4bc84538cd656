#include "cli/text_model.h"

#include <nlohmann/json.hpp>

#include "cli/request.h"
#include "formats/tensor_source.h"
#include "infer/adapters.h"

namespace r1::cli {

std::vector<Option> model_options(ModelFlags& flags, bool required) {
    return {
        {.name = "model",
         .target = &flags.model,
         .help = required ? "Hugging Face folder or .gguf file"
                          : "Hugging Face folder or .gguf file; by default the embedded base",
         .value = "DIR_OR_FILE",
         .required = required},
        {.name = "adapters",
         .target = &flags.adapters,
         .help = "Folder of LoRA adapters in PEFT's layout",
         .value = "DIR"},
        {.name = "weight_dtype",
         .target = &flags.weight_dtype,
         .help = "Weights that the forward computes with; on CUDA always bfloat16",
         .choices = {"float32", "bfloat16"}},
        {.name = "device", .target = &flags.device, .help = "Where to compute", .choices = {"cpu", "cuda"}},
        {.name = "threads", .target = &flags.threads, .help = "Threads; 0 = all cores", .range = {0, 1024}}};
}

DType weight_dtype(const ModelFlags& flags) {
    return flags.weight_dtype == "bfloat16" ? DType::bf16 : DType::f32;
}

Runtime make_runtime(const ModelFlags& flags) {
    return Runtime(flags.threads, parse_device(flags.device));
}

const Tokenizer& TextModel::need_tokenizer(const char* key) const {
    check(tokenizer.has_value(), "\"", key,
          "\" needs a tokenizer, and the model has no tokenizer.json; give \"ids\"");
    return *tokenizer;
}

std::vector<int32_t> TextModel::ids(const nlohmann::json& request, const std::string& line, const char* key,
                                    bool add_generation_prompt) const {
    std::vector<int32_t> ids;
    if (has_field(request, "messages")) {
        const Tokenizer& t = need_tokenizer("messages");
        check(chat.has_value(), "the model has no chat template; give \"", key, "\" instead of \"messages\"");
        ids = t.encode(render_messages(*chat, request, line, add_generation_prompt));
    } else if (has_field(request, "ids")) {
        ids = ids_field(request, "ids", model->config().vocab_size);
    } else {
        check(has_field(request, key), "the line needs \"", key, "\", \"ids\" or \"messages\"");
        ids =
            need_tokenizer(key).encode(string_field(request, key), bool_field(request, "add_special", false));
    }
    check(!ids.empty(), "there is no token in the line's text; at least one is needed");
    check(std::ssize(ids) <= model->config().max_position_embeddings, "the line has ", ids.size(),
          " tokens; the model's context is ", model->config().max_position_embeddings);
    return ids;
}

TextModel text_model(LanguageModel source) {
    std::optional<ChatTemplate> chat;
    if (source.tokenizer.chat_template()) chat = ChatTemplate::of(source.tokenizer);
    return {std::move(source.model), std::move(source.tokenizer), std::move(chat),
            std::move(source.sampling)};
}

TextModel load_text_model(Stream& stream, const ModelFlags& flags, DType weight_dtype) {
    const fs::path path = flags.model;
    TextModel result;
    if (fs::is_directory(path) && !fs::exists(path / "tokenizer.json")) {
        result.model = std::make_unique<Model>(load_model_config(path), weight_dtype, stream.device);
        result.model->load(stream, *open_tensors(path));
        result.sampling = load_sampling(path);
    } else {
        result = text_model(load_language_model(stream, path, weight_dtype));
    }
    if (!flags.adapters.empty()) load_adapters(stream, *result.model, flags.adapters);
    return result;
}

std::string render_messages(const ChatTemplate& chat, const nlohmann::json& request, const std::string& line,
                            bool add_generation_prompt) {
    const auto ordered = nlohmann::ordered_json::parse(line);
    auto variables = ordered.value("chat_template_kwargs", nlohmann::ordered_json::object());
    check(variables.is_object(), "\"chat_template_kwargs\" must be an object");
    for (const char* key : {"tools", "documents"}) {
        if (has_field(request, key)) variables[key] = ordered.at(key);
    }
    return chat.render(ordered.at("messages"),
                       bool_field(request, "add_generation_prompt", add_generation_prompt), variables);
}

}  // namespace r1::cli
