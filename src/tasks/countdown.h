// Countdown: make the target from the numbers, each used exactly once, with + - * /.
// Every intermediate value is an integer from 1 to 99 in the generated problems; an answer may use any value.
//
//   level 1   three numbers, a random way of combining them hits the target more often than 13 %
//   level 2   three numbers, at most 13 %
//   level 3   four numbers
#pragma once
#include <array>
#include <string>

#include "tasks/task.h"

namespace r1::countdown {

constexpr int largest = 99;  // of a value on the way

struct Puzzle {
    std::array<int, 4> numbers{};
    int count = 3;
    int target = 0;
};

// a op b = result, or nothing where the result is no integer from 1 to 99; op is one of + - * /.
struct Step {
    int a = 0;
    char op = '+';
    int b = 0;
    int result = 0;
};
bool apply(Step& step);  // fills in the result; false where there is none

// How many ways of combining the numbers there are, and how many of them hit the target.
struct Ways {
    int all = 0, hits = 0;
};
Ways count_ways(const Puzzle& puzzle);

Puzzle draw(Rng& rng, int level);
std::string canonical(const Puzzle& puzzle);
std::string question(const Puzzle& puzzle, Language language);
// Of a gold {"numbers", "target"} of any numbers.
Check check_answer(const nlohmann::json& gold, std::string_view answer);

Family family();

}  // namespace r1::countdown
