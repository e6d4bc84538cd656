// A model with its tokenizer and its defaults for generation, from and to files that other programs read:
// Hugging Face folders and GGUF.
#pragma once
#include <memory>
#include <string>

#include "core/files.h"
#include "core/stream.h"
#include "formats/gguf_quants.h"
#include "infer/sampling_params.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace r1 {

struct LanguageModel {
    std::unique_ptr<Model> model;
    Tokenizer tokenizer;  // its chat_template() is the model's
    // temperature, top_k, top_p, min_p and repetition_penalty of generation_config.json where it has them (0
    // is the temperature of do_sample: false); the tokenizer's stop ids.
    SamplingParams sampling;
};

// From a Hugging Face folder or a .gguf file; `weight_dtype` as in Model. Throws, naming the file, on
// anything missing or malformed, or on a tokenizer with more tokens than the model.
LanguageModel load_language_model(Stream& stream, const fs::path& path, DType weight_dtype = DType::f32);

// What a folder says of sampling without its tokenizer: generation_config.json's values where it has them,
// and as stop ids its eos_token_id or else config.json's. Ids are not checked against a vocabulary.
SamplingParams load_sampling(const fs::path& folder);

// A folder that transformers and vLLM load unchanged, complete or absent; it may not exist before. Weights
// are stored as f32, bf16 or f16, in files of at most max_shard_bytes. Ends by reading all of it back and
// comparing. Adapters must be merged before, or saved apart.
void save_language_model(const fs::path& folder, const LanguageModel& language_model, DType dtype,
                         uint64_t max_shard_bytes = 4'000'000'000);

// A file for llama.cpp (F32, F16, BF16 or Q8_0), complete or absent, read back and compared likewise. Throws
// if llama.cpp has no name for the tokenizer's pre-tokenizer, or does not know the model (qwen3 with
// attention_bias).
void save_gguf(const fs::path& path, const LanguageModel& language_model, GgmlType type);

// The text of a completion: its tokens without the stop token at the end, cut before a stop string.
std::string completion_text(const Tokenizer& tokenizer, const SamplingParams& params,
                            const Completion& completion);

}  // namespace r1
