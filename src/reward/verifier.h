// Verifiers by name: a verifier is a function from (gold, completion) to a verdict. `number` and `format` are
// here, and each family of tasks brings its own under its name; a new kind is one more line in the table of
// verifier.cpp.
#pragma once
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "reward/verdict.h"

namespace r1 {

struct Verifier {
    std::string name;
    std::string summary;
    std::function<void(const nlohmann::json& gold)> check_gold;  // throws Error on an unusable gold
    using Judge = std::function<Verdict(const nlohmann::json& gold, std::string_view text)>;
    Judge verify;             // of a completion: extracts the answer, then compares
    Judge compare;            // of an answer that is already extracted
    bool judges_all = false;  // of the text, the thinking too: nothing is extracted
};

const std::vector<Verifier>& verifiers();
const Verifier& find_verifier(const std::string& name);  // throws, naming the known ones

// The verdict on one completion. Never throws for what a completion holds; an unknown kind or an unusable
// gold is Outcome::error.
Verdict verify(const std::string& kind, const nlohmann::json& gold, std::string_view completion);

// One request of `r1 grade`:  {"kind", "gold", "answer" | "completion"} -> {"score", "outcome", "reason"}.
// The gold of a task may also stand beside the kind: {"kind": "countdown", "nums": [...], "target": 40,
// "answer": "..."}; "format" takes "scheme" and needs no gold. Throws Error on an unknown kind, a missing key
// or an unusable gold.
Verdict grade_verdict(const nlohmann::json& request);
nlohmann::json grade(const nlohmann::json& request);

// The text or number that is the gold, or that its "gold" is where it has options beside it. Throws Error on
// anything else, in the verifier's name.
const nlohmann::json& plain_gold(const nlohmann::json& given, std::string_view verifier);

// --- the answer in a completion
// ---------------------------------------------------------------------------------

// What follows the thinking: the text after the last </think>, or all of it where no <think> was opened.
// False if a <think> is never closed.
bool after_thinking(std::string_view completion, std::string_view& rest);

// The text of the only <answer>…</answer> after the thinking; false, with the reason, where there is none or
// several.
bool answer_block(std::string_view completion, std::string_view& answer, std::string& reason);

}  // namespace r1
