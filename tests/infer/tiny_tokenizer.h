// A tokenizer of 97 ids, as the golden models have: GPT-2's pre-tokeniser, the printable ASCII characters, a
// merge, and an end token.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "text/tokenizer.h"
#include "text/tokenizer_json.h"

namespace r1 {

inline nlohmann::json tiny_tokenizer_json() {
    nlohmann::json vocab = nlohmann::json::object();
    for (char c = '!'; c <= '~'; ++c) vocab[std::string(1, c)] = c - '!';
    vocab["Ġ"] = 94;
    vocab["th"] = 95;
    return byte_level_bpe_json({added_token_json(96, "<|end|>", true)}, byte_level_json(), vocab, {"t h"});
}

inline Tokenizer tiny_tokenizer() {
    return Tokenizer::from_json(
        tiny_tokenizer_json(),
        {{"eos_token", "<|end|>"},
         {"chat_template", "{% for m in messages %}{{ m.content }}<|end|>{% endfor %}"}});
}

}  // namespace r1
