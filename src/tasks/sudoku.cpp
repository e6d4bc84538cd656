#include "tasks/sudoku.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

#include "core/check.h"

namespace r1::sudoku {
namespace {

constexpr int most_steps = 1'000'000;

int box_side(int size) {
    return size == 4 ? 2 : 3;
}

// Depth-first search for the empty cell with the fewest digits left.
class Solver {
  public:
    explicit Solver(const Grid& grid) : grid_(grid), side_(box_side(grid.size)), all_((2u << grid.size) - 2) {
        for (int cell = 0; cell < grid.size * grid.size; ++cell) {
            const auto digit = grid_.cells[static_cast<size_t>(cell)];
            if (digit == 0)
                empty_.push_back(cell);
            else if (!place(cell, digit))
                possible_ = false;
        }
    }

    // Calls visit(grid) for each solution until it returns false. With an `rng` digits are tried in random
    // order.
    template <class Visit>
    void search(Visit&& visit, Rng* rng = nullptr) {
        if (possible_) step(visit, rng);
    }

  private:
    unsigned& row(int cell) { return used_[0][static_cast<size_t>(cell / grid_.size)]; }
    unsigned& column(int cell) { return used_[1][static_cast<size_t>(cell % grid_.size)]; }
    unsigned& box(int cell) {
        const int r = cell / grid_.size / side_, c = cell % grid_.size / side_;
        return used_[2][static_cast<size_t>(r * side_ + c)];
    }
    bool place(int cell, int digit) {
        const unsigned bit = 1u << digit;
        if ((row(cell) | column(cell) | box(cell)) & bit) return false;
        row(cell) |= bit, column(cell) |= bit, box(cell) |= bit;
        return true;
    }
    void take_back(int cell, int digit) {
        const unsigned bit = 1u << digit;
        row(cell) &= ~bit, column(cell) &= ~bit, box(cell) &= ~bit;
    }

    template <class Visit>
    bool step(Visit&& visit, Rng* rng) {
        check(++steps_ <= most_steps, "sudoku: too many steps to solve");
        if (empty_.empty()) return visit(grid_);
        size_t best = 0;
        int fewest = 10;
        unsigned options = 0;
        for (size_t i = 0; i < empty_.size() && fewest > 1; ++i) {
            const int cell = empty_[i];
            const unsigned left = all_ & ~(row(cell) | column(cell) | box(cell));
            const int count = std::popcount(left);
            if (count < fewest) fewest = count, best = i, options = left;
        }
        const int cell = empty_[best];
        empty_[best] = empty_.back();
        empty_.pop_back();
        bool more = true;
        while (options && more) {
            int digit = std::countr_zero(options);
            if (rng)
                for (uint32_t skip = rng->below(static_cast<uint32_t>(std::popcount(options))), seen = 0;;
                     ++digit)
                    if (options >> digit & 1 && seen++ == skip) break;
            options &= ~(1u << digit);
            place(cell, digit);
            grid_.cells[static_cast<size_t>(cell)] = static_cast<uint8_t>(digit);
            more = step(visit, rng);
            take_back(cell, digit);
        }
        grid_.cells[static_cast<size_t>(cell)] = 0;
        empty_.push_back(cell);
        std::swap(empty_[best], empty_.back());
        return more;
    }

