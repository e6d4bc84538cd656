#include "tasks/programs.h"

#include "core/check.h"

namespace r1::programs {
namespace {

using mini_python::Value;

mini_python::Program program_of(const nlohmann::json& gold) {
    check(gold.is_object() && gold.contains("program") && gold["program"].is_string(),
          "gold: the string program is missing");
    try {
        return mini_python::parse_program(gold["program"].get_ref<const std::string&>());
    } catch (const Error& error) {
        fail("gold: the program cannot be read: ", error.what());
    }
}

std::vector<Value> arguments_of(const nlohmann::json& gold) {
    check(gold.contains("arguments") && gold["arguments"].is_array(), "gold: the array arguments is missing");
    return std::get<std::vector<Value>>(mini_python::from_json(gold["arguments"]).of);
}

std::string list_of(const std::vector<Value>& values) {
    std::string text;
    for (const Value& value : values) text += (text.empty() ? "" : ", ") + mini_python::repr(value);
    return text;
}

Value output_of(const nlohmann::json& gold) {
    const mini_python::Run run = mini_python::run(program_of(gold), arguments_of(gold));
    check(run.value.has_value(), "gold: the program does not return: ", run.reason);
    return *run.value;
}

std::string solve_output(const nlohmann::json& gold) {
    return mini_python::repr(output_of(gold));
}

Check check_output(const nlohmann::json& gold, std::string_view answer) {
    const Value right = output_of(gold);
    const auto values = mini_python::parse_literals(answer);
    if (!values || values->size() != 1) return {false, false, "not one Python value"};
    if (values->front() != right) return {true, false, "another value than the program returns"};
    return {true, true, "what the program returns"};
}

// Arguments that do are kept in the gold: to find some is the problem.
std::string solve_input(const nlohmann::json& gold) {
    return list_of(arguments_of(gold));
}

Check check_input(const nlohmann::json& gold, std::string_view answer) {
    const mini_python::Program program = program_of(gold);
    const std::vector<Value> known = arguments_of(gold);
    check(gold.contains("output"), "gold: output is missing");
    const Value right = mini_python::from_json(gold["output"]);
    check(mini_python::run(program, known).value == right, "gold: the arguments do not give the output");
    const auto values = mini_python::parse_literals(answer);
    if (!values) return {false, false, "not Python values separated by commas"};
    if (values->size() != known.size()) return {true, false, cat("not ", known.size(), " arguments")};
    for (size_t i = 0; i < known.size(); ++i)
        if ((*values)[i].of.index() != known[i].of.index())
            return {true, false, "an argument of another type"};
    const mini_python::Run run = mini_python::run(program, *values);
    if (!run.value) return {true, false, "the program fails: " + run.reason};
    if (run.value != right)
        return {true, false, "the program returns " + mini_python::repr(*run.value).substr(0, 80)};
    return {true, true, "the program returns the output"};
}

Problem generate_output(Rng& rng, int level, Language language) {
    const Puzzle puzzle = draw(rng, level);
    const std::string call = "f(" + list_of(puzzle.arguments) + ")";
    const bool english = language == Language::english;
    return stated_problem(
        "code_output", level, language,
        english ? "Here is a Python function.\n\n" + puzzle.source + "\nWhat does " + call + " return?"
                : "下面是一个 Python 函数。\n\n" + puzzle.source + "\n" + call + " 返回什么？",
        english ? "the value that it returns, as Python writes it" : "返回值，按 Python 的写法",
        {{"program", puzzle.source}, {"arguments", mini_python::to_json({puzzle.arguments})}},
        canonical(puzzle));
}

Problem generate_input(Rng& rng, int level, Language language) {
    const Puzzle puzzle = draw(rng, level);
    const std::string output = mini_python::repr(puzzle.output);
    const bool english = language == Language::english;
    const char* kinds[] = {"", "", "an integer", "a string", "a list of integers"};
    const char* chinese_kinds[] = {"", "", "整数", "字符串", "整数列表"};
    std::string types;
    for (const Value& value : puzzle.arguments)
        types += (types.empty() ? ""
                  : english     ? ", "
                                : "、") +
                 std::string((english ? kinds : chinese_kinds)[value.of.index()]);
    return stated_problem("code_input", level, language,
                          english ? "Here is a Python function.\n\n" + puzzle.source + "\nFind arguments (" +
                                        types + ") for which f returns " + output + ". Any that do are right."
                                  : "下面是一个 Python 函数。\n\n" + puzzle.source + "\n请找出使 f 返回 " +
                                        output + " 的参数（" + types + "）。任何满足条件的参数都算对。",
                          english ? "only the arguments as Python values, separated by commas"
                                  : "参数（Python 的写法，用逗号分隔）",
                          {{"program", puzzle.source},
                           {"arguments", mini_python::to_json({puzzle.arguments})},
                           {"output", mini_python::to_json(puzzle.output)}},
                          canonical(puzzle));
}

}  // namespace

Family output_family() {
    return {"code_output", "say what a small Python function returns", 4, 2, generate_output, solve_output,
            check_output};
}

Family input_family() {
    return {"code_input",
            "find arguments for which a small Python function returns a value",
            4,
            2,
            generate_input,
            solve_input,
            check_input};
}

}  // namespace r1::programs
