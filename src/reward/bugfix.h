// Repair of a program: the answer is the fixed source, or a unified diff of the buggy one, in a fenced block
// (of the language, diff or patch) or in <answer>.
//
// Gold: the keys of a code problem (code_problem.h) and "buggy", the source to repair. All tests have to
// pass. With "partial": true the score is the share that passes of the tests that the buggy source fails, and
// 0 if one fails that it passes.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "reward/verdict.h"

namespace r1 {

void check_bugfix_gold(const nlohmann::json& gold);  // throws Error
Verdict verify_bugfix(const nlohmann::json& gold, std::string_view completion);
Verdict compare_bugfix(const nlohmann::json& gold, std::string_view source_or_patch);

}  // namespace r1
