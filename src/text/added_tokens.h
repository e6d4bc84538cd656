// The "added_tokens" of a tokenizer.json: tokens that are found in the text before the model sees it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/normalizer.h"

namespace r1 {

struct AddedToken {
    int32_t id = 0;
    std::string content;
    bool special = false;      // left out by decode(skip_special)
    bool normalized = false;   // looked for in the normalised text, in normalised form
    bool single_word = false;  // only where no word character touches it
    bool lstrip = false;       // takes the white space before it
    bool rstrip = false;       // takes the white space behind it
};

// Finds the leftmost, then longest, of a set of strings at once.
class StringMatcher {
  public:
    void add(std::string_view text, int32_t value);  // not empty
    bool empty() const { return children_.empty(); }
    struct Match {
        size_t begin, end;
        int32_t value;
    };
    std::optional<Match> find(std::string_view text, size_t start) const;

  private:
    std::unordered_map<uint64_t, uint32_t> children_;  // by node << 8 | byte
    std::unordered_map<uint32_t, int32_t> values_;     // by node
    uint32_t nodes_ = 1;
    bool first_[256] = {};
};

// A stretch of text that the model encodes (id = -1), or an added token.
struct TextPart {
    std::string_view text;
    int32_t id = -1;
};

class AddedTokens {
  public:
    // Throws on a token longer than 1024 bytes.
    void add(AddedToken token, const Normalizer& normalizer);
    const AddedToken* find(int32_t id) const;
    std::optional<int32_t> id_of(std::string_view content) const;
    // What the decoder sees: the content, or its normalised form for a token that is matched in normalised
    // text.
    std::string_view decoded(int32_t id) const;
    const std::vector<AddedToken>& all() const { return tokens_; }

    // Cuts the text at the tokens that are matched before (normalized = false) or after normalisation.
    std::vector<TextPart> cut(std::string_view text, bool normalized) const;

  private:
    std::vector<AddedToken> tokens_;
    std::vector<std::string> forms_;             // of tokens_, as matched
    std::unordered_map<int32_t, size_t> by_id_;  // index into tokens_
    std::unordered_map<std::string, int32_t> by_content_;
    StringMatcher raw_, normalized_;
};

}  // namespace r1
