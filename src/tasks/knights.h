// Knights and knaves: each person is honest and says what is true, or a liar and says what is false. Who is
// which? "A says B liar . B says A same C . C says A or B liar . who is liar ?" has exactly one solution.
//
//   level n   n + 1 people, one statement each
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "tasks/task.h"

namespace r1::knights {

enum class Claim : uint8_t { liar, honest, both_liars, any_liar, same, differ };
constexpr int claims = 6;

// What one person says about one (liar, honest) or two others; a claim about two may include the speaker.
struct Statement {
    Claim claim = Claim::liar;
    uint8_t first = 0, second = 0;  // first < second where there are two
};

struct Puzzle {
    int people = 3;  // 2 to 4
    std::array<Statement, 4> statements{};
};

using Roles = uint32_t;  // bit i: person i is a liar
bool is_true(const Statement& statement, Roles roles);
bool is_consistent(const Puzzle& puzzle,
                   Roles roles);  // the honest say what is true, the liars what is false

Puzzle draw(Rng& rng, int level);             // with exactly one consistent assignment
Roles solution(const Puzzle& puzzle);         // throws unless there is exactly one
std::string canonical(const Puzzle& puzzle);  // the same for all ways of naming the people
std::string question(const Puzzle& puzzle, Language language);
std::string claim_text(const Statement& statement, Language language);  // " A or B liar"
const char* person(int index, Language language);                       // " A", " 甲"
const char* role(bool liar, Language language);                         // " liar", " 骗子"

Family family();

}  // namespace r1::knights
