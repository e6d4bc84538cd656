// Does a completion keep to the form: the reasoning between think tags, then the answer between answer tags?
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "reward/verdict.h"

namespace r1 {

// Schemes:
//   r1         one <think>…</think> at the start, then one <answer>…</answer>, then nothing but space
//   think      starts with <think>, one <think> and one </think>, then anything (TRL's think_format)
//   open-r1    as r1, each tag on a line of its own (open-r1's format)
//   tag-count  a quarter for each of the four tags, in open-r1's spelling, that occurs exactly once
// Score 1 is `correct`, anything less `wrong`. Throws on an unknown scheme.
Verdict verify_format(const std::string& scheme, std::string_view completion);

}  // namespace r1
