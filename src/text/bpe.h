// The byte-pair-encoding model of a tokenizer.json: words to token ids.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace r1 {

// No vocabulary that exists comes near it; a hostile file's ids must not fill the memory.
inline constexpr int32_t max_token_id = (1 << 22) - 1;

class Bpe {
  public:
    // The "model" object of a tokenizer.json. Throws on another type of model, on dropout, and on what is
    // malformed.
    explicit Bpe(const nlohmann::json& model);
    Bpe(const Bpe&) = delete;
    Bpe& operator=(const Bpe&) = delete;

    // Appends the ids of one word, as the pre-tokeniser cut and mapped it (valid UTF-8). Applies the merge of
    // lowest rank, leftmost first, until none is left; O(n log n) in the word's length. Thread-safe.
    void encode(std::string_view word, std::vector<int32_t>& ids) const;

    std::optional<int32_t> id_of(std::string_view token) const;
    std::string_view token(int32_t id) const;  // empty if the id is not in the vocabulary
    size_t size() const { return ids_.size(); }
    int32_t end_id() const { return static_cast<int32_t>(tokens_.size()); }  // the highest id plus one

  private:
    struct Merge {
        int32_t rank, id;
    };
    struct HashPair {
        size_t operator()(uint64_t pair) const;
    };
    struct Symbol {
        int32_t id, previous, next;  // previous and next are indices; -1 at the ends
        bool alive;
    };
    void read_vocab(const nlohmann::json& vocab);
    void read_merges(const nlohmann::json& merges);
    void initial_symbols(std::string_view word, std::vector<Symbol>& symbols) const;
    void merge_all(std::vector<Symbol>& symbols) const;
    const Merge* find_merge(int32_t left, int32_t right) const;

    std::vector<std::string> tokens_;                       // by id
    std::unordered_map<std::string_view, int32_t> ids_;     // views into tokens_
    std::unordered_map<uint64_t, Merge, HashPair> merges_;  // by left << 32 | right
    std::string continuing_prefix_, end_suffix_;
    std::optional<int32_t> unk_;
    bool fuse_unk_ = false, byte_fallback_ = false, ignore_merges_ = false;
};

}  // namespace r1
