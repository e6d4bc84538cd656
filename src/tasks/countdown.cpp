#include "tasks/countdown.h"

#include <algorithm>
#include <span>

#include "core/check.h"
#include "tasks/expression.h"

namespace r1::countdown {
namespace {

constexpr char ops[] = {'+', '-', '*', '/'};
constexpr float hard_share = 0.13f;

// Calls visit(value) for each way of combining all numbers; the order of a pair is the one that gives a
// value.
template <class Visit>
void combine(std::span<const int> numbers, Visit&& visit) {
    if (numbers.size() == 1) return visit(numbers[0]);
    for (size_t i = 0; i < numbers.size(); ++i)
        for (size_t j = i + 1; j < numbers.size(); ++j) {
            std::array<int, 4> rest{};
            size_t kept = 1;
            for (size_t k = 0; k < numbers.size(); ++k)
                if (k != i && k != j) rest[kept++] = numbers[k];
            for (const char op : ops) {
                Step step{std::max(numbers[i], numbers[j]), op, std::min(numbers[i], numbers[j])};
                if (!apply(step)) continue;
                rest[0] = step.result;
                combine(std::span<const int>(rest.data(), kept), visit);
            }
        }
}

// An expression for the target, or "" where there is none.
std::string find_expression(std::vector<std::pair<int, std::string>> items, int target) {
    if (items.size() == 1) return items[0].first == target ? items[0].second : "";
    for (size_t i = 0; i < items.size(); ++i)
        for (size_t j = 0; j < items.size(); ++j) {
            if (i == j) continue;
            for (const char op : ops) {
                Step step{items[i].first, op, items[j].first};
                if (!apply(step)) continue;
                std::vector<std::pair<int, std::string>> rest;
                for (size_t k = 0; k < items.size(); ++k)
                    if (k != i && k != j) rest.push_back(items[k]);
                std::string text = cat(items[i].second, " ", op, " ", items[j].second);
                if (!rest.empty()) text = cat("( ", text, " )");
                rest.emplace_back(step.result, text);
                std::string found = find_expression(std::move(rest), target);
                if (!found.empty()) return found;
            }
        }
    return "";
}

Puzzle puzzle_of(const nlohmann::json& gold) {
    Puzzle puzzle;
    const std::vector<int> numbers = gold_integers(gold, "numbers", 4, 0, 10'000);
    std::copy(numbers.begin(), numbers.end(), puzzle.numbers.begin());
    puzzle.count = static_cast<int>(numbers.size());
    puzzle.target = gold_integer(gold, "target", -1'000'000'000, 1'000'000'000);
    return puzzle;
}

std::string solve(const nlohmann::json& gold) {
    const Puzzle puzzle = puzzle_of(gold);
    std::vector<std::pair<int, std::string>> items;
    for (int i = 0; i < puzzle.count; ++i) {
        const int number = puzzle.numbers[static_cast<size_t>(i)];
        items.emplace_back(number, std::to_string(number));
    }
    std::string found = find_expression(std::move(items), puzzle.target);
    check(!found.empty(), "countdown: ", question(puzzle, Language::english),
          " has no solution with values from 1 to 99");
    return found;
}

std::string instruction(const Puzzle& puzzle, Language language) {
    const bool english = language == Language::english;
    std::string numbers;
    for (int i = 0; i < puzzle.count; ++i)
        numbers += (i ? ", " : "") + std::to_string(puzzle.numbers[static_cast<size_t>(i)]);
    const std::string target = std::to_string(puzzle.target);
    return instruct(
        english ? "Make " + target + " from the numbers " + numbers +
                      ". Use each number exactly once, with + - * / and brackets."
                : "用数 " + numbers + " 算出 " + target + "。每个数恰好用一次，可以用 + - * / 和括号。",
        english ? "one expression, for example (1 + 2) * 3" : "一个算式，例如 (1 + 2) * 3", language);
}

Problem generate(Rng& rng, int level, Language language) {
    const Puzzle puzzle = draw(rng, level);
    Problem problem;
    problem.family = "countdown";
    problem.level = level;
    problem.language = name_of(language);
    problem.question = question(puzzle, language);
    problem.prompt = frame(problem.question, language);
    problem.instruction = instruction(puzzle, language);
    problem.gold = {
        {"numbers", std::vector<int>(puzzle.numbers.begin(), puzzle.numbers.begin() + puzzle.count)},
        {"target", puzzle.target}};
    problem.held_out = is_held_out(canonical(puzzle));
    return problem;
}

}  // namespace

Check check_answer(const nlohmann::json& gold, std::string_view answer) {
    const std::vector<int> numbers = gold_integers(gold, "numbers", 100, 0, 1'000'000'000);
    const int target = gold_integer(gold, "target", -1'000'000'000, 1'000'000'000);
    std::string reason;
    const std::string_view left = answer.substr(0, answer.find('='));
    const auto expression = parse_expression(left, reason);
    if (!expression) return {false, false, "not an equation: " + reason};
    if (left.size() < answer.size()) {  // "28 + 12 = 40": what follows the sign must be the target too
        const auto right = parse_expression(answer.substr(left.size() + 1), reason);
        if (!right) return {false, false, "not an equation: " + reason};
        if (!(right->value == Fraction{target, 1})) return {true, false, "the right side is not the target"};
    }
    std::vector<int64_t> used = expression->numbers, given(numbers.begin(), numbers.end());
    std::sort(used.begin(), used.end());
    std::sort(given.begin(), given.end());
    if (used != given) return {true, false, "does not use each number exactly once"};
    if (!(expression->value == Fraction{target, 1})) {
        const Fraction& value = expression->value;
        return {true, false,
                value.denominator == 1 ? cat("gives ", value.numerator)
                                       : cat("gives ", value.numerator, "/", value.denominator)};
    }
    return {true, true, "hits the target"};
}

bool apply(Step& step) {
    const auto [a, op, b, unused] = step;
    int result = 0;
    if (op == '+') result = a + b;
    if (op == '-') result = a - b;
    if (op == '*') result = a * b;
    if (op == '/' && b > 0 && a % b == 0) result = a / b;
    step.result = result;
    return result >= 1 && result <= largest;
}

Ways count_ways(const Puzzle& puzzle) {
    Ways ways;
    combine(std::span(puzzle.numbers).first(static_cast<size_t>(puzzle.count)), [&](int value) {
        ++ways.all;
        ways.hits += value == puzzle.target;
    });
    return ways;
}

Puzzle draw(Rng& rng, int level) {
    for (;;) {
        Puzzle puzzle;
        puzzle.count = level == 3 ? 4 : 3;
        for (int i = 0; i < puzzle.count; ++i) puzzle.numbers[static_cast<size_t>(i)] = rng.range(1, 30);
        std::array<int, largest + 1> hits{};
        int all = 0;
        combine(std::span(puzzle.numbers).first(static_cast<size_t>(puzzle.count)), [&](int value) {
            ++all;
            ++hits[static_cast<size_t>(value)];
        });
        std::array<int, largest> targets{};
        uint32_t count = 0;
        for (int target = 10; target <= largest; ++target) {
            const int hit = hits[static_cast<size_t>(target)];
            const bool hard = static_cast<float>(hit) <= hard_share * static_cast<float>(all);
            if (hit > 0 && (level == 3 || hard == (level == 2))) targets[count++] = target;
        }
        if (count == 0) continue;
        puzzle.target = targets[rng.below(count)];
        return puzzle;
    }
}

std::string canonical(const Puzzle& puzzle) {
    std::array<int, 4> sorted = puzzle.numbers;
    std::sort(sorted.begin(), sorted.begin() + puzzle.count);
    std::string text = "countdown";
    for (int i = 0; i < puzzle.count; ++i) text += " " + std::to_string(sorted[static_cast<size_t>(i)]);
    return text + " = " + std::to_string(puzzle.target);
}

std::string question(const Puzzle& puzzle, Language language) {
    std::string numbers;
    for (int i = 0; i < puzzle.count; ++i)
        numbers += " " + std::to_string(puzzle.numbers[static_cast<size_t>(i)]);
    const std::string target = std::to_string(puzzle.target);
    return language == Language::english ? "make " + target + " from" + numbers
                                         : "用" + numbers + " 算出 " + target;
}

Family family() {
    return {"countdown", "make a target from numbers with + - * /, each used once", 3, 2, generate, solve,
            check_answer};
}

}  // namespace r1::countdown
