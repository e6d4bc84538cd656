// A tokenizer of 97 ids, as the golden models have: GPT-2's pre-tokeniser, the printable ASCII characters, a
// merge, and an end token.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "text/tokenizer.h"

namespace r1 {

inline nlohmann::json tiny_tokenizer_json() {
    nlohmann::json vocab = nlohmann::json::object();
    for (char c = '!'; c <= '~'; ++c) vocab[std::string(1, c)] = c - '!';
    vocab["Ġ"] = 94;
    vocab["th"] = 95;
    const nlohmann::json bytes = {
        {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
    return {{"version", "1.0"},
            {"truncation", nullptr},
            {"padding", nullptr},
            {"added_tokens",
             {{{"id", 96},
               {"content", "<|end|>"},
               {"single_word", false},
               {"lstrip", false},
               {"rstrip", false},
               {"normalized", false},
               {"special", true}}}},
            {"normalizer", nullptr},
            {"pre_tokenizer", bytes},
            {"post_processor", nullptr},
            {"decoder", bytes},
            {"model",
             {{"type", "BPE"},
              {"dropout", nullptr},
              {"unk_token", nullptr},
              {"continuing_subword_prefix", nullptr},
              {"end_of_word_suffix", nullptr},
              {"fuse_unk", false},
              {"byte_fallback", false},
              {"ignore_merges", false},
              {"vocab", vocab},
              {"merges", {"t h"}}}}};
}

inline Tokenizer tiny_tokenizer() {
    return Tokenizer::from_json(
        tiny_tokenizer_json(),
        {{"eos_token", "<|end|>"},
         {"chat_template", "{% for m in messages %}{{ m.content }}<|end|>{% endfor %}"}});
}

}  // namespace r1
