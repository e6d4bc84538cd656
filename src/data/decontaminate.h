// Is a training problem one of an evaluation set? Two texts share an n-gram: n words in a row that are the
// same after NFKC, in lower case, without punctuation. A Han, kana or Hangul character is a word of its own.
// A text of fewer than n words matches only one that is the same as a whole. This is how GPT-3 and
// DeepSeek-R1 cleaned their data (Brown et al. 2020, appendix C; DeepSeek-AI 2025, 10-grams).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/example.h"

namespace r1 {

// The words of a text and their hashes.
struct Words {
    std::vector<std::string> texts;
    std::vector<uint64_t> hashes;
};
Words words_of(std::string_view text);

// What an example is compared by: its question and the rest of its conversation; of a countdown problem,
// whose question is a fixed wording, its numbers.
std::string compared_text(const Example& example);

class NgramIndex {
  public:
    explicit NgramIndex(int n) : n_(n) {}

    void add(std::string_view text);  // its id is the number of texts before it
    void finish();                    // after the last add()

    struct Match {
        size_t id = 0;
        size_t shared = 0, of = 0;  // different n-grams of the text with that id: shared, and all
        std::string text;           // the longest run of words that is shared
    };
    // The text of whose n-grams the greatest share is here; none if there is none with one.
    std::optional<Match> match(std::string_view text) const;

  private:
    struct Entry {
        uint64_t ngram;
        uint32_t id;
        auto operator<=>(const Entry&) const = default;
    };
    std::vector<uint64_t> ngrams(const Words& words) const;

    int n_;
    std::vector<Entry> entries_;   // sorted
    std::vector<uint32_t> sizes_;  // different n-grams of each text
};

}  // namespace r1
