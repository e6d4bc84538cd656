// Zebra puzzles (logic grids): houses in a row, each with one value of each attribute; clues leave exactly
// one way, and none of them can be left out.
//
//   level         1   2   3   4   5
//   houses        3   3   4   4   5
//   attributes    2   3   3   4   5     (of name, colour, pet, drink, job)
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tasks/task.h"

namespace r1::zebra {

enum class Relation : uint8_t { at, not_at, same, not_same, next_to, left_neighbour, left_of };
constexpr int relations = 7;

// Values are numbered attribute * houses + index. `at` and `not_at` are about the value `a` and house `b`
// (from 0), the others about the houses of the values a and b.
struct Clue {
    Relation relation = Relation::at;
    uint8_t a = 0, b = 0;
    bool operator==(const Clue&) const = default;
};

struct Puzzle {
    int houses = 3;                           // 2 to 5
    std::vector<std::vector<uint8_t>> words;  // of each attribute: which of its words are used
    std::vector<uint8_t> attributes;          // which attributes, by their number in the table of words
    std::vector<Clue> clues;
};

using Places = std::vector<uint8_t>;  // of each value: its house

bool holds(const Clue& clue, const Places& places);
// How many solutions, but no more than `most`; the first goes to `solution` if that is given.
int count_solutions(const Puzzle& puzzle, int most, Places* solution = nullptr);

Puzzle draw(Rng& rng, int level);
std::string canonical(const Puzzle& puzzle);  // the same for all words, orders of clues and of attributes

Family family();

}  // namespace r1::zebra
