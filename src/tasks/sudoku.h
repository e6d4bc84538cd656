// Sudoku with exactly one solution, of 4 x 4 cells (2 x 2 boxes) or 9 x 9 (3 x 3).
//
//   level   1      2      3       4       5
//   size    4      4      9       9       9
//   clues   10     6      46      36      28     (a few more where no other one can be taken away)
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tasks/task.h"

namespace r1::sudoku {

struct Grid {
    int size = 9;                // 4 or 9
    std::vector<uint8_t> cells;  // size * size, row by row; 0 is empty
};

// How many solutions, but no more than `most`; the first one found goes to `solution` if that is given.
// Throws after a million steps, which no grid of the generator comes near.
int count_solutions(const Grid& grid, int most, Grid* solution = nullptr);

struct Puzzle {
    Grid clues, solution;
};
Puzzle draw(Rng& rng, int level);

// The same for all puzzles that are alike but for the digits' names, the order of rows and columns within
// bands and of bands, and a transposition. Of 9 x 9 it is an invariant of the solution: how the rows of each
// band, and the columns of each stack, permute each other.
std::string canonical(const Puzzle& puzzle);

Family family();

}  // namespace r1::sudoku
