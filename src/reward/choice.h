// Multiple choice: which option does a completion choose?
//
// The answer of a completion, by priority, in what follows the thinking:
//   1. <answer>…</answer>          2. \boxed{…}
//   3. a statement: "final answer: C", "Answer: C", "the answer is C", "答案是C", "C is correct", "选C"
//   4. a line that is the letter ("**C**"), or a text that begins with it ("C. since …", "C。不是 A")
//   5. a weaker statement ("it must be C"), the only option that is named ("option C", "(C)")
//   6. the text of an option where the texts are known: alone, after "the answer is", at the end of the last
//      sentence
// A letter is a capital one that stands alone; a small one counts in brackets or alone in 1, 2 or the whole
// text. Letters that a word makes stray ("A good …", "Plan B", "vitamin C", "P(A)", "U.S."), that are denied
// ("not A", "B is wrong", "排除B") or asked about do not count. Two different letters in one statement ("A or
// B"), or in two of the same strength with no word of correction or conclusion between them, are `unparsed`.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "reward/verdict.h"

namespace r1 {

// What was read: the letter (0 is A), or -1 and why there is none.
struct Choice {
    int letter = -1;
    bool several = false;  // letters that contradict each other
    std::string reason;
};

// Reads a text without thinking. Bit i of `letters`: there is an option with that letter. `texts` are the
// options' texts from A on, or empty. An explicit answer (of an answer block, or a gold) may be the letter
// with any text behind it: "A Peter". Linear time.
Choice read_choice(std::string_view text, uint32_t letters, std::span<const std::string> texts,
                   bool explicit_answer);

// gold: "B", "(D) Alina", an index from 0, the text of an option; or {"answer": one of these, "choices":
// [texts]} ("options" is the same; if all of it are letters, it says which letters there are). Without
// choices the letters are A to H, and on to the gold's.
void check_choice_gold(const nlohmann::json& gold);
Verdict verify_choice(const nlohmann::json& gold, std::string_view completion);
Verdict compare_choice(const nlohmann::json& gold, std::string_view answer);

}  // namespace r1
