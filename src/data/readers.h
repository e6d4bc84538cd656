// From the JSON of a row to an Example. The format is told by the row's keys; a key whose value is null
// counts as absent. In this order:
//
//   r1            kind | family, gold, and prompt | messages | question     what this program writes
//   verl          prompt, reward_model {ground_truth}
//   countdown     nums | numbers, target [, prompt]
//   HumanEval     prompt, entry_point, test
//   QuixBugs      buggy, and testcases | tests | test_list | pytest [, problem]
//   MBPP          test_list, and text | prompt
//   choice        question, choices | options | A … D, answer | answerKey   MMLU, MMLU-Pro, ARC, C-Eval
//   code          verification_info | tests | test_cases | input_output | public_tests …, and
//                 problem | question | description | prompt                 open-r1, code_contests, APPS,
//                 TACO
//   preference    chosen, rejected [, prompt]                               TRL, HH-RLHF
//   IFEval        prompt, instruction_id_list, kwargs
//   completion    prompt, completion                                        TRL
//   prompt        prompt and label | answer | ground_truth | gold | solution | target     slime, TRL
//   messages      messages [, answer | label | golden …]                    TRL, MGSM
//   OlympiadBench question, final_answer
//   GSM8K         question, and answer (after ####) | golden                GSM8K, CMATH
//   MATH          problem, and answer | the last \boxed{} of solution       MATH, open-r1, AIME
//   prompt only   prompt | question | problem | turns
//
// prompt is text or messages; a message's content is text or a list of parts whose texts are joined.
// A gold of text is `number` where GSM8K's or one number stands alone beside a prompt; in MATH it is `math`.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "data/example.h"

namespace r1 {

struct RowFormat {
    const char* name;
    const char* keys;
    bool (*fits)(const nlohmann::json& row);
    Example (*read)(const nlohmann::json& row);
};
const std::vector<RowFormat>& row_formats();  // the first that fits reads the row

Example parse_example(const nlohmann::json& row);  // throws Error, saying what is missing or malformed

bool can_be_graded(const std::string& kind);  // there is a verifier of that name
// Throws Error unless there is a verifier of the kind and it can use the gold.
void check_gold(const Example& example);

}  // namespace r1
