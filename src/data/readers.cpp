#include "data/readers.h"

#include <algorithm>

#include "core/check.h"
#include "data/fields.h"
#include "data/wording.h"
#include "reward/verifier.h"

namespace r1 {
namespace {

using nlohmann::json;

const json& answer_of(const json& row) {
    return first_of(row, {"label", "answer", "ground_truth", "gold", "golden", "solution", "target"});
}

bool is_own(const json& row) {
    return (has(row, "kind") || has(row, "family")) && row.contains("gold") &&
           !first_of(row, {"prompt", "messages", "question"}).is_null();
}
Example own(const json& row) {
    Example example;
    set_prompt(example, first_of(row, {"messages", "question", "prompt"}));
    if (has(row, "instruction")) example.instruction = text_field(row, "instruction");
    const json& kind = first_of(row, {"kind", "family"});
    check(kind.is_string(), "kind is not text");
    example.kind = kind.get<std::string>();
    example.gold = row["gold"];
    if (has(example.gold, "nums") && !has(example.gold, "numbers"))
        example.gold["numbers"] = example.gold["nums"];
    return example;
}

bool is_countdown(const json& row) {
    return !first_of(row, {"nums", "numbers"}).is_null() && has(row, "target");
}
Example countdown(const json& row) {
    Example example;
    const json numbers = first_of(row, {"nums", "numbers"});
    set_answer(example, {{"numbers", numbers}, {"target", row["target"]}});
    if (has(row, "prompt")) {
        set_prompt(example, row["prompt"]);
        return example;
    }
    std::string list;
    for (const json& number : numbers) list += (list.empty() ? "" : ", ") + number.dump();
    example.question = wording::countdown_question(list, row["target"].dump());
    return example;
}

bool is_human_eval(const json& row) {
    return has(row, "prompt") && has(row, "entry_point") && has(row, "test");
}
bool is_quixbugs(const json& row) {
    return has(row, "buggy") &&
           !first_of(row, {"testcases", "tests", "test_cases", "test_list", "pytest"}).is_null();
}
bool is_mbpp(const json& row) {
    return has(row, "test_list") && (has(row, "text") || has(row, "prompt"));
}

std::string last_content(const json& messages) {
    Example spoken;
    check(messages.is_array() && !messages.empty(), "the messages are not a list");
    set_prompt(spoken, json::array({messages.back()}));
    return spoken.question;
}

bool is_preference(const json& row) {
    return has(row, "chosen") && has(row, "rejected");
}
Example preference(const json& row) {
    Example example;
    const json &chosen = row["chosen"], &rejected = row["rejected"];
    std::string texts[2];
    if (chosen.is_array()) {
        set_prompt(example, has(row, "prompt") ? row["prompt"] : chosen);
        texts[0] = last_content(chosen), texts[1] = last_content(rejected);
    } else {
        texts[0] = as_text(chosen), texts[1] = as_text(rejected);
        if (has(row, "prompt")) {
            set_prompt(example, row["prompt"]);
        } else {  // HH-RLHF: whole dialogues that share their beginning
            constexpr std::string_view speaker = "\n\nAssistant:";
            for (std::string& text : texts) {
                const size_t at = text.rfind(speaker);
                check(at != std::string::npos,
                      "there is no prompt, and no \"\\n\\nAssistant:\" that ends one");
                example.question = text.substr(0, at + speaker.size());
                text.erase(0, at + speaker.size());
            }
        }
    }
    example.kind = "preference";
    example.gold = {{"chosen", texts[0]}, {"rejected", texts[1]}};
    return example;
}

bool is_verl(const json& row) {
    return has(row, "prompt") && has(row, "reward_model");
}
Example verl(const json& row) {
    Example example;
    const json& reward = row["reward_model"];
    check(has(reward, "ground_truth"), "reward_model has no ground_truth");
    set_prompt(example, row["prompt"]);
    set_answer(example, reward["ground_truth"]);
    return example;
}

bool is_ifeval(const json& row) {
    return has(row, "prompt") && has(row, "instruction_id_list");
}
Example ifeval(const json& row) {
    Example example;
    set_prompt(example, row["prompt"]);
    example.kind = "ifeval";
    example.gold = {{"instruction_id_list", row["instruction_id_list"]},
                    {"kwargs", row.value("kwargs", json::array())}};
    return example;
}

bool is_completion(const json& row) {
    return has(row, "prompt") && has(row, "completion");
}
Example completion(const json& row) {
    Example example;
    set_prompt(example, row["prompt"]);
    const json& text = row["completion"];
    example.kind = "completion";
    example.gold = text.is_array() ? last_content(text) : text_field(row, "completion");
    return example;
}

bool is_prompt(const json& row) {
    return has(row, "prompt") && !answer_of(row).is_null();
}
Example prompt(const json& row) {
    Example example;
    set_prompt(example, row["prompt"]);
    set_answer(example, answer_of(row));
    return example;
}

bool is_messages(const json& row) {
    return has(row, "messages");
}
Example messages(const json& row) {
    Example example;
    const json& spoken = row["messages"];
    set_prompt(example, spoken);
    if (!answer_of(row).is_null()) {
        set_answer(example, answer_of(row));
    } else if (spoken.size() > 1 && spoken.back()["role"] == "assistant") {
        example.kind = "completion";
        example.gold = last_content(spoken);
    }
    return example;
}

bool is_olympiad(const json& row) {
    return has(row, "question") && has(row, "final_answer");
}
Example olympiad(const json& row) {
    Example example;
    example.question = text_field(row, "question");
    const auto answers = text_list(row["final_answer"], "final_answer");
    check(!answers.empty(), "final_answer is empty");
    std::string all;
    for (const auto& answer : answers) all += (all.empty() ? "" : ", ") + answer;
    set_answer(example, all, true);
    const bool several = answers.size() > 1 || first_of(row, {"is_multiple_answer"}) == true;
    if (several && example.kind == "math" && !example.gold.is_object())
        example.gold = {{"gold", example.gold}, {"policy", "unordered"}};
    ask_for_box(example);
    return example;
}

bool is_gsm8k(const json& row) {
    return has(row, "question") && !first_of(row, {"answer", "golden"}).is_null();
}
Example gsm8k(const json& row) {
    Example example;
    example.question = text_field(row, "question");
    set_answer(example, first_of(row, {"answer", "golden"}));
    ask_for_box(example);
    return example;
}

bool is_math(const json& row) {
    return has(row, "problem") && !first_of(row, {"answer", "solution"}).is_null();
}
Example math(const json& row) {
    Example example;
    example.question = text_field(row, "problem");
    set_answer(example, has(row, "answer") ? row["answer"] : json(boxed_answer(as_text(row["solution"]))),
               true);
    ask_for_box(example);
    return example;
}

bool is_prompt_only(const json& row) {
    return !first_of(row, {"prompt", "question", "problem", "turns"}).is_null();
}
Example prompt_only(const json& row) {
    Example example;
    const json& value = first_of(row, {"prompt", "question", "problem", "turns"});
    const bool turns = value.is_array() && !value.empty() && value[0].is_string();
    set_prompt(example, turns ? value[0] : value);
    return example;
}

std::string label(const json& value) {
    return value.is_string() ? value.get<std::string>() : value.is_number() ? value.dump() : "";
}

}  // namespace

const std::vector<RowFormat>& row_formats() {
    static const std::vector<RowFormat> all = {
        {"r1", "kind, gold, and question, prompt or messages", is_own, own},
        {"verl", "prompt, reward_model", is_verl, verl},
        {"countdown", "nums, target", is_countdown, countdown},
        {"HumanEval", "prompt, entry_point, test", is_human_eval, readers::human_eval},
        {"QuixBugs", "buggy, and testcases, tests or pytest", is_quixbugs, readers::quixbugs},
        {"MBPP", "text or prompt, test_list", is_mbpp, readers::mbpp},
        {"choice", "question, choices or options, answer", readers::is_choice, readers::choice},
        {"code", "problem, and verification_info, tests or input_output", readers::is_code, readers::code},
        {"preference", "chosen, rejected", is_preference, preference},
        {"IFEval", "prompt, instruction_id_list", is_ifeval, ifeval},
        {"completion", "prompt, completion", is_completion, completion},
        {"prompt", "prompt, and label, answer, ground_truth, gold, solution or target", is_prompt, prompt},
        {"messages", "messages", is_messages, messages},
        {"OlympiadBench", "question, final_answer", is_olympiad, olympiad},
        {"GSM8K", "question, answer", is_gsm8k, gsm8k},
        {"MATH", "problem, and answer or solution", is_math, math},
        {"prompt only", "prompt, question, problem or turns", is_prompt_only, prompt_only},
    };
    return all;
}

Example parse_example(const json& row) {
    check(row.is_object(), "the row is not an object");
    for (const RowFormat& format : row_formats()) {
        if (!format.fits(row)) continue;
        Example example = format.read(row);
        example.format = format.name;
        example.id = label(
            first_of(row, {"id", "task_id", "unique_id", "problem_id", "question_id", "idx", "key", "name"}));
        example.source = label(first_of(row, {"data_source", "source", "dataset"}));
        return example;
    }
    std::string known;
    for (const RowFormat& format : row_formats()) known += cat(known.empty() ? "" : "; ", format.keys);
    fail("its keys are of no known format (", known, ")");
}

bool can_be_graded(const std::string& kind) {
    return std::any_of(verifiers().begin(), verifiers().end(),
                       [&](const Verifier& verifier) { return verifier.name == kind; });
}

void check_gold(const Example& example) {
    check(!example.kind.empty(),
          "there is no gold beside the prompt (label, answer, ground_truth, gold, solution or target)");
    check(can_be_graded(example.kind), "nothing here judges rows of kind ", example.kind,
          ": they can be inspected, converted and compared, not trained on");
    find_verifier(example.kind).check_gold(example.gold);
}

}  // namespace r1
