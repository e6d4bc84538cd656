// What Ollama needs beside a GGUF file: https://github.com/ollama/ollama/blob/main/docs/modelfile.mdx
#pragma once
#include <optional>
#include <string>

#include "infer/sampling_params.h"
#include "text/tokenizer.h"

namespace r1 {

// The chat template in Go's template language, for templates that do no more than to set each message between
// two texts of its role (ChatML, Llama 3, R1, …), with a default system message if they have one. Found by
// rendering chats and proved on a longer one; nothing for a template that is of another kind.
struct OllamaTemplate {
    std::string source, system;  // the default system message may be empty
};
std::optional<OllamaTemplate> ollama_template(const Tokenizer& tokenizer);

// A Modelfile: FROM gguf, TEMPLATE and SYSTEM where they can be expressed, and as PARAMETERs the model's own
// sampling and the tokens that end a message.
std::string modelfile(const std::string& gguf, const Tokenizer& tokenizer, const SamplingParams& sampling);

}  // namespace r1
