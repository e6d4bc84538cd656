#include "tasks/arithmetic.h"

#include <algorithm>

#include "core/check.h"

namespace r1::arithmetic {
namespace {

Puzzle puzzle_of(const nlohmann::json& gold) {
    Puzzle puzzle;
    puzzle.a = gold_integer(gold, "a", 0, 99'999'999);
    puzzle.b = gold_integer(gold, "b", 0, 99'999'999);
    check(gold.contains("op") && gold["op"].is_string(), "gold: op is missing");
    const auto op = gold["op"].get<std::string>();
    check(op == "+" || op == "-" || op == "*", "gold: op is \"", op, "\", not one of + - *");
    puzzle.op = op[0];
    check(puzzle.op != '*' || puzzle.b < 10, "gold: b of a product has one digit");
    return puzzle;
}

std::string solve(const nlohmann::json& gold) {
    const int value = result(puzzle_of(gold));
    return (value < 0 ? "-" : "") + spaced(std::abs(value)).substr(1);
}

Check check_answer(const nlohmann::json& gold, std::string_view answer) {
    const int right = result(puzzle_of(gold));
    int64_t value = 0;
    int digits = 0;
    bool negative = false;
    for (const char c : answer) {
        if (c == ' ' || c == '\n' || c == '\t' || c == '\r') continue;
        if (c == '-' && digits == 0 && !negative) {
            negative = true;
            continue;
        }
        if (c < '0' || c > '9' || digits == 12) return {false, false, "not one integer of at most 12 digits"};
        value = value * 10 + (c - '0');
        ++digits;
    }
    if (digits == 0) return {false, false, "no digits"};
    if (negative) value = -value;
    if (value != right) return {true, false, cat(value, " is not the result")};
    return {true, true, "equals the result"};
}

Problem generate(Rng& rng, int level, Language language) {
    const Puzzle puzzle = draw(rng, level);
    Problem problem;
    problem.family = "arithmetic";
    problem.level = level;
    problem.language = name_of(language);
    problem.question = question(puzzle, language);
    problem.prompt = frame(problem.question, language);
    const bool english = language == Language::english;
    const std::string sum = cat(puzzle.a, " ", puzzle.op, " ", puzzle.b);
    problem.instruction = instruct((english ? "Compute " : "计算 ") + sum + (english ? "." : "。"),
                                   english ? "one integer" : "一个整数", language);
    problem.gold = {{"a", puzzle.a}, {"op", std::string(1, puzzle.op)}, {"b", puzzle.b}};
    problem.held_out = is_held_out(canonical(puzzle));
    return problem;
}

}  // namespace

int result(const Puzzle& puzzle) {
    if (puzzle.op == '+') return puzzle.a + puzzle.b;
    if (puzzle.op == '-') return puzzle.a - puzzle.b;
    return puzzle.a * puzzle.b;
}

Puzzle draw(Rng& rng, int level) {
    int low = 1;
    for (int i = 0; i < level; ++i) low *= 10;
    Puzzle puzzle;
    puzzle.op = "+-*"[rng.below(3)];
    puzzle.a = rng.range(low, 10 * low - 1);
    puzzle.b = puzzle.op == '*' ? rng.range(2, 9) : rng.range(low, 10 * low - 1);
    if (puzzle.op == '-' && puzzle.b > puzzle.a) std::swap(puzzle.a, puzzle.b);
    return puzzle;
}

std::string canonical(const Puzzle& puzzle) {
    const bool swap = puzzle.op == '+' && puzzle.b > puzzle.a;
    return cat("arithmetic ", swap ? puzzle.b : puzzle.a, " ", puzzle.op, " ", swap ? puzzle.a : puzzle.b);
}

std::string question(const Puzzle& puzzle, Language language) {
    std::string text = language == Language::english ? "compute" : "计算";
    text += spaced(puzzle.a);
    text += ' ';
    text += puzzle.op;
    return text + spaced(puzzle.b);
}

std::string spaced(int value) {
    std::string text;
    for (const char digit : std::to_string(value)) {
        text += ' ';
        text += digit;
    }
    return text;
}

Family family() {
    return {"arithmetic", "add, subtract and multiply long numbers digit by digit", 3, 2, generate, solve,
            check_answer};
}

}  // namespace r1::arithmetic
