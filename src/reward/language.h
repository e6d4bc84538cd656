// Language consistency: is the thinking in the language that was asked for?
//
//   score = words of the target language / all words
//
// A word is a run of letters of one script; of Chinese, Japanese and Thai each character counts. Left out are
// maths ($…$, \(…\), \[…\], \begin…\end; not what \text{} in it says), code (``` and `), tags, URLs, numbers
// and symbols: single letters, short words in capitals, names of functions and units, and a capitalised name
// that stands alone in a text of another script ("Alice 有 3 个苹果").
//
// Scripts tell most languages apart. English, French, German, Spanish, Italian, Portuguese and Dutch share
// one: there a clause belongs to the language with most function words in it ("the", "der"), one without any
// to the language of the clause before, and at the beginning to the target. Chinese and Japanese share Han: a
// clause with kana is Japanese. What shares a script and is not in this list (Ukrainian with Russian) is not
// told apart.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "reward/verdict.h"

namespace r1 {

struct LanguageCount {
    int64_t target = 0, other = 0;  // words
};

// `target`: en fr de es it pt nl, zh ja ko, ru el ar he hi th. Throws on another one. Linear time.
LanguageCount count_language(std::string_view text, const std::string& target);

// Of the thinking where there is one (reward/reasoning.h), else of all. options: {"target": "en"}. A text
// without words is `unparsed` with score 0, so that an empty thinking earns nothing.
void check_language_options(const nlohmann::json& options);
Verdict verify_language(const nlohmann::json& options, std::string_view completion);

}  // namespace r1
