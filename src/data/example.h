// One problem of a data file, in the shape that everything after the readers works with.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace r1 {

// `kind` names the verifier, `gold` is what it compares with:
//   number    "18", the text of one number
//   math      "\\frac{1}{2}", or {"gold", "policy"}
//   mcq       {"answer": "B", "choices": ["text of A", …]}
//   countdown, arithmetic, knights, …    the family's own keys
//   code      "language" and the row's own keys of tests, as reward/code_problem.h reads them
//   bugfix    as code, and "buggy": the program to repair
//
// Rows that no verifier judges are read too, to be looked at, converted or compared:
//   completion    gold is the text that follows the prompt
//   preference    {"chosen", "rejected"}
//   ifeval        {"instruction_id_list", "kwargs"}
//   ""            a prompt alone; gold is null
struct Example {
    std::string question;     // the problem; of a conversation, its last message
    std::string instruction;  // how to answer (data/wording.h); may be empty
    nlohmann::json messages;  // a conversation of more than one user message; else null
    std::string kind;
    nlohmann::json gold;
    std::string id, source;  // as the row names them; may be empty
    std::string format;      // of the row: "GSM8K"

    // What a user would say: the question, and how to answer it.
    std::string prompt() const { return instruction.empty() ? question : question + "\n\n" + instruction; }
};

}  // namespace r1
