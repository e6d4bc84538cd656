// Text to token ids and back: the byte-level (and byte-fallback) BPE tokenisers of Hugging Face's
// tokenizer.json. Ids equal those of the `tokenizers` library on any text.
#pragma once
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/files.h"

namespace r1 {

class GgufMetadata;

// An immutable value: copies share their tables, and every member may be called from several threads at once.
class Tokenizer {
  public:
    // A Hugging Face folder (tokenizer.json; tokenizer_config.json, special_tokens_map.json,
    // generation_config.json and chat_template.jinja where they exist), a tokenizer.json, or a .gguf file.
    // Throws, naming the file, on what is malformed or not supported. Truncation and padding that a
    // tokenizer.json asks for are not applied.
    static Tokenizer load(const fs::path& path);
    // From the parsed files; `config` is tokenizer_config.json and may be null.
    static Tokenizer from_json(const nlohmann::json& tokenizer_json, const nlohmann::json& config);
    static Tokenizer from_gguf(const GgufMetadata& metadata);

    // Added tokens that the text spells out are recognised. `add_special` adds what the post-processor of the
    // file adds (often BOS). Invalid UTF-8 is replaced first: each maximal ill-formed part by U+FFFD, as
    // Python's errors="replace".
    std::vector<int32_t> encode(std::string_view text, bool add_special = false) const;
    // Ids outside of the vocabulary give nothing. Bytes that are not UTF-8 become U+FFFD. `skip_special`
    // leaves out tokens with is_special().
    std::string decode(std::span<const int32_t> ids, bool skip_special = false) const;

    // The bytes that a token adds to a running text; feed them to a Utf8Stream (text/unicode.h) to print as
    // they come. Empty for an id outside of the vocabulary.
    std::string token_bytes(int32_t id) const;
    std::string token_text(
        int32_t id) const;  // as the vocabulary spells it, such as "Ġthe"; empty if there is none
    std::optional<int32_t> token_id(std::string_view token) const;
    bool is_special(int32_t id) const;  // an added token with the flag "special"
    bool is_added(int32_t id) const;
    int32_t vocab_size() const;  // the highest id plus one

    std::optional<int32_t> bos_id() const, eos_id() const, pad_id() const;
    // The ids at which generation stops: EOS, and those of generation_config.json.
    const std::vector<int32_t>& stop_ids() const;
    const std::optional<std::string>& chat_template() const;  // Jinja source

    const std::string& tokenizer_json() const;  // the file's text
    // Writes tokenizer.json, tokenizer_config.json and, if there is a template, chat_template.jinja, for
    // transformers and vLLM to load. The folder must exist.
    void save(const fs::path& folder) const;
    // Sets the tokenizer.ggml.* keys, from which from_gguf() makes a tokeniser that gives the same ids.
    // Throws if llama.cpp has no name for the pre-tokeniser: a GGUF file cannot spell one out.
    void write_gguf(GgufMetadata& metadata) const;

    // The same tokeniser with another chat template, or with one more stop id.
    Tokenizer with_chat_template(std::string source) const;
    Tokenizer with_stop_id(int32_t id) const;

  private:
    struct Data;    // the vocabulary and the steps
    struct Config;  // what tokenizer_config.json and its like add
    Tokenizer(std::shared_ptr<const Data> data, std::shared_ptr<const Config> config)
        : data_(std::move(data)), config_(std::move(config)) {}
    std::shared_ptr<const Data> data_;
    std::shared_ptr<const Config> config_;
};

}  // namespace r1
