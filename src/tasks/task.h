// Families of generated problems whose answers can be checked exactly.
//
// A family has a generator, a solver, a checker, levels of difficulty and a split: a problem is held out when
// the hash of its canonical form (the same for every order and wording of the same problem) says so, about
// one in ten. The pre-training corpus and RL draw from the train split alone.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/rng.h"

namespace r1 {

enum class Language : uint8_t { english, chinese };
const char* name_of(Language language);            // "en", "zh"
Language parse_language(const std::string& name);  // throws, naming the known ones

struct Problem {
    std::string family;
    int level = 1;
    std::string language;     // "en" or "zh"
    std::string question;     // "make 40 from 28 8 23"
    std::string prompt;       // in the conversation frame that the embedded base knows
    std::string instruction;  // for any other model: the whole task, with the form that the answer has
    nlohmann::json gold;      // what the checker needs; its keys are the family's
    bool held_out = false;
};

enum class Split : uint8_t { train, held_out, all };

// What a checker says of an answer.
struct Check {
    bool parsed = false;
    bool correct = false;
    std::string reason;
};

struct Family {
    const char* name;
    const char* summary;
    int levels;         // 1 .. levels
    int default_level;  // what `r1 zero` trains on
    Problem (*generate)(Rng& rng, int level, Language language);
    std::string (*solve)(const nlohmann::json& gold);  // a correct answer; throws if there is none
    Check (*check)(const nlohmann::json& gold,
                   std::string_view answer);  // throws Error if gold is not of this family
};

const std::vector<Family>& families();
const Family& find_family(const std::string& name);  // throws, naming the known ones

// Problem `index` of a stream: a pure function of its arguments.
Problem make_problem(const Family& family, int level, Language language, uint64_t seed, uint64_t index,
                     Split split);

// `count` problems of one split. The same arguments give the same problems everywhere; problem i does not
// depend on count. Within one call problems may repeat where a level has few.
std::vector<Problem> make_problems(const std::string& family, int level, const std::string& language,
                                   size_t count, uint64_t seed, Split split);

// Several families at once, in fixed proportions: question i of any run of questions that is as long as the
// sum of the weights has each part as often as its weight says, spread evenly.
struct TaskMix {
    struct Part {
        std::string family;
        int level = 0;  // 0: the family's default
        Language language = Language::english;
        int weight = 1;
    };
    std::vector<Part> parts;
    Problem problem(uint64_t seed, uint64_t index, Split split) const;
};
// "countdown", "countdown,knights:3", "arithmetic:2:zh=4": FAMILY[:LEVEL[:LANGUAGE]][=WEIGHT], separated by
// commas; "mixed" is what `r1 zero` trains on: countdown, arithmetic and knights 2 : 1 : 1, one question in
// eight in Chinese.
TaskMix parse_task_mix(const std::string& text);

bool is_held_out(std::string_view canonical);

// A problem of a family that the embedded base does not know: its question is `task`, its instruction says as
// well that the answer is `form` ("the missing letter"); a canonical form as for is_held_out.
Problem stated_problem(const char* family, int level, Language language, std::string task,
                       std::string_view form, nlohmann::json gold, std::string_view canonical);
// The task, and that the answer in <answer> tags is `form`, after thinking in <think> tags.
std::string instruct(std::string_view task, std::string_view form, Language language);

// "User: QUESTION Assistant:", in Chinese "用户: QUESTION 助手:".
std::string frame(std::string_view question, Language language);

// What checkers read from a gold: a checked integer array or integer of bounded size. Throws Error naming the
// key.
std::vector<int> gold_integers(const nlohmann::json& gold, const char* key, size_t most, int low, int high);
int gold_integer(const nlohmann::json& gold, const char* key, int low, int high);

}  // namespace r1
