#include "tasks/knights.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <vector>

#include "core/check.h"
#include "tasks/signs.h"

namespace r1::knights {
namespace {

constexpr const char* people_names[2][4] = {{" A", " B", " C", " D"}, {" 甲", " 乙", " 丙", " 丁"}};
constexpr const char* role_names[2][2] = {{" honest", " liar"}, {" 老实", " 骗子"}};
constexpr const char* claim_names[claims] = {"liar", "honest", "both_liars", "any_liar", "same", "differ"};

bool about_two(Claim claim) {
    return claim >= Claim::both_liars;
}

std::string roles_text(const Puzzle& puzzle, Roles roles) {
    std::string text;
    for (int i = 0; i < puzzle.people; ++i)
        text += cat(i ? " " : "", person(i, Language::english) + 1, role(roles >> i & 1, Language::english));
    return text;
}

Puzzle puzzle_of(const nlohmann::json& gold) {
    check(gold.is_object() && gold.contains("statements") && gold["statements"].is_array(),
          "gold: the array statements is missing");
    const auto& list = gold["statements"];
    check(list.size() >= 2 && list.size() <= 4, "gold: statements needs 2 to 4 items, one a person");
    Puzzle puzzle;
    puzzle.people = static_cast<int>(list.size());
    for (size_t i = 0; i < list.size(); ++i) {
        check(list[i].is_object() && list[i].contains("claim") && list[i]["claim"].is_string(),
              "gold: a statement has no claim");
        const auto name = list[i]["claim"].get<std::string>();
        const auto* found = std::find(std::begin(claim_names), std::end(claim_names), name);
        check(found != std::end(claim_names), "gold: unknown claim \"", name, "\"");
        Statement& statement = puzzle.statements[i];
        statement.claim = static_cast<Claim>(found - std::begin(claim_names));
        const std::vector<int> about = gold_integers(list[i], "about", 2, 0, puzzle.people - 1);
        check(about.size() == (about_two(statement.claim) ? 2u : 1u), "gold: claim \"", name, "\" is about ",
              about_two(statement.claim) ? "two people" : "one person");
        statement.first = static_cast<uint8_t>(about.front());
        statement.second = static_cast<uint8_t>(about.back());
    }
    return puzzle;
}

std::string solve(const nlohmann::json& gold) {
    const Puzzle puzzle = puzzle_of(gold);
    return roles_text(puzzle, solution(puzzle));
}

// Chinese is written without blanks. A denial ("不是") leaves a word that is not known.
constexpr Sign separated[] = {{"老实人", " 老实 "}, {"老实", " 老实 "},   {"骗子", " 骗子 "}, {"甲", " 甲 "},
                              {"乙", " 乙 "},       {"丙", " 丙 "},       {"丁", " 丁 "},     {"是", " "},
                              {"为", " "},          {"和", " "},          {"，", " "},        {"、", " "},
                              {"。", " "},          {"：", " "},          {"；", " "},        {"*", " "},
                              {"=", " "},           {"Honest", "honest"}, {"Liar", "liar"}};

// Reads "A honest B liar", "甲是骗子，乙是老实人", "A is a knave and B is a knight".
Check check_answer(const nlohmann::json& gold, std::string_view text) {
    const std::string answer = replace_signs(text, separated);
    const Puzzle puzzle = puzzle_of(gold);
    const Roles right = solution(puzzle);
    Roles roles = 0, named = 0;
    int current = -1;
    const auto role_of = [](std::string_view word) {
        if (word == "honest" || word == "knight" || word == "老实") return 0;
        if (word == "liar" || word == "knave" || word == "骗子") return 1;
        return -1;
    };
    for (size_t i = 0; i < answer.size();) {
        const size_t end = std::min(answer.find_first_of(" ,.:;\n\t\r", i), answer.size());
        const std::string_view word = std::string_view(answer).substr(i, end - i);
        i = end + 1;
        if (word.empty() || word == "and" || word == "is" || word == "a" || word == "an") continue;
        if (role_of(word) >= 0) {
            if (current < 0) return {false, false, "a role without a person"};
            roles |= static_cast<Roles>(role_of(word)) << current;
            current = -1;
            continue;
        }
        int who = -1;
        for (int p = 0; p < puzzle.people; ++p)
            for (const Language language : {Language::english, Language::chinese})
                if (word == person(p, language) + 1) who = p;
        if (who < 0) return {false, false, cat("unexpected \"", word.substr(0, 40), "\"")};
        if (current >= 0) return {false, false, "a person without a role"};
        if (named >> who & 1) return {false, false, "a person is named twice"};
        named |= 1u << who;
        current = who;
    }
    if (current >= 0 || std::popcount(named) != puzzle.people)
        return {false, false, "not every person has a role"};
    if (roles != right) return {true, false, "contradicts a statement"};
    return {true, true, "fits every statement"};
}

std::string sentence(const Statement& statement, Language language) {
    const bool english = language == Language::english;
    const std::string a = person(statement.first, language) + 1, b = person(statement.second, language) + 1;
    switch (statement.claim) {
        case Claim::liar:
            return a + (english ? " is a liar" : " 是骗子");
        case Claim::honest:
            return a + (english ? " is honest" : " 是老实人");
        case Claim::both_liars:
            return english ? a + " and " + b + " are both liars" : a + " 和 " + b + " 都是骗子";
        case Claim::any_liar:
            return english ? "at least one of " + a + " and " + b + " is a liar"
                           : a + " 和 " + b + " 中至少有一个是骗子";
        case Claim::same:
            return english ? a + " and " + b + " are of the same kind" : a + " 和 " + b + " 是同一种人";
        default:
            return english ? a + " and " + b + " are of different kinds" : a + " 和 " + b + " 不是同一种人";
    }
}

std::string instruction(const Puzzle& puzzle, Language language) {
    const bool english = language == Language::english;
    std::string text =
        english ? "Each person is either honest, and says only what is true, or a liar, and says only "
                  "what is false."
                : "每个人要么是老实人，只说真话；要么是骗子，只说假话。";
    for (int i = 0; i < puzzle.people; ++i) {
        const std::string who = person(i, language) + 1;
        const std::string what = sentence(puzzle.statements[static_cast<size_t>(i)], language);
        text += english ? cat(" ", who, " says: ", what, ".") : cat(who, " 说：", what, "。");
    }
    text += english ? " Who is honest, and who is a liar?" : "谁是老实人，谁是骗子？";
    return instruct(text,
                    english ? "each person with \"honest\" or \"liar\", for example A honest B liar"
                            : "每个人和“老实”或“骗子”，例如 甲 老实 乙 骗子",
                    language);
}

Problem generate(Rng& rng, int level, Language language) {
    const Puzzle puzzle = draw(rng, level);
    Problem problem;
    problem.family = "knights";
    problem.level = level;
    problem.language = name_of(language);
    problem.question = question(puzzle, language);
    problem.prompt = frame(problem.question, language);
    problem.instruction = instruction(puzzle, language);
    nlohmann::json list = nlohmann::json::array();
    for (int i = 0; i < puzzle.people; ++i) {
        const Statement& statement = puzzle.statements[static_cast<size_t>(i)];
        std::vector<int> about = {statement.first};
        if (about_two(statement.claim)) about.push_back(statement.second);
        list.push_back({{"claim", claim_names[static_cast<size_t>(statement.claim)]}, {"about", about}});
    }
    problem.gold = {{"statements", std::move(list)}};
    problem.held_out = is_held_out(canonical(puzzle));
    return problem;
}

}  // namespace

bool is_true(const Statement& statement, Roles roles) {
    const bool first = roles >> statement.first & 1, second = roles >> statement.second & 1;
    switch (statement.claim) {
        case Claim::liar:
            return first;
        case Claim::honest:
            return !first;
        case Claim::both_liars:
            return first && second;
        case Claim::any_liar:
            return first || second;
        case Claim::same:
            return first == second;
        default:
            return first != second;
    }
}

bool is_consistent(const Puzzle& puzzle, Roles roles) {
    for (int i = 0; i < puzzle.people; ++i)
        if (is_true(puzzle.statements[static_cast<size_t>(i)], roles) == static_cast<bool>(roles >> i & 1))
            return false;
    return true;
}

Puzzle draw(Rng& rng, int level) {
    for (;;) {
        Puzzle puzzle;
        puzzle.people = level + 1;
        const auto people = static_cast<uint32_t>(puzzle.people);
        for (uint32_t i = 0; i < people; ++i) {
            Statement& statement = puzzle.statements[i];
            statement.claim = static_cast<Claim>(rng.below(claims));
            statement.first = static_cast<uint8_t>((i + 1 + rng.below(people - 1)) % people);
            statement.second = statement.first;
            if (!about_two(statement.claim)) continue;
            statement.second = static_cast<uint8_t>((statement.first + 1 + rng.below(people - 1)) % people);
            if (statement.first > statement.second) std::swap(statement.first, statement.second);
        }
        int solutions = 0;
        for (Roles roles = 0; roles < 1u << people; ++roles) solutions += is_consistent(puzzle, roles);
        if (solutions == 1) return puzzle;
    }
}

Roles solution(const Puzzle& puzzle) {
    int solutions = 0;
    Roles found = 0;
    for (Roles roles = 0; roles < 1u << puzzle.people; ++roles)
        if (is_consistent(puzzle, roles)) ++solutions, found = roles;
    check(solutions == 1, "knights: \"", question(puzzle, Language::english), "\" has ", solutions,
          " solutions, not one");
    return found;
}

std::string canonical(const Puzzle& puzzle) {
    std::array<uint8_t, 4> names{0, 1, 2, 3};
    uint32_t best = UINT32_MAX;
    do {  // person i is renamed names[i]
        std::array<uint8_t, 4> codes{};
        for (size_t i = 0; i < static_cast<size_t>(puzzle.people); ++i) {
            const Statement& statement = puzzle.statements[i];
            const auto [low, high] = std::minmax(names[statement.first], names[statement.second]);
            codes[names[i]] = static_cast<uint8_t>(static_cast<int>(statement.claim) << 4 | low << 2 | high);
        }
        best = std::min(
            best, uint32_t{codes[0]} << 24 | uint32_t{codes[1]} << 16 | uint32_t{codes[2]} << 8 | codes[3]);
    } while (std::next_permutation(names.begin(), names.begin() + puzzle.people));
    return cat("knights ", puzzle.people, " ", best);
}

std::string question(const Puzzle& puzzle, Language language) {
    const bool english = language == Language::english;
    std::string text;
    for (int i = 0; i < puzzle.people; ++i) {
        text += person(i, language) + (i == 0 ? 1 : 0);
        text += english ? " says" : " 说";
        text += claim_text(puzzle.statements[static_cast<size_t>(i)], language);
        text += " .";
    }
    return text + (english ? " who is liar ?" : " 谁 是 骗子 ?");
}

std::string claim_text(const Statement& statement, Language language) {
    const bool english = language == Language::english;
    std::string text = person(statement.first, language);
    const char* second = person(statement.second, language);
    if (statement.claim == Claim::both_liars) text += english ? " and" : " 和";
    if (statement.claim == Claim::any_liar) text += english ? " or" : " 或";
    if (statement.claim == Claim::same) text += english ? " same" : " 相同";
    if (statement.claim == Claim::differ) text += english ? " differs" : " 不同";
    if (about_two(statement.claim)) text += second;
    if (statement.claim <= Claim::any_liar) text += role(statement.claim != Claim::honest, language);
    return text;
}

const char* person(int index, Language language) {
    return people_names[static_cast<int>(language)][index];
}
const char* role(bool liar, Language language) {
    return role_names[static_cast<int>(language)][liar];
}

Family family() {
    return {"knights",   "find who is honest and who lies from what they say of each other",
            3,           2,
            generate,    solve,
            check_answer};
}

}  // namespace r1::knights
