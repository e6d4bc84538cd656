// The 24 game: make 24 from four cards from 1 to 13, each used exactly once, with + - * / and brackets.
// Fractions on the way are allowed; answers are checked as countdown's.
//
//   level 1   many ways to 24 (at least 1 in 200 of all ways to combine the cards)
//   level 2   fewer
//   level 3   every way needs a fraction, as 8 / (3 - 8 / 3)
#pragma once
#include <array>
#include <string>

#include "tasks/task.h"

namespace r1::game24 {

using Cards = std::array<int, 4>;

struct Ways {
    int all = 0, hits = 0;
    bool whole = false;  // one of the hits needs no fraction
};
Ways count_ways(const Cards& cards);

Cards draw(Rng& rng, int level);
std::string canonical(const Cards& cards);

Family family();

}  // namespace r1::game24
