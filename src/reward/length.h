// Rewards that shape how long, and how repetitive, a completion is.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "reward/verdict.h"

namespace r1 {

// DAPO's soft overlong penalty: 0 up to max_length − cache tokens, then falling linearly to −1 at max_length.
double soft_overlong_penalty(int64_t length, int64_t max_length, int64_t cache);

// open-r1's cosine-scaled reward, with its defaults: a right answer earns from 1 (no tokens) down to 0.5
// (max_length), a wrong one from −1 up to −0.5, along half a cosine; longer counts as max_length.
//   low + (high − low) (1 + cos(π length / max_length)) / 2
double cosine_length_reward(int64_t length, int64_t max_length, bool correct);

// open-r1's repetition penalty: most_penalty · (1 − distinct n-grams / all n-grams), over words in lower
// case; of Chinese, Japanese and Thai each character is a word. 0 for fewer than n words. `most_penalty` is
// not positive.
double repetition_penalty(std::string_view text, int n, double most_penalty);

// options: {"tokens", "max_tokens", "scheme": "soft_overlong" (default) | "cosine", "cache": a fifth of
// max_tokens, "correct": for cosine}. The completion itself is not looked at. Score 0 or more is `correct`,
// else `wrong`.
void check_length_options(const nlohmann::json& options);
Verdict verify_length(const nlohmann::json& options, std::string_view completion);

// options: {"n": 3, "max_penalty": -1}.
void check_repetition_options(const nlohmann::json& options);
Verdict verify_repetition(const nlohmann::json& options, std::string_view completion);

}  // namespace r1
