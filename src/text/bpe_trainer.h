// Trains the vocabulary of a byte-level BPE tokeniser (Sennrich et al. 2016, over bytes as in GPT-2).
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "text/tokenizer.h"
#include "text/tokenizer_json.h"

namespace r1 {

struct BpeTraining {
    int32_t vocab_size = 0;                   // special and added tokens and the 256 bytes included
    std::vector<std::string> special_tokens;  // left out by decode(skip_special); get the first ids
    std::vector<std::string> added_tokens;    // single tokens as well, but part of the text; get the next ids
    std::optional<std::string> bos_token, eos_token, pad_token;  // each one of the above
    // As in a tokenizer.json; its last step must be ByteLevel. By default SmolLM2's: single digits, then
    // GPT-2's words.
    nlohmann::json pre_tokenizer = {
        {"type", "Sequence"}, {"pretokenizers", nlohmann::json::array({digits_json(), byte_level_json()})}};
    int64_t min_count = 2;  // a pair that is rarer is not merged
};

// Merges the most frequent pair of tokens until the vocabulary is full or no pair is frequent enough. Among
// equals the pair with the smallest ids (left, then right) wins, so the result depends on nothing but the
// texts' words and counts. Throws if vocab_size does not even hold the special and added tokens and the
// bytes.
Tokenizer train_bpe(std::span<const std::string> texts, const BpeTraining& options);

}  // namespace r1
