// The verifier of mathematical answers: docs/rewards-math.md.
//
// A gold is a text ("\frac{1}{2}", "x=5", "(0, 3]", a worked solution with its \boxed{…}), a number, or an
// object
// {"gold": …, "policy": …, "anchors": …}. A policy is a name or an object of options, {"base": "default",
// "ordered": false}.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "reward/verdict.h"

namespace r1 {

void check_math_gold(const nlohmann::json& gold);  // throws Error where the gold or the policy cannot be used
Verdict verify_math(const nlohmann::json& gold, std::string_view completion);
Verdict compare_math(const nlohmann::json& gold, std::string_view answer);

}  // namespace r1
