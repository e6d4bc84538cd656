// The "pre_tokenizer" of a tokenizer.json: cuts normalised text into the words that the model encodes one by
// one. ByteLevel, Split, Sequence, Digits, Whitespace, WhitespaceSplit, Metaspace.
#pragma once
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "text/regex.h"

namespace r1 {

using WordSink = std::function<void(std::string_view)>;

class PreTokenizer {
  public:
    explicit PreTokenizer(
        const nlohmann::json& spec);  // null: the text is one word; throws on an unknown type
    // Hands every word, which is not empty, to `sink` in order; valid for the time of the call. `at_start`:
    // the text is the beginning of what is encoded. Thread-safe.
    void split(std::string_view text, bool at_start, const WordSink& sink) const;

    // One step: calls the sink with the pieces of one piece.
    using Step = std::function<void(std::string_view, bool at_start, const WordSink&)>;

  private:
    void add(const nlohmann::json& spec, int depth);
    void run(size_t step, std::string_view text, bool at_start, const WordSink& sink) const;
    std::vector<Step> steps_;
};

// The field "pattern" of Split and Replace: {"String": ...} or {"Regex": ...}.
Regex pattern_field(const nlohmann::json& spec);
std::string replace_matches(const Regex& regex, std::string_view text, std::string_view content);

}  // namespace r1
