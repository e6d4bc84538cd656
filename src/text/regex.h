// Regular expressions as tokenizer.json files have them: Oniguruma's Ruby syntax over UTF-8, run by PCRE2.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace r1 {

// A stretch of a text, in bytes; `matched` tells a match from what lies between matches.
struct Span {
    size_t begin = 0, end = 0;
    bool matched = false;
};

class Regex {
  public:
    // Throws on a pattern that is malformed, or whose meaning in PCRE2 could differ.
    explicit Regex(std::string_view pattern);
    static Regex literal(std::string_view text);

    // Cuts valid UTF-8 into matches and what lies between them; the spans cover the text. Thread-safe. Throws
    // if a match needs more steps than any sensible pattern does.
    std::vector<Span> spans(std::string_view text) const;

  private:
    struct Code;
    Regex() = default;
    std::string pattern_;
    std::shared_ptr<const Code> code_;
};

// The same expression in PCRE2's syntax (options UTF, UCP and MULTILINE). Throws on what has no exact
// counterpart.
std::string translate_regex(std::string_view pattern);

}  // namespace r1
