// Carrying arithmetic, digit by digit: "compute 3 4 7 + 2 8 5". Digits are written apart, so that a long
// number is a sequence and the answer has to be worked out from the right, with what is carried or borrowed.
//
//   level n   a has n + 1 digits; b as many for + and - (b <= a), one digit from 2 to 9 for *
#pragma once
#include <string>

#include "tasks/task.h"

namespace r1::arithmetic {

struct Puzzle {
    int a = 0;
    char op = '+';  // + - *
    int b = 0;
};

int result(const Puzzle& puzzle);
Puzzle draw(Rng& rng, int level);
std::string canonical(const Puzzle& puzzle);
std::string question(const Puzzle& puzzle, Language language);
std::string spaced(int value);  // " 3 4 7"

Family family();

}  // namespace r1::arithmetic
