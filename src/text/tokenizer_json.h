// Parts of a tokenizer.json in the form that `tokenizers` writes, for vocabularies that come from elsewhere.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace r1 {

// ByteLevel, as pre-tokenizer (use_regex: with GPT-2's words) or decoder; and Digits, one by one.
nlohmann::json byte_level_json(bool use_regex = true);
nlohmann::json digits_json();

nlohmann::json added_token_json(int64_t id, const std::string& content, bool special);

// A whole file: byte-level BPE without normalizer and post-processor. `added` are its added tokens.
nlohmann::json byte_level_bpe_json(nlohmann::json added, nlohmann::json pre_tokenizer, nlohmann::json vocab,
                                   nlohmann::json merges);

}  // namespace r1
