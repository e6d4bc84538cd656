#include "tasks/task.h"

#include "core/check.h"
#include "tasks/arithmetic.h"
#include "tasks/countdown.h"
#include "tasks/knights.h"

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
    static const std::vector<Family> all = {countdown::family(), arithmetic::family(), knights::family()};
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
    for (size_t i = 0; i < count; ++i) {
        Rng rng(seed, i);
        Problem problem = family.generate(rng, level, words);
        while (split != Split::all && problem.held_out != (split == Split::held_out))
            problem = family.generate(rng, level, words);
        problems.push_back(std::move(problem));
    }
    return problems;
}

bool is_held_out(std::string_view canonical) {
    return hash_bytes(canonical.data(), canonical.size()) % 10 == 0;
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
