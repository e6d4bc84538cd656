#include "reward/code_problem.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/ascii.h"
#include "core/check.h"

namespace r1 {
namespace {

using nlohmann::json;

constexpr double kPythonFactor = 3;  // a stated time limit is meant for compiled programs

bool has(const json& object, const char* key) {
    return object.contains(key) && !object[key].is_null();
}

std::string text_of(const json& value, const char* what) {
    if (value.is_array()) {  // lines
        std::string text;
        for (const json& line : value) text += text_of(line, what) + '\n';
        return text;
    }
    check(value.is_string() || value.is_number(), "code: ", what, " is not a text");
    return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string optional_text(const json& object, const char* key) {
    return has(object, key) ? text_of(object[key], key) : "";
}

// Text that is JSON stands for what it holds: tables of text columns have lists as text.
json unpacked(const json& value) {
    if (!value.is_string()) return value;
    const auto& text = value.get_ref<const std::string&>();
    const size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string::npos || (text[begin] != '{' && text[begin] != '[')) return value;
    json parsed = json::parse(text, nullptr, false);
    return parsed.is_discarded() ? value : parsed;
}

// Arguments of a call: a list, or text with one JSON value a line.
json arguments_of(const json& input) {
    if (input.is_array()) return input;
    check(input.is_string(), "code: the input of a function call is neither a list nor text");
    json arguments = json::array();
    const auto& text = input.get_ref<const std::string&>();
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        const std::string line = text.substr(at, end - at);
        at = end + 1;
        if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
        const json value = json::parse(line, nullptr, false);
        arguments.push_back(value.is_discarded() ? json(line) : value);
    }
    return arguments;
}

json call(const json& input, const json& output, const std::string& function) {
    check(!function.empty(), "code: a test of type function_call lacks fn_name");
    json expected = output;
    if (output.is_string()) {
        const json value = json::parse(output.get_ref<const std::string&>(), nullptr, false);
        if (!value.is_discarded()) expected = value;
    }
    return {{"fn", function}, {"args", arguments_of(input)}, {"expected", expected}, {"wrapped", true}};
}

void set_tester(CodeProblem& problem, json spec) {
    check(problem.language == "python", "code: tests of functions are for Python; ", problem.language,
          " programs are tested by input and output");
    spec["entry_point"] = problem.entry_point;
    problem.tester = spec.dump();
}

void add_columns(CodeProblem& problem, json& calls, const json& tests, const char* inputs_key,
                 const char* outputs_key) {
    const json inputs = unpacked(tests.at(inputs_key)),
               outputs = tests.contains(outputs_key) ? unpacked(tests[outputs_key]) : json();
    check(inputs.is_array() && outputs.is_array() && inputs.size() == outputs.size(), "code: ", inputs_key,
          " and ", outputs_key, " are not lists of the same length");
    const std::string function = optional_text(tests, "fn_name");
    for (size_t i = 0; i < inputs.size(); ++i) {
        if (function.empty()) {
            problem.programs.push_back({text_of(inputs[i], inputs_key), text_of(outputs[i], outputs_key)});
        } else {
            calls.push_back(call(inputs[i], outputs[i], function));
        }
    }
}

void add_cases(CodeProblem& problem, json& calls, const json& tests, const std::string& function) {
    for (const json& test : tests) {
        check(test.is_object() && test.contains("input") && test.contains("output"),
              "code: a test case lacks input or output");
        std::string own = optional_text(test, "fn_name");
        if (own.empty()) own = function;
        const std::string type = optional_text(test, "type");
        check(type.empty() || type == "stdin_stdout" || type == "function_call",
              "code: unknown type of test \"", type, "\"; the known ones are stdin_stdout and function_call");
        if (type == "function_call" || (type.empty() && !own.empty())) {
            calls.push_back(call(test["input"], test["output"], own));
        } else {
            problem.programs.push_back({text_of(test["input"], "input"), text_of(test["output"], "output")});
        }
    }
}

bool all_strings(const json& list) {
    return std::all_of(list.begin(), list.end(), [](const json& item) { return item.is_string(); });
}

void set_asserts(CodeProblem& problem, const json& gold, const json& tests) {
    check(tests.is_array() && all_strings(tests), "code: test_list is not a list of texts");
    json all = tests;
    if (gold.value("challenge", false) && has(gold, "challenge_test_list"))
        for (const json& test : gold["challenge_test_list"]) all.push_back(test);
    std::string setup = optional_text(gold, "test_imports");
    if (has(gold, "test_setup_code")) setup += optional_text(gold, "test_setup_code") + '\n';
    set_tester(problem, {{"style", "asserts"}, {"tests", all}, {"setup", setup}});
}

void set_text_tests(CodeProblem& problem, const json& gold, const std::string& text) {
    const bool checks = text.find("def check(") != std::string::npos && !problem.entry_point.empty();
    set_tester(problem, {{"style", checks ? "check" : "pytest"},
                         {"tests", text},
                         {"prelude", problem.prompt},
                         {"support", gold.value("support", json::object())},
                         {"setup", optional_text(gold, "test_setup_code")}});
}

constexpr const char* kNodeModule =
    "class Node:\n"
    "    def __init__(self, value=None, successor=None, successors=None, predecessors=None, "
    "incoming_nodes=None,\n"
    "                 outgoing_nodes=None):\n"
    "        self.value, self.successor = value, successor\n"
    "        self.successors, self.predecessors = successors or [], predecessors or []\n"
    "        self.incoming_nodes, self.outgoing_nodes = incoming_nodes or [], outgoing_nodes or []\n";

// QuixBugs: its own pytest file where it is there, with its cases; else the cases as calls.
void set_quixbugs(CodeProblem& problem, const json& gold) {
    json cases = gold.value("testcases", json::array()), kept = json::array();
    if (cases.is_null()) cases = json::array();
    const json slow = gold.value("slow_testcases", json::array());
    for (size_t i = 0; i < cases.size(); ++i) {
        check(cases[i].is_array() && cases[i].size() == 2, "code: testcases[", i,
              "] is not [arguments, expected]");
        if (std::find(slow.begin(), slow.end(), i) == slow.end()) kept.push_back(cases[i]);
    }
    if (has(gold, "pytest")) {
        set_tester(problem, {{"style", "pytest"},
                             {"tests", optional_text(gold, "pytest")},
                             {"testdata", kept},
                             {"support", {{"node", kNodeModule}}}});
        return;
    }
    const std::string function = optional_text(gold, "name");
    json calls = json::array();
    for (const json& test : kept)
        calls.push_back(call(test[0].is_array() ? test[0] : json::array({test[0]}), test[1], function));
    check(!calls.empty(), "code: there are no tests");
    set_tester(problem, {{"style", "calls"}, {"tests", calls}});
}

double number_of(const json& value, const char* key, double low, double high) {
    double number = 0;
    if (value.is_object()) {  // code_contests: {seconds, nanos}
        number = value.value("seconds", 0.0) + value.value("nanos", 0.0) * 1e-9;
    } else {
        check(value.is_number(), "code: ", key, " is not a number");
        number = value.get<double>();
    }
    check(std::isfinite(number) && number > 0, "code: ", key, " is not above 0");
    return std::clamp(number, low, high);
}

void set_options(CodeProblem& problem, const json& gold) {
    const bool python = problem.language == "python";
    double seconds = 4;
    if (has(gold, "time_limit"))
        seconds = number_of(gold["time_limit"], "time_limit", 0.1, 60) * (python ? kPythonFactor : 1);
    problem.limits.cpu_seconds = seconds;
    problem.limits.wall_seconds = 3 * seconds + 2;  // a busy machine is no fault of a program
    if (has(gold, "wall_limit"))
        problem.limits.wall_seconds = number_of(gold["wall_limit"], "wall_limit", 0.1, 600);
    double megabytes = 512;
    if (has(gold, "memory_limit")) megabytes = number_of(gold["memory_limit"], "memory_limit", 64, 8192);
    if (has(gold, "memory_limit_bytes"))
        megabytes = number_of(gold["memory_limit_bytes"], "memory_limit_bytes", 64e6, 8e9) / 1048576;
    problem.limits.memory_bytes = static_cast<size_t>(megabytes * 1048576);
    problem.partial = has(gold, "partial") && gold["partial"].is_boolean() && gold["partial"].get<bool>();
    if (has(gold, "compare")) {
        const std::string name = text_of(gold["compare"], "compare");
        check(name == "tokens" || name == "lines" || name == "exact", "code: unknown compare \"", name,
              "\"; the known ones are tokens, lines and exact");
        problem.compare = name == "lines"   ? OutputCompare::lines
                          : name == "exact" ? OutputCompare::exact
                                            : OutputCompare::tokens;
    }
}

std::string language_of(const json& gold) {
    const std::string name = optional_text(gold, "language");
    const std::string_view language = name.empty() ? "python" : programming_language(name);
    check(!language.empty(), "code: unknown language \"", name, "\"; the known ones are python and cpp");
    return std::string(language);
}

void set_tests(CodeProblem& problem, const json& gold) {
    json calls = json::array();
    bool columns = false;
    for (const char* key : {"public_tests", "private_tests", "generated_tests"}) {
        if (!has(gold, key)) continue;
        add_columns(problem, calls, unpacked(gold[key]), "input", "output");
        columns = true;
    }
    const char* key = has(gold, "tests") ? "tests" : "test_cases";
    if (has(gold, key) && !columns) {
        const json tests = unpacked(gold[key]);
        if (tests.is_string()) return set_text_tests(problem, gold, tests.get<std::string>());
        if (tests.is_array() && !tests.empty() && all_strings(tests))
            return set_asserts(problem, gold, tests);
        if (tests.is_object() && tests.contains("inputs")) {
            add_columns(problem, calls, tests, "inputs", "outputs");
        } else if (tests.is_object() && tests.contains("input")) {
            add_columns(problem, calls, tests, "input", "output");
        } else {
            check(tests.is_array(), "code: ", key,
                  " is neither a list, nor inputs and outputs, nor Python text");
            problem.compare = OutputCompare::lines;
            add_cases(problem, calls, tests, optional_text(gold, "fn_name"));
        }
    }
    check(calls.empty() || problem.programs.empty(),
          "code: tests of functions and of whole programs are mixed");
    check(!calls.empty() || !problem.programs.empty(), "code: there are no tests");
    if (!calls.empty())
        set_tester(problem,
                   {{"style", "calls"}, {"tests", calls}, {"tolerance", gold.value("tolerance", 0.0)}});
}

}  // namespace

