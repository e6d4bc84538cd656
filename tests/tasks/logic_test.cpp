// The logic families: solutions are unique, by other ways than the generators go; answers are judged; the
// same seed gives the same problem.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "core/check.h"
#include "tasks/cipher.h"
#include "tasks/game24.h"
#include "tasks/programs.h"
#include "tasks/sudoku.h"
#include "tasks/task.h"
#include "tasks/zebra.h"

namespace r1 {
namespace {

using nlohmann::json;

const char* const new_families[] = {"game24", "zebra", "sudoku", "cipher", "code_output", "code_input"};

TEST(Logic, EveryProblemSaysHowToAnswer) {
    for (const Family& family : families())
        for (const char* language : {"en", "zh"})
            for (const Problem& p : make_problems(family.name, 1, language, 5, 3, Split::all)) {
                EXPECT_NE(p.instruction.find("<answer>"), std::string::npos) << p.instruction;
                EXPECT_NE(p.instruction.find("<think>"), std::string::npos) << p.instruction;
                EXPECT_FALSE(p.question.empty());
            }
}

TEST(Logic, AWrongAnswerScoresNothingAndAMalformedOneIsUnparsed) {
    for (const Family& family : families()) {
        const auto problems = make_problems(family.name, 1, "en", 12, 4, Split::all);
        for (const Problem& p : problems) {
            for (const char* malformed : {"", "?", "I do not know", "((((", "\xff\xfe"}) {
                const Check check = family.check(p.gold, malformed);
                EXPECT_FALSE(check.correct) << family.name << ": " << malformed;
                if (std::string(malformed) != "I do not know" || std::string(family.name) != "cipher") {
                    EXPECT_FALSE(check.parsed) << family.name << ": " << malformed;
                }
            }
            // The right answer of a problem with another solution is wrong here.
            const std::string right = family.solve(p.gold);
            for (const Problem& other : problems) {
                const std::string answer = family.solve(other.gold);
                const Check check = family.check(p.gold, answer);
                const bool any_counts = std::string(family.name) == "code_input" || p.gold.contains("target");
                if (check.correct && !any_counts) {
                    EXPECT_EQ(answer, right);
                }
            }
        }
    }
}

TEST(Logic, MalformedGoldsAreErrors) {
    for (const char* name : new_families)
        for (const json& gold :
             {json(), json(3), json::object(), json{{"grid", "12"}}, json{{"program", "def f("}},
              json{{"houses", 99}}, json{{"cipher", "x"}}, json{{"numbers", {1, 2}}}})
            EXPECT_THROW(find_family(name).check(gold, "1"), Error) << name << gold;
}

TEST(Sudoku, SolutionsAreUniqueByBruteForce) {
    // All fillings of a 4 x 4 grid, cell by cell in reading order.
    const auto count = [](sudoku::Grid grid) {
        int found = 0;
        const std::function<void(size_t)> fill = [&](size_t at) {
            if (at == 16) {
                ++found;
                return;
            }
            const uint8_t given = grid.cells[at];
            for (uint8_t digit = 1; digit <= 4; ++digit) {
                if (given && digit != given) continue;
                bool fits = true;
                for (size_t other = 0; other < 16 && fits; ++other) {
                    const bool sees = other / 4 == at / 4 || other % 4 == at % 4 ||
                                      (other / 8 == at / 8 && other % 4 / 2 == at % 4 / 2);
                    fits = other == at || !sees || grid.cells[other] != digit;
                }
                if (!fits) continue;
                grid.cells[at] = digit;
                fill(at + 1);
            }
            grid.cells[at] = given;
        };
        fill(0);
        return found;
    };
    Rng rng(5);
    for (int level = 1; level <= 2; ++level)
        for (int i = 0; i < 100; ++i) {
            const sudoku::Puzzle puzzle = sudoku::draw(rng, level);
            EXPECT_EQ(count(puzzle.clues), 1);
            const auto clues = 16 - std::count(puzzle.clues.cells.begin(), puzzle.clues.cells.end(), 0);
            EXPECT_GE(clues, level == 1 ? 10 : 6);
        }
    for (int level = 3; level <= 5; ++level)
        for (int i = 0; i < 4; ++i) {
            const sudoku::Puzzle puzzle = sudoku::draw(rng, level);
            EXPECT_EQ(sudoku::count_solutions(puzzle.clues, 2), 1);
            const auto clues = 81 - std::count(puzzle.clues.cells.begin(), puzzle.clues.cells.end(), 0);
            EXPECT_GE(clues, level == 3 ? 46 : level == 4 ? 36 : 22);
            EXPECT_LE(clues, level == 3 ? 46 : level == 4 ? 36 : 34);
        }
}

TEST(Sudoku, TheSplitForgetsSymmetries) {
    Rng rng(6);
    for (const int level : {1, 3}) {
        sudoku::Puzzle puzzle = sudoku::draw(rng, level), other = puzzle;
        const auto size = static_cast<size_t>(puzzle.clues.size), side = size == 4 ? size_t{2} : size_t{3};
        for (sudoku::Grid* grid : {&other.clues, &other.solution}) {
            const sudoku::Grid before = *grid;
            for (size_t r = 0; r < size; ++r)
                for (size_t c = 0; c < size; ++c) {  // transposed, the first band upside down, digits renamed
                    const size_t row = r < side ? side - 1 - r : r;
                    const uint8_t digit = before.cells[c * size + row];
                    grid->cells[r * size + c] = digit ? static_cast<uint8_t>(digit % size + 1) : uint8_t{0};
                }
        }
        EXPECT_EQ(sudoku::canonical(puzzle), sudoku::canonical(other));
        EXPECT_NE(sudoku::canonical(puzzle), sudoku::canonical(sudoku::draw(rng, level)));
    }
}

TEST(Sudoku, Checker) {
    const Family& family = find_family("sudoku");
    const json gold = {{"grid", "1.3.3.1...4...2."}};
    EXPECT_THROW(family.check({{"grid", "................"}}, ""), Error);  // many solutions
    EXPECT_THROW(family.check({{"grid", "11.............."}}, ""), Error);  // none
    const Problem p = make_problems("sudoku", 2, "en", 1, 1, Split::all)[0];
    std::string answer = family.solve(p.gold);
    EXPECT_TRUE(family.check(p.gold, "| " + answer + " |").correct);
    std::string digits;
    for (const char c : answer)
        if (c >= '1' && c <= '4') digits += c;
    EXPECT_TRUE(family.check(p.gold, digits).correct);
    EXPECT_FALSE(family.check(p.gold, digits + "1").parsed);
    EXPECT_FALSE(family.check(p.gold, digits.substr(1)).parsed);
    std::swap(digits[0], digits[1]);
    EXPECT_TRUE(family.check(p.gold, digits).parsed);
    EXPECT_FALSE(family.check(p.gold, digits).correct);
}

TEST(Zebra, SolutionsAreUniqueByBruteForceAndEveryClueIsNeeded) {
    const auto count = [](const zebra::Puzzle& puzzle) {
        const auto houses = static_cast<size_t>(puzzle.houses);
        zebra::Places places(puzzle.words.size() * houses);
        int found = 0;
        const std::function<void(size_t)> fill = [&](size_t attribute) {
            if (attribute == puzzle.words.size()) {
                found += std::all_of(puzzle.clues.begin(), puzzle.clues.end(),
                                     [&](const zebra::Clue& clue) { return zebra::holds(clue, places); });
                return;
            }
            std::vector<uint8_t> order(houses);
            for (uint8_t i = 0; i < houses; ++i) order[i] = i;
            do {
                std::copy(order.begin(), order.end(),
                          places.begin() + static_cast<ptrdiff_t>(attribute * houses));
                fill(attribute + 1);
            } while (std::next_permutation(order.begin(), order.end()));
        };
        fill(0);
        return found;
    };
    Rng rng(7);
    for (int level = 1; level <= 3; ++level)
        for (int i = 0; i < (level == 3 ? 3 : 30); ++i) {
            zebra::Puzzle puzzle = zebra::draw(rng, level);
            EXPECT_EQ(count(puzzle), 1);
            puzzle.clues.erase(puzzle.clues.begin() +
                               rng.range(0, static_cast<int>(puzzle.clues.size()) - 1));
            EXPECT_GT(count(puzzle), 1);
        }
    for (int level = 4; level <= 5; ++level)
        for (int i = 0; i < 3; ++i) EXPECT_EQ(zebra::count_solutions(zebra::draw(rng, level), 2), 1);
}

TEST(Zebra, Checker) {
    const Family& family = find_family("zebra");
    const json gold = {
        {"houses", 2},
        {"values", {{"name", {"Anna", "Boris"}}, {"pet", {"cat", "dog"}}}},
        {"clues",
         {{{"clue", "at"}, {"a", "Anna"}, {"house", 2}}, {{"clue", "same"}, {"a", "Anna"}, {"b", "cat"}}}}};
    EXPECT_EQ(family.solve(gold), "1: Boris dog\n2: Anna cat");
    for (const char* right : {"1: Boris dog\n2: Anna cat", "2: cat, Anna; 1: dog, Boris",
                              "| 1 | Boris | dog |\n| 2 | Anna | cat |",
                              "House 1: Boris, dog. House 2: Anna, cat.", "1：鲍里斯、狗；2：安娜、猫"})
        EXPECT_TRUE(family.check(gold, right).correct) << right << ": " << family.check(gold, right).reason;
    for (const char* wrong :
         {"1: Anna dog\n2: Boris cat", "1: Boris cat\n2: Anna dog", "1: Boris dog Anna cat"}) {
        EXPECT_TRUE(family.check(gold, wrong).parsed) << wrong;
        EXPECT_FALSE(family.check(gold, wrong).correct) << wrong;
    }
    for (const char* bad : {"Boris dog", "1: Boris dog", "1: Boris dog 2: Anna cat 1: Boris",
                            "1: Boris dog 2: Anna cat cat", "1: Boris dog 2: Anna fish"})
        EXPECT_FALSE(family.check(gold, bad).parsed) << bad;
    json loose = gold;
    loose["clues"].erase(1);
    EXPECT_THROW(family.check(loose, ""), Error);
}

TEST(Cipher, ExactlyOneKeyFits) {
    Rng rng(8);
    for (int level = 1; level <= 5; ++level)
        for (int i = 0; i < 200; ++i) {
            const cipher::Puzzle puzzle = cipher::draw(rng, level);
            const std::string text = cipher::encode(puzzle, puzzle.plain);
            EXPECT_NE(text, puzzle.plain);
            EXPECT_EQ(cipher::decode(puzzle, text), puzzle.plain);
            if (puzzle.example.empty()) continue;
            const std::string shown = cipher::encode(puzzle, puzzle.example);
            if (puzzle.kind == cipher::Puzzle::Kind::caesar) {
                int fitting = 0;
                for (char key = 'a'; key <= 'z'; ++key) {
                    cipher::Puzzle other = puzzle;
                    other.key = key;
                    fitting += cipher::encode(other, puzzle.example) == shown;
                }
                EXPECT_EQ(fitting, 1);
            } else if (puzzle.kind == cipher::Puzzle::Kind::substitution) {
                for (const char c : text) EXPECT_NE(shown.find(c), std::string::npos);
            } else {
                const auto letters =
                    std::count_if(shown.begin(), shown.end(), [](char c) { return c != ' '; });
                EXPECT_GE(letters, static_cast<ptrdiff_t>(puzzle.key.size()));
            }
        }
    const Family& family = find_family("cipher");
    const json gold = {{"cipher", "caesar"}, {"key", "d"}, {"text", "dssoh slh"}};
    EXPECT_EQ(family.solve(gold), "apple pie");
    for (const char* right : {"apple pie", "Apple  Pie.", "\"apple pie\"", "APPLE PIE"})
        EXPECT_TRUE(family.check(gold, right).correct) << right;
    for (const char* wrong : {"apple", "applepie", "pie apple"})
        EXPECT_FALSE(family.check(gold, wrong).correct);
    EXPECT_FALSE(family.check(gold, "apple pie 1").parsed);
}

TEST(Game24, LevelsAndFractions) {
    Rng rng(9);
    for (int i = 0; i < 10; ++i) {
        const auto easy = game24::count_ways(game24::draw(rng, 1)),
                   hard = game24::count_ways(game24::draw(rng, 2));
        EXPECT_GE(easy.hits * 200, easy.all);
        EXPECT_LT(hard.hits * 200, hard.all);
        EXPECT_GT(hard.hits, 0);
    }
    EXPECT_FALSE(game24::count_ways({3, 3, 8, 8}).whole);
    EXPECT_GT(game24::count_ways({3, 3, 8, 8}).hits, 0);
    EXPECT_EQ(game24::count_ways({1, 1, 1, 1}).hits, 0);
    const Family& family = find_family("game24");
    const json gold = {{"numbers", {3, 3, 8, 8}}, {"target", 24}};
    EXPECT_TRUE(family.check(gold, family.solve(gold)).correct) << family.solve(gold);
    EXPECT_TRUE(family.check(gold, "8 \\div \\left(3 - 8 \\div 3\\right)").correct);
    for (const char* wrong : {"3 * 8", "8/(3-8/3) + 0", "8/(3-8/3) 3*8", "8/(3-8/3) or 24", "33 - 8 - 1",
                              "24", "8/(3-8/3)=25", "8**3", "8/0", "\u0668/(3-8/3)"})
        EXPECT_FALSE(family.check(gold, wrong).correct) << wrong;
    EXPECT_THROW(family.solve({{"numbers", {1, 1, 1, 1}}, {"target", 24}}), Error);
}

TEST(Programs, AnyInputThatWorksCounts) {
    const Family &output = find_family("code_output"), &input = find_family("code_input");
    const std::string source = "def f(x):\n    return x % 7\n";
    const json gold = {{"program", source}, {"arguments", {10}}, {"output", 3}};
    EXPECT_EQ(output.solve(gold), "3");
    EXPECT_TRUE(output.check(gold, " 3 ").correct);
    EXPECT_FALSE(output.check(gold, "3, 3").parsed);
    EXPECT_FALSE(output.check(gold, "True").correct);
    for (const char* right : {"10", "3", "-4"}) EXPECT_TRUE(input.check(gold, right).correct) << right;
    for (const char* wrong : {"11", "3, 3", "'3'", "[3]", "True"}) {
        EXPECT_TRUE(input.check(gold, wrong).parsed) << wrong;
        EXPECT_FALSE(input.check(gold, wrong).correct) << wrong;
    }
    EXPECT_FALSE(input.check(gold, "f(3)").parsed);
    EXPECT_FALSE(input.check(gold, "3 + 7").parsed);
    const json loop = {{"program", "def f(n):\n    while n > 0:\n        n = n + 1\n    return n\n"},
                       {"arguments", {0}},
                       {"output", 0}};
    EXPECT_TRUE(input.check(loop, "-0").correct);
    EXPECT_FALSE(input.check(loop, "1").correct);  // never ends
    EXPECT_THROW(input.check({{"program", source}, {"arguments", {10}}, {"output", 4}}, "4"), Error);
}

TEST(Logic, MixesNameThem) {
    const TaskMix mix = parse_task_mix("zebra:2:zh=1,sudoku:1,code_output:3=2");
    std::set<std::string> seen;
    for (uint64_t i = 0; i < 4; ++i) {
        const Problem p = mix.problem(1, i, Split::train);
        seen.insert(p.family + " " + p.language);
        EXPECT_EQ(p.prompt, mix.problem(1, i, Split::train).prompt);
    }
    EXPECT_EQ(seen, (std::set<std::string>{"zebra zh", "sudoku en", "code_output en"}));
}

}  // namespace
}  // namespace r1
