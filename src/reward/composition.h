// A run's reward as a weighted sum of parts, each a verifier with options of its own: the rows of [[reward]].
//
//   [[reward]]
//   kind = "accuracy"        # the problem's own verifier with its gold
//   anchors = "anchored"     # where an answer of mathematics may stand: reward/extract.h
//   [[reward]]
//   kind = "language"        # or any verifier of reward/verifier.h that needs no gold
//   weight = 0.1
//   target = "en"            # further keys are the verifier's
//   data = ["gsm8k.jsonl"]   # for problems of this file, family or kind alone
//   [[reward]]
//   kind = "program"         # your own: reward/program.h
//   name = "style"
//   command = ["python3", "style.py"]
//   budget = 5               # seconds for an answer; memory_mib and read_only (folders) may follow
#pragma once
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "reward/verdict.h"

namespace r1 {

class ProgramVerifier;

// What is scored: a completion of a problem.
struct ScoringRequest {
    std::string kind = {};     // of the problem's own verifier; may be empty
    nlohmann::json gold = {};  // what that compares with
    std::string family = {}, source = {};
    std::string prompt = {};
    std::string completion = {};
    int64_t tokens = 0, max_tokens = 0;
    bool correct = false;  // what the part accuracy said, for the parts after it
};

struct RewardPart {
    std::string name;  // of rewards/{name}/mean; by default the kind
    std::string kind;
    double weight = 1.0;
    std::vector<std::string> data = {};             // files, families or kinds of problems; empty = all
    nlohmann::json options = {};                    // the verifier's own keys
    std::string anchors = "anchored";               // of kind "accuracy"
    std::shared_ptr<ProgramVerifier> program = {};  // of kind "program"

    bool applies_to(const ScoringRequest& request) const;
};

// Throws Error on an unknown kind, a key that is missing or of the wrong type, or two parts of one name.
std::vector<RewardPart> parse_reward_parts(const std::vector<std::string>& rows);

// One part's verdict. Never throws for what a completion holds; a broken verifier is Outcome::error.
Verdict score_part(const RewardPart& part, const ScoringRequest& request);

}  // namespace r1