    Grid grid_;
    int side_;
    unsigned all_;
    std::array<std::array<unsigned, 9>, 3> used_{};  // bits of digits by row, column and box
    std::vector<int> empty_;
    bool possible_ = true;
    int steps_ = 0;
};

Grid grid_of(const nlohmann::json& gold) {
    check(gold.is_object() && gold.contains("grid") && gold["grid"].is_string(),
          "gold: the string grid is missing");
    const auto& text = gold["grid"].get_ref<const std::string&>();
    check(text.size() == 16 || text.size() == 81, "gold: grid needs 16 or 81 characters, not ", text.size());
    Grid grid;
    grid.size = text.size() == 16 ? 4 : 9;
    for (const char c : text) {
        check(c == '.' || (c >= '0' && c <= '0' + grid.size),
              "gold: grid holds something else than digits and .");
        grid.cells.push_back(static_cast<uint8_t>(c == '.' ? 0 : c - '0'));
    }
    return grid;
}

Grid solution_of(const Grid& clues) {
    Grid solution;
    const int found = count_solutions(clues, 2, &solution);
    check(found == 1, "gold: the sudoku has ", found == 0 ? "no solution" : "several solutions");
    return solution;
}

// Rows on lines of their own; `gap` between the digits.
std::string text_of(const Grid& grid, char empty) {
    std::string text;
    for (size_t i = 0; i < grid.cells.size(); ++i) {
        const auto column = i % static_cast<size_t>(grid.size);
        text += i == 0 ? "" : column == 0 ? "\n" : " ";
        text += grid.cells[i] ? static_cast<char>('0' + grid.cells[i]) : empty;
    }
    return text;
}

std::string solve(const nlohmann::json& gold) {
    return text_of(solution_of(grid_of(gold)), '.');
}

// Reads the digits of all rows; lines, spaces, commas, bars and brackets between them are passed over.
Check check_answer(const nlohmann::json& gold, std::string_view answer) {
    const Grid clues = grid_of(gold), solution = solution_of(clues);
    std::vector<uint8_t> cells;
    for (const char c : answer) {
        if (std::string_view(" \t\r\n,;|[]+-").find(c) != std::string_view::npos) continue;
        if (c < '1' || c > '0' + clues.size)
            return {false, false, cat("not a grid of digits from 1 to ", clues.size)};
        cells.push_back(static_cast<uint8_t>(c - '0'));
        if (cells.size() > clues.cells.size()) break;
    }
    if (cells.size() != clues.cells.size()) return {false, false, cat("not ", clues.cells.size(), " digits")};
    for (size_t i = 0; i < cells.size(); ++i)
        if (clues.cells[i] && cells[i] != clues.cells[i]) return {true, false, "changes a given digit"};
    if (cells != solution.cells) return {true, false, "a digit is repeated in a row, column or box"};
    return {true, true, "fits"};
}

Problem generate(Rng& rng, int level, Language language) {
    const Puzzle puzzle = draw(rng, level);
    const int size = puzzle.clues.size, side = box_side(size);
    std::string grid;
    for (const uint8_t cell : puzzle.clues.cells) grid += cell ? static_cast<char>('0' + cell) : '.';
    const bool english = language == Language::english;
    const std::string task =
        english ? cat("Solve this sudoku: each row, each column and each ", side, " x ", side,
                      " box holds each digit from 1 to ", size, " once. A dot is an empty cell.\n",
                      text_of(puzzle.clues, '.'))
                : cat("解这个数独：每行、每列和每个 ", side, " x ", side, " 宫内，1 到 ", size,
                      " 的每个数字恰好出现一次。点表示空格。\n", text_of(puzzle.clues, '.'));
    return stated_problem(
        "sudoku", level, language, task,
        english ? cat("the full grid, ", size, " lines of ", size, " digits with spaces between")
                : cat("完整的数独，", size, " 行，每行 ", size, " 个数字，用空格隔开"),
        {{"grid", grid}}, canonical(puzzle));
}

// The cycle lengths of the permutation of digits that takes line a to line b.
std::string cycles(const Grid& grid, int a, int b, bool columns) {
    std::array<int, 10> to{};
    for (int i = 0; i < grid.size; ++i) {
        const auto at = [&](int line) {
            return grid.cells[static_cast<size_t>(columns ? i * grid.size + line : line * grid.size + i)];
        };
        to[at(a)] = at(b);
    }
    std::string lengths;
    std::array<bool, 10> seen{};
    for (int start = 1; start <= grid.size; ++start) {
        int length = 0;
        for (int digit = start; !seen[static_cast<size_t>(digit)]; digit = to[static_cast<size_t>(digit)]) {
            seen[static_cast<size_t>(digit)] = true;
            ++length;
        }
        if (length) lengths += static_cast<char>('0' + length);
    }
    std::sort(lengths.begin(), lengths.end());
    return lengths;
}

std::string invariant(const Grid& grid) {
    std::array<std::string, 2> directions;
    for (const bool columns : {false, true}) {
        std::vector<std::string> bands;
        for (int band = 0; band < 3; ++band) {
            std::vector<std::string> pairs;
            constexpr std::array<std::array<int, 2>, 3> all_pairs{{{0, 1}, {0, 2}, {1, 2}}};
            for (const auto& [a, b] : all_pairs)
                pairs.push_back(cycles(grid, 3 * band + a, 3 * band + b, columns));
            std::sort(pairs.begin(), pairs.end());
            bands.push_back(pairs[0] + " " + pairs[1] + " " + pairs[2]);
        }
        std::sort(bands.begin(), bands.end());
        directions[columns] = bands[0] + ", " + bands[1] + ", " + bands[2];
    }
    std::sort(directions.begin(), directions.end());
    return directions[0] + "; " + directions[1];
}

// The smallest of the clues of a 4 x 4 grid over all 128 ways to move its cells, with digits named as they
// appear.
std::string smallest(const Grid& grid) {
    std::vector<std::array<int, 4>>
        orders;  // of rows: bands swapped or not, rows within bands swapped or not
    for (int bits = 0; bits < 8; ++bits) {
        std::array<int, 4> order{0, 1, 2, 3};
        if (bits & 1) std::swap(order[0], order[1]);
        if (bits & 2) std::swap(order[2], order[3]);
        if (bits & 4) std::rotate(order.begin(), order.begin() + 2, order.end());
        orders.push_back(order);
    }
    std::string best;
    for (const auto& rows : orders)
        for (const auto& columns : orders)
            for (const bool turned : {false, true}) {
                std::string text;
                std::array<char, 5> names{'.', 0, 0, 0, 0};
                char next = '1';
                for (const int r : rows)
                    for (const int c : columns) {
                        const auto digit = grid.cells[static_cast<size_t>(turned ? c * 4 + r : r * 4 + c)];
                        if (!names[digit]) names[digit] = next++;
                        text += names[digit];
                    }
                if (best.empty() || text < best) best = text;
            }
    return best;
}

}  // namespace

int count_solutions(const Grid& grid, int most, Grid* solution) {
    int found = 0;
    Solver(grid).search([&](const Grid& full) {
        if (found == 0 && solution) *solution = full;
        return ++found < most;
    });
    return found;
}

Puzzle draw(Rng& rng, int level) {
    constexpr std::array<size_t, 5> wanted{10, 6, 46, 36, 28};
    Grid empty;
    empty.size = level <= 2 ? 4 : 9;
    empty.cells.resize(static_cast<size_t>(empty.size * empty.size));
    Puzzle puzzle;
    Solver(empty).search(
        [&](const Grid& full) {
            puzzle.solution = full;
            return false;
        },
        &rng);
    puzzle.clues = puzzle.solution;
    std::vector<size_t> order(empty.cells.size());
    std::iota(order.begin(), order.end(), size_t{0});
    rng.shuffle(order);
    size_t clues = order.size();
    for (const size_t cell : order) {
        if (clues == wanted[static_cast<size_t>(level - 1)]) break;
        const uint8_t digit = std::exchange(puzzle.clues.cells[cell], uint8_t{0});
        if (count_solutions(puzzle.clues, 2) == 1)
            --clues;
        else
            puzzle.clues.cells[cell] = digit;
    }
    return puzzle;
}

std::string canonical(const Puzzle& puzzle) {
    return "sudoku " + (puzzle.clues.size == 4 ? smallest(puzzle.clues) : invariant(puzzle.solution));
}

Family family() {
    return {"sudoku", "fill a 4 x 4 or 9 x 9 sudoku", 5, 2, generate, solve, check_answer};
}

}  // namespace r1::sudoku
