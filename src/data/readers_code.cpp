// Problems whose answer is a program, and those whose answer is a letter.
#include "core/check.h"
#include "data/fields.h"
#include "data/wording.h"

namespace r1::readers {
namespace {

using nlohmann::json;

std::string with_newlines(std::string text) {  // some rows of MBPP have \r\n
    std::erase(text, '\r');
    return text;
}

std::string language_of(const json& value) {
    if (value.is_null()) return "python";
    std::string name;
    for (const char c : as_text(value)) name += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    if (name.starts_with("py")) return "python";
    if (name.starts_with("cpp") || name.starts_with("c++")) return "cpp";
    fail("the language \"", name, "\" is not one that can be run: python or cpp");
}

// The graph programs of QuixBugs come with pytest functions: each becomes a test of its own, after what
// stands before the first and without the imports, which end with the line "    from python_programs.…".
json pytest_functions(const std::string& source) {
    const size_t imports = source.rfind("from python_programs.");
    const size_t begin = imports == std::string::npos ? 0 : source.find('\n', imports);
    check(begin != std::string::npos, "pytest ends with its imports");
    json tests = json::array();
    const std::string mark = "\ndef test";
    size_t at = source.find(mark, begin);
    check(at != std::string::npos, "pytest holds no test function");
    const std::string before = source.substr(begin, at - begin);
    while (at != std::string::npos) {
        const size_t next = source.find(mark, at + 1);
        const size_t name = at + 5, end = source.find('(', name);
        check(end != std::string::npos, "pytest is malformed");
        tests.push_back(before + source.substr(at, next - at) + "\n" + source.substr(name, end - name) +
                        "()\n");
        at = next;
    }
    return tests;
}

constexpr const char* kNodeClass =
    "class Node:\n"
    "    def __init__(self, value=None, successor=None, successors=None, predecessors=None,\n"
    "                 incoming_nodes=None, outgoing_nodes=None):\n"
    "        self.value = value\n"
    "        self.successor = successor\n"
    "        self.successors = successors if successors is not None else []\n"
    "        self.predecessors = predecessors if predecessors is not None else []\n"
    "        self.incoming_nodes = incoming_nodes if incoming_nodes is not None else []\n"
    "        self.outgoing_nodes = outgoing_nodes if outgoing_nodes is not None else []\n\n";

json call_tests(const json& row, const std::string& name) {
    const json& slow = first_of(row, {"slow_testcases"});  // indexes of those that take minutes
    // its pytest allows as much as the last argument, epsilon
    const bool approximate =
        first_of(row, {"pytest"}).is_string() &&
        row["pytest"].get_ref<const std::string&>().find("abs=input_data[-1]") != std::string::npos;
    json tests = json::array();
    size_t index = 0;
    for (const json& test : row["testcases"]) {
        check(test.is_array() && test.size() == 2, "a testcase is not [arguments, expected]");
        if (slow.is_array() && std::find(slow.begin(), slow.end(), json(index++)) != slow.end()) continue;
        const json arguments = test[0].is_array() ? test[0] : json::array({test[0]});
        json call = {{"fn_name", name}, {"input", arguments}, {"output", test[1]}};
        if (approximate && !arguments.empty()) call["tolerance"] = arguments.back();
        tests.push_back(std::move(call));
    }
    check(!tests.empty(), "there are no tests");
    return tests;
}

}  // namespace

Example human_eval(const json& row) {
    Example example;
    const std::string prefix = text_field(row, "prompt"), name = text_field(row, "entry_point");
    example.question = wording::completion_question("python", prefix, false);
    set_code(example, "python", json::array({text_field(row, "test") + "\ncheck(" + name + ")\n"}));
    example.instruction = wording::function("python", name, false);
    example.gold["prefix"] = prefix;
    example.gold["entry_point"] = name;
    return example;
}

Example mbpp(const json& row) {
    Example example;
    const std::string text = text_field(row, has(row, "text") ? "text" : "prompt");
    const auto asserts = text_list(row["test_list"], "test_list");
    example.question = wording::tests_question(text, "python", asserts, wording::is_chinese(text));
    std::string setup = with_newlines(has(row, "test_setup_code") ? as_text(row["test_setup_code"]) : "");
    if (!setup.empty()) setup += '\n';
    json tests = json::array();
    for (const auto& test : asserts) tests.push_back(setup + with_newlines(test));
    check(!tests.empty(), "there are no tests");
    set_code(example, "python", std::move(tests));
    if (has(row, "test_imports")) {
        std::string imports;
        for (const auto& line : text_list(row["test_imports"], "test_imports")) imports += line + "\n";
        if (!imports.empty()) example.gold["setup"] = imports;
    }
    return example;
}

Example quixbugs(const json& row) {
    Example example;
    const std::string source = text_field(row, has(row, "buggy") ? "buggy" : "buggy_code");
    const std::string language = language_of(first_of(row, {"language"}));
    const json& problem = first_of(row, {"problem", "description"});
    const std::string text = problem.is_string() ? problem.get<std::string>() : "";
    json tests;
    if (has(row, "testcases")) {
        check(row["testcases"].is_array(), "testcases is not a list");
        tests = call_tests(row, text_field(row, "name"));
    } else {
        tests = has(row, "tests") ? tests_of(row["tests"]) : pytest_functions(text_field(row, "pytest"));
    }
    const bool chinese = wording::is_chinese(text);
    example.question = wording::bug_question(text, language, source, chinese);
    set_code(example, language, std::move(tests));
    example.kind = "bugfix";
    example.instruction = wording::bug_fix(language, chinese);
    example.gold["source"] = source;
    if (has(row, "name")) example.gold["entry_point"] = text_field(row, "name");
    if (row.value("needs_node_class", json()) == true) example.gold["setup"] = kNodeClass;
    return example;
}

namespace {
constexpr auto kTestKeys = {"verification_info", "tests",         "test_cases",     "input_output",
                            "public_tests",      "private_tests", "generated_tests"};
}

bool is_code(const json& row) {
    if (first_of(row, {"problem", "question", "description", "prompt"}).is_null()) return false;
    for (const char* key : kTestKeys)
        if (has(row, key)) return true;
    return false;
}

Example code(const json& row) {
    Example example;
    set_prompt(example, first_of(row, {"problem", "question", "description", "prompt"}));
    json language = first_of(row, {"language"}), tests = json::array(),
         time_limit = first_of(row, {"time_limit"});
    for (const char* key : kTestKeys) {
        if (!has(row, key)) continue;
        json value = parsed(row[key]);
        if (std::string_view(key) == "verification_info") {
            check(has(value, "test_cases"), "verification_info has no test_cases");
            if (has(value, "language")) language = value["language"];
            value = json(value["test_cases"]);
        }
        const bool none = value.is_object() && first_of(value, {"inputs", "input"}).empty();
        if (none) continue;  // code_contests' sets of tests may be empty
        for (json& test : tests_of(value)) tests.push_back(std::move(test));
    }
    check(!tests.empty(), "there are no tests");
    set_code(example, language_of(language.is_string() ? language : json()), std::move(tests));
    if (time_limit.is_object())  // code_contests
        time_limit = time_limit.value("seconds", 0.0) + time_limit.value("nanos", 0.0) * 1e-9;
    if (time_limit.is_number() && time_limit.get<double>() > 0) example.gold["time_limit"] = time_limit;
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
