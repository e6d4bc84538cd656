#include "data/repairs.h"

#include "core/check.h"
#include "core/rng.h"
#include "data/fields.h"
#include "data/wording.h"
#include "reward/code.h"
#include "reward/mutate.h"

namespace r1 {
namespace {

using nlohmann::json;

std::string without_fence(const std::string& text) {
    if (!text.starts_with("```")) return text;
    const std::vector<CodeBlock> blocks = code_blocks(text);
    return blocks.empty() ? text : blocks.front().text;
}

// code_contests: {language: […], solution: […]}, where 1 and 3 are Python 2 and 3; or a list of texts.
const json& first_python(const json& solutions) {
    static const json none;
    if (solutions.is_array()) return solutions.empty() ? none : solutions[0];
    const json &languages = first_of(solutions, {"language"}), &texts = first_of(solutions, {"solution"});
    for (size_t i = 0; i < languages.size() && i < texts.size(); ++i)
        if (languages[i] == 3 || languages[i] == "PYTHON3" || languages[i] == "python") return texts[i];
    return none;
}

}  // namespace

std::string working_program(const json& row) {
    const json& body = first_of(row, {"canonical_solution"});
    if (body.is_string() && has(row, "prompt") && row["prompt"].is_string())
        return row["prompt"].get<std::string>() + body.get<std::string>();
    json program = first_of(row, {"code", "solution", "gold_standard_solution"});
    if (program.is_null()) program = first_python(first_of(row, {"solutions"}));
    check(program.is_string(),
          "there is no working program beside the tests (code, canonical_solution, "
          "solution, solutions or gold_standard_solution)");
    return without_fence(program.get<std::string>());
}

std::vector<Example> repairs_of(const Example& example, const std::string& program, size_t count,
                                uint64_t seed) {
    check(example.kind == "code", "it is no problem of code with tests");
    const std::string prompt = example.prompt();
    const bool chinese = wording::is_chinese(example.question);
    // what HumanEval asks stands in the program
    const std::string text = example.format == "HumanEval" ? "" : example.question;
    std::vector<Example> repairs;
    for (json& gold :
         make_bugfixes(example.gold, program, hash_bytes(prompt.data(), prompt.size(), seed), count)) {
        Example repair;
        repair.question = wording::bug_question(text, "python", gold["buggy"], chinese);
        repair.instruction = wording::bug_fix("python", chinese);
        repair.kind = "bugfix";
        repair.gold = std::move(gold);
        repair.id = example.id.empty() ? "" : cat(example.id, "/", repairs.size() + 1);
        repair.source = example.source;
        repairs.push_back(std::move(repair));
    }
    return repairs;
}

}  // namespace r1
