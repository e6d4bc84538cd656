#include "text/tokenizer_json.h"

#include <utility>

namespace r1 {

using nlohmann::json;

json byte_level_json(bool use_regex) {
    return {
        {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

json digits_json() {
    return {{"type", "Digits"}, {"individual_digits", true}};
}

json added_token_json(int64_t id, const std::string& content, bool special) {
    return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
            {"rstrip", false}, {"normalized", false}, {"special", special}};
}

json byte_level_bpe_json(json added, json pre_tokenizer, json vocab, json merges) {
    return {{"version", "1.0"},
            {"truncation", nullptr},
            {"padding", nullptr},
            {"added_tokens", std::move(added)},
            {"normalizer", nullptr},
            {"pre_tokenizer", std::move(pre_tokenizer)},
            {"post_processor", nullptr},
            {"decoder", byte_level_json()},
            {"model",
             {{"type", "BPE"},
              {"dropout", nullptr},
              {"unk_token", nullptr},
              {"continuing_subword_prefix", nullptr},
              {"end_of_word_suffix", nullptr},
              {"fuse_unk", false},
              {"byte_fallback", false},
              {"ignore_merges", false},
              {"vocab", std::move(vocab)},
              {"merges", std::move(merges)}}}};
}

}  // namespace r1
