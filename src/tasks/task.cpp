#include "tasks/task.h"

#include <sstream>

#include "core/check.h"
#include "tasks/arithmetic.h"
#include "tasks/cipher.h"
#include "tasks/countdown.h"
#include "tasks/game24.h"
#include "tasks/knights.h"
#include "tasks/programs.h"
#include "tasks/sudoku.h"
#include "tasks/zebra.h"
#include "tasks/turns.h"

namespace r1 {

const char* name_of(Language language) {
    return language == Language::english ? "en" : "zh";
}

Language parse_language(const std::string& name) {
    if (name == "en") return Language::english;
    if (name == "zh") return Language::chinese;
    fail("unknown language \"", name, "\"; the known ones are en and zh");
}

const std::vector<Family>& families() {
    // The corpus of the embedded base counts on the first three.
    static const std::vector<Family> all = {
        countdown::family(), arithmetic::family(),      knights::family(),
        game24::family(),    zebra::family(),           sudoku::family(),
        cipher::family(),    programs::output_family(), programs::input_family()};
    return all;
}

const Family& find_family(const std::string& name) {
    std::string known;
    for (const Family& family : families()) {
        if (name == family.name) return family;
        known += cat(known.empty() ? "" : ", ", family.name);
    }
    fail("unknown task \"", name, "\"; the known ones are ", known);
}

std::vector<Problem> make_problems(const std::string& name, int level, const std::string& language,
                                   size_t count, uint64_t seed, Split split) {
    const Family& family = find_family(name);
    check(level >= 1 && level <= family.levels, "task ", name, " has levels 1 to ", family.levels, ", not ",
          level);
    const Language words = parse_language(language);
    std::vector<Problem> problems;
    problems.reserve(count);
    for (size_t i = 0; i < count; ++i) problems.push_back(make_problem(family, level, words, seed, i, split));
    return problems;
}

Problem make_problem(const Family& family, int level, Language language, uint64_t seed, uint64_t index,
                     Split split) {
    Rng rng(seed, index);
    for (;;) {
        Problem problem = family.generate(rng, level, language);
        if (split == Split::all || problem.held_out == (split == Split::held_out)) return problem;
    }
}

Problem TaskMix::problem(uint64_t seed, uint64_t index, Split split) const {
    std::vector<int> weights;
    for (const Part& part : parts) weights.push_back(part.weight);
    const Part& part = parts[turn_at(weights, index).part];
    const Family& family = find_family(part.family);
    return make_problem(family, part.level ? part.level : family.default_level, part.language, seed, index,
                        split);
}

TaskMix parse_task_mix(const std::string& text) {
    if (text == "mixed") {
        return parse_task_mix(
            "countdown=14,arithmetic=7,knights=7,countdown:2:zh=2,arithmetic:2:zh=1,knights:2:zh=1");
    }
    const auto number = [&](const std::string& digits, int most) {
        check(!digits.empty() && digits.size() < 5 &&
                  digits.find_first_not_of("0123456789") == std::string::npos && std::stoi(digits) >= 1 &&
                  std::stoi(digits) <= most,
              "task \"", text, "\": \"", digits, "\" is not a number from 1 to ", most);
        return std::stoi(digits);
    };
    TaskMix mix;
    std::istringstream items(text);
    for (std::string item; std::getline(items, item, ',');) {
        TaskMix::Part part;
        if (const size_t equals = item.find('='); equals != std::string::npos) {
            part.weight = number(item.substr(equals + 1), 1000);
            item.resize(equals);
        }
        std::istringstream fields(item);
        std::string level, language;
        std::getline(fields, part.family, ':');
        const Family& family = find_family(part.family);
        if (std::getline(fields, level, ':')) part.level = number(level, family.levels);
        if (std::getline(fields, language)) part.language = parse_language(language);
        mix.parts.push_back(part);
    }
    check(!mix.parts.empty(), "no task is named; try mixed, or one of the families");
    return mix;
}

bool is_held_out(std::string_view canonical) {
    return hash_bytes(canonical.data(), canonical.size()) % 10 == 0;
}

Problem stated_problem(const char* family, int level, Language language, std::string task,
                       std::string_view form, nlohmann::json gold, std::string_view canonical) {
    Problem problem;
    problem.family = family;
    problem.level = level;
    problem.language = name_of(language);
    problem.question = std::move(task);
    problem.instruction = instruct(problem.question, form, language);
    problem.prompt = frame(problem.instruction, language);
    problem.gold = std::move(gold);
    problem.held_out = is_held_out(canonical);
    return problem;
}

std::string instruct(std::string_view task, std::string_view form, Language language) {
    if (language == Language::english)
        return cat(task,
                   "\nThink first, inside <think> </think>. Then give the answer inside <answer> </answer>: ",
                   form, ".");
    return cat(task, "\n请先在 <think> </think> 中思考，然后在 <answer> </answer> 中给出答案：", form, "。");
}

std::string frame(std::string_view question, Language language) {
    return language == Language::english ? cat("User: ", question, " Assistant:")
                                         : cat("用户: ", question, " 助手:");
}

namespace {
int integer_of(const nlohmann::json& value, const char* key, int low, int high) {
    check(value.is_number_integer(), "gold: ", key, " holds something that is not an integer");
    const auto wide = value.get<int64_t>();
    check(wide >= low && wide <= high, "gold: ", key, " holds ", wide, ", which is not in ", low, " to ",
          high);
    return static_cast<int>(wide);
}
}  // namespace

std::vector<int> gold_integers(const nlohmann::json& gold, const char* key, size_t most, int low, int high) {
    check(gold.is_object() && gold.contains(key) && gold[key].is_array(), "gold: the array ", key,
          " is missing");
    check(!gold[key].empty() && gold[key].size() <= most, "gold: ", key, " needs 1 to ", most, " items");
    std::vector<int> out;
    for (const auto& item : gold[key]) out.push_back(integer_of(item, key, low, high));
    return out;
}

int gold_integer(const nlohmann::json& gold, const char* key, int low, int high) {
    check(gold.is_object() && gold.contains(key), "gold: ", key, " is missing");
    return integer_of(gold[key], key, low, high);
}

}  // namespace r1
