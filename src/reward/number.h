// The numeric answer check, for golds such as GSM8K's.
//
// The answer of a completion, by priority, in what follows the thinking:
//   1. the last <answer>…</answer>                 2. the last \boxed{…}
//   3. what follows the last ####, on that line    4. and further: as the maths verifier has it (extract.h)
// 1 to 3 have to be one number with its unit, or to hold exactly one number that is not denied ("not 18") or
// made a bound ("at least 18"), or to say "the answer is". An answer that is there but cannot be read is
// `unparsed`: no lower priority is tried, so that a list of guesses earns nothing. Comparison is exact
// (tasks/number.h).
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "reward/verdict.h"

namespace r1 {

// A string or number, GSM8K's "… #### 18" as well, or {"gold": one of these, "anchors": extract.h's}.
void check_number_gold(const nlohmann::json& gold);
Verdict verify_number(const nlohmann::json& gold, std::string_view completion);
Verdict compare_number(const nlohmann::json& gold, std::string_view answer);

}  // namespace r1
