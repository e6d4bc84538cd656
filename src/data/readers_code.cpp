// Problems whose answer is a program, and those whose answer is a letter.
#include "core/check.h"
#include "data/fields.h"
#include "data/wording.h"
#include "reward/code_problem.h"

namespace r1::readers {
namespace {

using nlohmann::json;

// The keys of a row that the verifier reads its tests from (reward/code_problem.h).
json tests_of(const json& row, std::initializer_list<const char*> keys) {
    json gold = json::object();
    for (const char* key : keys)
        if (has(row, key)) gold[key] = row[key];
    return gold;
}

std::string language_of(const json& value) {
    if (value.is_null()) return "python";
    const std::string name = as_text(value);
    const std::string_view language = programming_language(name);
    check(!language.empty(), "the language \"", name, "\" is not one that can be run: python or cpp");
    return std::string(language);
}

}  // namespace

Example human_eval(const json& row) {
    Example example;
    const std::string name = text_field(row, "entry_point");
    example.question = wording::completion_question("python", text_field(row, "prompt"), false);
    example.instruction = wording::function("python", name, false);
    example.kind = "code";
    example.gold = tests_of(row, {"prompt", "entry_point", "test"});
    example.gold["language"] = "python";
    return example;
}

Example mbpp(const json& row) {
    Example example;
    const std::string text = text_field(row, has(row, "text") ? "text" : "prompt");
    const auto asserts = text_list(row["test_list"], "test_list");
    check(!asserts.empty(), "there are no tests");
    const bool chinese = wording::is_chinese(text);
    example.question = wording::tests_question(text, "python", asserts, chinese);
    example.instruction = wording::program("python", chinese);
    example.kind = "code";
    example.gold = tests_of(row, {"test_list", "test_setup_code", "test_imports"});
    example.gold["language"] = "python";
    return example;
}

Example quixbugs(const json& row) {
    Example example;
    const std::string source = text_field(row, "buggy");
    const std::string language = language_of(first_of(row, {"language"}));
    const json& problem = first_of(row, {"problem", "description"});
    const std::string text = problem.is_string() ? problem.get<std::string>() : "";
    const bool chinese = wording::is_chinese(text);
    example.question = wording::bug_question(text, language, source, chinese);
    example.instruction = wording::bug_fix(language, chinese);
    example.kind = "bugfix";
    example.gold =
        tests_of(row, {"buggy", "name", "entry_point", "testcases", "slow_testcases", "pytest", "tests",
                       "test_cases", "test_list", "test_setup_code", "test_imports", "support", "fn_name",
                       "time_limit", "memory_limit", "tolerance", "compare", "partial"});
    example.gold["language"] = language;
    return example;
}

bool is_code(const json& row) {
    return !first_of(row, {"problem", "question", "description", "prompt"}).is_null() &&
           !first_of(row, {"verification_info", "tests", "test_cases", "input_output", "public_tests"})
                .is_null();
}

Example code(const json& row) {
    Example example;
    set_prompt(example, first_of(row, {"problem", "question", "description", "prompt"}));
    json gold = tests_of(row, {"verification_info", "tests", "test_cases", "public_tests", "private_tests",
                               "generated_tests", "fn_name", "entry_point", "time_limit", "memory_limit",
                               "memory_limit_bytes", "compare", "tolerance", "partial"});
    if (has(row, "input_output")) gold["tests"] = row["input_output"];  // APPS, TACO
    const json& info = gold["verification_info"] = parsed(first_of(gold, {"verification_info"}));
    json language = first_of(row, {"language"});
    if (has(info, "language")) language = info["language"];
    if (info.is_null()) gold.erase("verification_info");
    gold["language"] = language_of(language.is_string() ? language : json());
    set_code(example, std::move(gold));
    return example;
}

bool is_choice(const json& row) {
    if (!has(row, "question") && !has(row, "question_stem")) return false;
    if (first_of(row, {"answer", "answerKey", "answer_key", "label"}).is_null()) return false;
    return has(row, "choices") || has(row, "options") || (has(row, "A") && has(row, "B"));
}

Example choice(const json& row) {
    const json& given = first_of(row, {"choices", "options"});
    std::vector<std::string> choices, labels;
    if (given.is_object() && has(given, "text")) {  // ARC
        choices = text_list(given["text"], "choices.text");
        if (has(given, "label")) labels = text_list(given["label"], "choices.label");
    } else if (given.is_object()) {  // {"A": "…", "B": "…"}
        for (const auto& [label, text] : given.items())
            labels.push_back(label), choices.push_back(as_text(text));
    } else if (given.is_array()) {
        choices = text_list(given, "choices");
    } else {  // C-Eval
        for (const char* key : {"A", "B", "C", "D", "E", "F"})
            if (has(row, key)) choices.push_back(as_text(row[key]));
    }
    check(choices.size() >= 2 && choices.size() <= 26, "there are ", choices.size(), " choices, not 2 to 26");
    if (labels.empty())
        for (size_t i = 0; i < choices.size(); ++i) labels.emplace_back(1, static_cast<char>('A' + i));
    check(labels.size() == choices.size(), "there are not as many labels as choices");

    const json& answer = first_of(row, {"answer", "answerKey", "answer_key", "label"});
    size_t right = choices.size();
    if (answer.is_number_integer()) {
        const auto index = answer.get<int64_t>();
        check(index >= 0 && index < std::ssize(choices), "answer ", index, " is not the index of a choice");
        right = static_cast<size_t>(index);
    } else {
        const std::string text = as_text(answer);
        for (size_t i = choices.size(); i-- > 0;) {  // a label comes before an equal text
            if (choices[i] == text && right == choices.size()) right = i;
        }
        for (size_t i = 0; i < labels.size(); ++i)
            if (labels[i] == text) right = i;
        check(right < choices.size(), "the answer \"", text.substr(0, 60), "\" is not one of the choices");
    }
    Example example;
    const std::string question = text_field(row, has(row, "question") ? "question" : "question_stem");
    example.question = wording::choice_question(question, choices);
    example.instruction = wording::choice(wording::is_chinese(question));
    example.kind = "mcq";
    example.gold = {{"answer", std::string(1, static_cast<char>('A' + right))}, {"choices", choices}};
    return example;
}

}  // namespace r1::readers
