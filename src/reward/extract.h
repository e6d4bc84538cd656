// The final answer in what a model wrote.
//
// By priority, in what follows the thinking, inside the last <answer>…</answer> where there is one:
//   1. what follows the last "final answer is" or "final answer:", if no box comes after it
//   2. the last \boxed{…} that can be read; boxes joined by commas, "and" or "or" are one list
//   3. what follows the last ####                4. what follows the last "answer is", "answer:", 答案是,
//   réponse …
//   5. the text itself, if it is a formula and nothing else
//   6. the formula at the end of its last line, where it is set off: in $…$, **…** or […], after "=", ":" or
//      "is", with its currency, percent or unit, or in a sentence that concludes ("So", "Therefore", 因此);
//      or the text itself, if it is a word or two
// At 1, 3 and 4 the answer is the first expression of the sentence, or the one after its "is": "The largest
// $n$ is 34."
#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "algebra/expr.h"

namespace r1 {

enum class Anchors : uint8_t {
    any,       // 1 to 6
    anchored,  // 1 to 5
    boxed,     // 2 alone
};

Anchors parse_anchors(const nlohmann::json& name);  // "any", "anchored", "boxed"; throws Error on another

bool states_answer(std::string_view text);  // does it say "answer is" or another phrase of 4?

// The inside of the last <answer>…</answer>.
std::optional<std::string_view> last_answer_block(std::string_view completion);

// The readings of the answer (algebra/reader.h); empty where there is none. `completion` has no thinking in
// it.
std::vector<algebra::Expr> extract_answer(std::string_view completion, Anchors anchors);

// The same for a gold: a bare answer first; a worked solution otherwise. A box that is not closed ends with
// the text.
std::vector<algebra::Expr> read_gold_answer(std::string_view gold);

}  // namespace r1
