// The numeric answer check, for golds such as GSM8K's.
//
// The answer of a completion, by priority, in what follows the thinking:
//   1. the last <answer>…</answer>                 2. the last \boxed{…}
//   3. what follows the last ####, on that line    4. the first number after the last "answer is", "answer:",
//   答案是, 答案：
//   5. the end of the text, if it states a result (reward/extract.h): "So she has 18 eggs left.", not "In 18
//   words"
// Inside 1 and 2 a \boxed{} or an "answer is" may narrow it down further; otherwise the text has to be one
// number with its unit, or to hold exactly one number. An answer that is there but cannot be read is
// `unparsed`: no lower priority is tried, so that a list of guesses earns nothing. Comparison is exact
// (tasks/number.h).
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "reward/verdict.h"

namespace r1 {

void check_number_gold(const nlohmann::json& gold);  // a string or number; GSM8K's "… #### 18" as well
Verdict verify_number(const nlohmann::json& gold, std::string_view completion);
Verdict compare_number(const nlohmann::json& gold, std::string_view answer);

}  // namespace r1