std::string_view programming_language(std::string_view name) {
    const std::string lower = ascii_lower(name);
    const auto begins = [&](const char* with) { return lower.starts_with(with); };
    const bool old = begins("python2") || begins("python 2") || begins("pypy 2") || begins("pypy2");
    if (lower == "py" || lower == "py3" || ((begins("python") || begins("pypy")) && !old)) return "python";
    if (lower == "cc" || lower == "cxx" || begins("cpp") || begins("c++") || begins("gnu c++")) return "cpp";
    return "";
}

CodeProblem parse_code_problem(const json& gold) {
    check(gold.is_object(), "code: gold is not an object with tests");
    json all = gold;
    if (has(gold, "verification_info")) {
        const json info = unpacked(gold["verification_info"]);
        check(info.is_object(), "code: verification_info is not an object");
        for (const auto& [key, value] : info.items()) all[key] = value;
    }
    try {
        CodeProblem problem;
        problem.language = language_of(all);
        problem.entry_point = optional_text(all, "entry_point");
        if (has(all, "test") && !problem.entry_point.empty()) {
            problem.prompt = optional_text(all, "prompt");
            set_text_tests(problem, all, optional_text(all, "test"));
        } else if (has(all, "test_list")) {
            set_asserts(problem, all, unpacked(all["test_list"]));
        } else if (has(all, "testcases") || has(all, "pytest")) {
            set_quixbugs(problem, all);
        } else {
            set_tests(problem, all);
        }
        set_options(problem, all);
        return problem;
    } catch (const json::exception& error) {
        fail("code: unusable tests: ", error.what());
    }
}

}  // namespace r1
