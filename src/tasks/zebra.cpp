#include "tasks/zebra.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <set>

#include "core/check.h"

namespace r1::zebra {
namespace {

constexpr int attributes = 5, words_each = 8;
constexpr int most_steps = 1'000'000;
constexpr const char* attribute_names[attributes] = {"name", "colour", "pet", "drink", "job"};

struct Word {
    const char *english, *chinese;
};
constexpr Word words[attributes][words_each] = {{{"Anna", "安娜"},
                                                 {"Boris", "鲍里斯"},
                                                 {"Clara", "克拉拉"},
                                                 {"David", "大卫"},
                                                 {"Emma", "艾玛"},
                                                 {"Felix", "菲利克斯"},
                                                 {"Grace", "格蕾丝"},
                                                 {"Henry", "亨利"}},
                                                {{"red", "红色"},
                                                 {"blue", "蓝色"},
                                                 {"green", "绿色"},
                                                 {"yellow", "黄色"},
                                                 {"white", "白色"},
                                                 {"black", "黑色"},
                                                 {"orange", "橙色"},
                                                 {"purple", "紫色"}},
                                                {{"cat", "猫"},
                                                 {"dog", "狗"},
                                                 {"bird", "鸟"},
                                                 {"fish", "鱼"},
                                                 {"horse", "马"},
                                                 {"rabbit", "兔子"},
                                                 {"turtle", "乌龟"},
                                                 {"mouse", "老鼠"}},
                                                {{"tea", "茶"},
                                                 {"coffee", "咖啡"},
                                                 {"milk", "牛奶"},
                                                 {"water", "水"},
                                                 {"juice", "果汁"},
                                                 {"beer", "啤酒"},
                                                 {"wine", "葡萄酒"},
                                                 {"cocoa", "可可"}},
                                                {{"doctor", "医生"},
                                                 {"teacher", "教师"},
                                                 {"painter", "画家"},
                                                 {"cook", "厨师"},
                                                 {"pilot", "飞行员"},
                                                 {"farmer", "农民"},
                                                 {"singer", "歌手"},
                                                 {"lawyer", "律师"}}};
constexpr const char* relation_names[relations] = {"at",      "not_at",         "same",   "not_same",
                                                   "next_to", "left_neighbour", "left_of"};

bool about_house(Relation relation) {
    return relation == Relation::at || relation == Relation::not_at;
}

bool holds_of(Relation relation, int a, int b) {  // the houses of both values, or the value's and the clue's
    switch (relation) {
        case Relation::at:
        case Relation::same:
            return a == b;
        case Relation::not_at:
        case Relation::not_same:
            return a != b;
        case Relation::next_to:
            return a - b == 1 || b - a == 1;
        case Relation::left_neighbour:
            return b - a == 1;
        default:
            return a < b;
    }
}

// Which houses of b go with one of the houses of a, and the other way round, as bits.
unsigned partners(Relation relation, unsigned houses_of_a, int houses, bool backwards) {
    unsigned out = 0;
    for (int a = 0; a < houses; ++a)
        for (int b = 0; b < houses; ++b)
            if (houses_of_a >> a & 1 && (backwards ? holds_of(relation, b, a) : holds_of(relation, a, b)))
                out |= 1u << b;
    return out;
}

// Domains of houses as bits for each value; narrowed until nothing changes, then the smallest one is split.
class Solver {
  public:
    Solver(const Puzzle& puzzle, int most) : puzzle_(puzzle), most_(most) {
        const auto values = puzzle.words.size() * static_cast<size_t>(puzzle.houses);
        search(std::vector<uint8_t>(values, static_cast<uint8_t>((1u << puzzle.houses) - 1)));
    }
    int found = 0;
    Places first;

  private:
    bool narrow(std::vector<uint8_t>& domains) const {
        const auto houses = static_cast<size_t>(puzzle_.houses);
        for (bool changed = true; changed;) {
            changed = false;
            const auto keep = [&](size_t value, unsigned allowed) {
                const auto left = static_cast<uint8_t>(domains[value] & allowed);
                changed = changed || left != domains[value];
                domains[value] = left;
                return left != 0;
            };
            for (const Clue& clue : puzzle_.clues) {
                if (about_house(clue.relation)) {
                    const unsigned house = 1u << clue.b;
                    if (!keep(clue.a, clue.relation == Relation::at ? house : ~house)) return false;
                    continue;
                }
                const unsigned of_b = partners(clue.relation, domains[clue.a], puzzle_.houses, false);
                if (!keep(clue.b, of_b)) return false;
                const unsigned of_a = partners(clue.relation, domains[clue.b], puzzle_.houses, true);
                if (!keep(clue.a, of_a)) return false;
            }
            for (size_t begin = 0; begin < domains.size(); begin += houses) {
                for (size_t v = begin; v < begin + houses; ++v) {
                    unsigned others = 0;
                    for (size_t o = begin; o < begin + houses; ++o)
                        if (o != v) {
                            others |= domains[o];
                            if (std::has_single_bit(domains[o]) && !keep(v, ~unsigned{domains[o]}))
                                return false;
                        }
                    // a house that no other value can have
                    const unsigned alone = domains[v] & ~others;
                    if (alone && !keep(v, alone)) return false;
                }
            }
        }
        return true;
    }

    void search(std::vector<uint8_t> domains) {
        check(++steps_ <= most_steps, "zebra: too many steps to solve");
        if (!narrow(domains)) return;
        size_t best = domains.size();
        for (size_t v = 0; v < domains.size(); ++v)
            if (!std::has_single_bit(domains[v]) &&
                (best == domains.size() || std::popcount(domains[v]) < std::popcount(domains[best])))
                best = v;
        if (best == domains.size()) {
            Places places;
            for (const uint8_t domain : domains)
                places.push_back(static_cast<uint8_t>(std::countr_zero(domain)));
            for (const Clue& clue : puzzle_.clues)
                if (!holds(clue, places)) return;
            if (found++ == 0) first = places;
            return;
        }
        for (int house = 0; house < puzzle_.houses && found < most_; ++house) {
            if (!(domains[best] >> house & 1)) continue;
            std::vector<uint8_t> next = domains;
            next[best] = static_cast<uint8_t>(1u << house);
            search(std::move(next));
        }
    }

    const Puzzle& puzzle_;
    int most_;
    int steps_ = 0;
};

const Word& word_of(const Puzzle& puzzle, int value) {
    const auto attribute = static_cast<size_t>(value / puzzle.houses);
    return words[puzzle.attributes[attribute]]
                [puzzle.words[attribute][static_cast<size_t>(value % puzzle.houses)]];
}

// --- texts -----------------------------------------------------------------------------------------------

// Who has the value: "Anna", "the owner of the cat".
std::string holder(const Puzzle& puzzle, int value, Language language) {
    const Word& word = word_of(puzzle, value);
    const int attribute = puzzle.attributes[static_cast<size_t>(value / puzzle.houses)];
    if (language == Language::chinese) {
        const std::string w = word.chinese;
        switch (attribute) {
            case 0:
                return w;
            case 1:
                return "住" + w + "房子的人";
            case 2:
                return "养" + w + "的人";
            case 3:
                return "喝" + w + "的人";
            default:
                return w;
        }
    }
    const std::string w = word.english;
    switch (attribute) {
        case 0:
            return w;
        case 1:
            return "the person in the " + w + " house";
        case 2:
            return "the owner of the " + w;
        case 3:
            return "the one who drinks " + w;
        default:
            return "the " + w;
    }
}

std::string sentence(const Puzzle& puzzle, const Clue& clue, Language language) {
    const std::string a = holder(puzzle, clue.a, language);
    const std::string house = std::to_string(clue.b + 1);
    const std::string b = about_house(clue.relation) ? "" : holder(puzzle, clue.b, language);
    if (language == Language::chinese) {
        switch (clue.relation) {
            case Relation::at:
                return a + "住在第 " + house + " 间房子。";
            case Relation::not_at:
                return a + "不住在第 " + house + " 间房子。";
            case Relation::same:
                return a + "就是" + b + "。";
            case Relation::not_same:
                return a + "不是" + b + "。";
            case Relation::next_to:
                return a + "住在" + b + "的隔壁。";
            case Relation::left_neighbour:
                return a + "住在" + b + "左边紧挨着的房子。";
            default:
                return a + "住在" + b + "左边的某间房子。";
        }
    }
    std::string text;
    switch (clue.relation) {
        case Relation::at:
            text = a + " lives in house " + house + ".";
            break;
        case Relation::not_at:
            text = a + " does not live in house " + house + ".";
            break;
        case Relation::same:
            text = a + " is " + b + ".";
            break;
        case Relation::not_same:
            text = a + " is not " + b + ".";
            break;
        case Relation::next_to:
            text = a + " lives next to " + b + ".";
            break;
        case Relation::left_neighbour:
            text = a + " lives in the house directly to the left of " + b + ".";
            break;
        default:
            text = a + " lives somewhere to the left of " + b + ".";
    }
    if (text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 32);
    return text;
}

std::string statement(const Puzzle& puzzle, Language language) {
    static constexpr const char* chinese_names[attributes] = {"姓名", "房子颜色", "宠物", "饮料", "职业"};
    static constexpr const char* english_names[attributes] = {"name", "colour of the house", "pet", "drink",
                                                              "job"};
    const bool english = language == Language::english;
    std::string text =
        english ? cat(puzzle.houses, " houses stand in a row, numbered 1 to ", puzzle.houses,
                      " from left to right, with one person in each. No two have the same of anything:")
                : cat(puzzle.houses, " 间房子排成一行，从左到右编号 1 到 ", puzzle.houses,
                      "，每间住一个人。各人的下列各项都不相同：");
    for (size_t a = 0; a < puzzle.words.size(); ++a) {
        text += english ? cat("\n- ", english_names[puzzle.attributes[a]], ":")
                        : cat("\n- ", chinese_names[puzzle.attributes[a]], "：");
        // in the order of the table, which says nothing about the houses
        std::vector<uint8_t> sorted = puzzle.words[a];
        std::sort(sorted.begin(), sorted.end());
        for (size_t i = 0; i < sorted.size(); ++i) {
            const Word& word = words[puzzle.attributes[a]][sorted[i]];
            text += english ? cat(i ? ", " : " ", word.english) : cat(i ? "、" : "", word.chinese);
        }
    }
    text += english ? "\nClues:" : "\n线索：";
    for (size_t i = 0; i < puzzle.clues.size(); ++i)
        text += cat("\n", i + 1, ". ", sentence(puzzle, puzzle.clues[i], language));
    return text + (english ? "\nWho and what is in each house?" : "\n每间房子里分别是什么？");
}

// --- golds and answers -----------------------------------------------------------------------------------

nlohmann::json gold_of(const Puzzle& puzzle) {
    nlohmann::json values = nlohmann::json::object(), clues = nlohmann::json::array();
    for (size_t a = 0; a < puzzle.words.size(); ++a) {
        auto& list = values[attribute_names[puzzle.attributes[a]]] = nlohmann::json::array();
        for (const uint8_t w : puzzle.words[a]) list.push_back(words[puzzle.attributes[a]][w].english);
    }
    for (const Clue& clue : puzzle.clues) {
        nlohmann::json item = {{"clue", relation_names[static_cast<size_t>(clue.relation)]},
                               {"a", word_of(puzzle, clue.a).english}};
        if (about_house(clue.relation))
            item["house"] = clue.b + 1;
        else
            item["b"] = word_of(puzzle, clue.b).english;
        clues.push_back(std::move(item));
    }
    return {{"houses", puzzle.houses}, {"values", std::move(values)}, {"clues", std::move(clues)}};
}

// The number of the value that the word names, in either language; -1 where it names none.
int value_of(const Puzzle& puzzle, std::string_view name) {
    for (int value = 0; value < static_cast<int>(puzzle.words.size()) * puzzle.houses; ++value)
        if (name == word_of(puzzle, value).english || name == word_of(puzzle, value).chinese) return value;
    return -1;
}

uint8_t clue_value(const Puzzle& puzzle, const nlohmann::json& clue, const char* key) {
    check(clue.contains(key) && clue[key].is_string(), "gold: a clue has no ", key);
    const int value = value_of(puzzle, clue[key].get_ref<const std::string&>());
    check(value >= 0, "gold: a clue is about \"", clue[key].get<std::string>(), "\", which is no value");
    return static_cast<uint8_t>(value);
}

Puzzle puzzle_of(const nlohmann::json& gold) {
    Puzzle puzzle;
    puzzle.houses = gold_integer(gold, "houses", 2, 5);
    check(gold.contains("values") && gold["values"].is_object(), "gold: the object values is missing");
    for (uint8_t a = 0; a < attributes; ++a) {
        if (!gold["values"].contains(attribute_names[a])) continue;
        const auto& list = gold["values"][attribute_names[a]];
        check(list.is_array() && list.size() == static_cast<size_t>(puzzle.houses),
              "gold: ", attribute_names[a], " needs as many values as there are houses");
        puzzle.attributes.push_back(a);
        puzzle.words.emplace_back();
        for (const auto& item : list) {
            const auto* found = std::find_if(std::begin(words[a]), std::end(words[a]),
                                             [&](const Word& word) { return item == word.english; });
            check(found != std::end(words[a]), "gold: ", item.dump(), " is no known ", attribute_names[a]);
            const auto index = static_cast<uint8_t>(found - std::begin(words[a]));
            auto& chosen = puzzle.words.back();
            check(std::find(chosen.begin(), chosen.end(), index) == chosen.end(), "gold: ", item.dump(),
                  " comes twice");
            chosen.push_back(index);
        }
    }
    check(puzzle.words.size() == gold["values"].size() && !puzzle.words.empty(),
          "gold: values needs some of name, colour, pet, drink, job");
    check(gold.contains("clues") && gold["clues"].is_array() && gold["clues"].size() <= 200,
          "gold: the array clues is missing");
    for (const auto& item : gold["clues"]) {
        check(item.is_object() && item.contains("clue") && item["clue"].is_string(),
              "gold: a clue has no name");
        const auto name = item["clue"].get<std::string>();
        const auto* found = std::find(std::begin(relation_names), std::end(relation_names), name);
        check(found != std::end(relation_names), "gold: unknown clue \"", name, "\"");
        Clue clue;
        clue.relation = static_cast<Relation>(found - std::begin(relation_names));
        clue.a = clue_value(puzzle, item, "a");
        clue.b = about_house(clue.relation)
                     ? static_cast<uint8_t>(gold_integer(item, "house", 1, puzzle.houses) - 1)
                     : clue_value(puzzle, item, "b");
        puzzle.clues.push_back(clue);
    }
    return puzzle;
}

Places solution_of(const Puzzle& puzzle) {
    Places places;
    const int found = count_solutions(puzzle, 2, &places);
    check(found == 1, "gold: the clues leave ", found == 0 ? "no solution" : "several solutions");
    return places;
}

std::string answer_of(const Puzzle& puzzle, const Places& places) {
    std::string text;
    for (int house = 0; house < puzzle.houses; ++house) {
        text += cat(house ? "\n" : "", house + 1, ":");
        for (size_t value = 0; value < places.size(); ++value)
            if (places[value] == house) text += cat(" ", word_of(puzzle, static_cast<int>(value)).english);
    }
    return text;
}

std::string solve(const nlohmann::json& gold) {
    const Puzzle puzzle = puzzle_of(gold);
    return answer_of(puzzle, solution_of(puzzle));
}

// Reads "1: Anna red cat; 2: …" or "1 | Anna | red", one house after the other; "house" and the like may
// stand around.
Check check_answer(const nlohmann::json& gold, std::string_view answer) {
    const Puzzle puzzle = puzzle_of(gold);
    const Places right = solution_of(puzzle);
    constexpr uint8_t nowhere = 255;
    Places places(right.size(), nowhere);
    std::set<int> named;
    int house = -1;
    while (!answer.empty()) {
        size_t end = std::min(answer.find_first_of(" \t\r\n,;:.|()-*"), answer.size());
        for (const std::string_view sign : {"：", "，", "；", "、", "。"})
            end = std::min(end, answer.find(sign));
        if (end == 0) {
            answer.remove_prefix(static_cast<unsigned char>(answer[0]) < 0x80 ? 1 : 3);
            continue;
        }
        const std::string_view word = answer.substr(0, end);
        answer.remove_prefix(end);
        static constexpr std::string_view passed_over[] = {"house", "House", "第",     "间",
                                                           "号",    "房子",  "间房子", "the"};
        if (std::find(std::begin(passed_over), std::end(passed_over), word) != std::end(passed_over))
            continue;
        if (word.size() == 1 && word[0] >= '1' && word[0] <= '0' + puzzle.houses) {
            house = word[0] - '1';
            if (!named.insert(house).second) return {false, false, cat("house ", house + 1, " comes twice")};
            continue;
        }
        const int value = value_of(puzzle, word);
        if (value < 0) return {false, false, cat("unexpected \"", word.substr(0, 40), "\"")};
        if (house < 0) return {false, false, "a value before the first house"};
        if (places[static_cast<size_t>(value)] != nowhere)
            return {false, false, cat("\"", word, "\" comes twice")};
        places[static_cast<size_t>(value)] = static_cast<uint8_t>(house);
    }
    if (std::count(places.begin(), places.end(), nowhere))
        return {false, false, "not every value has a house"};
    if (places != right) return {true, false, "contradicts a clue, or two values share a place"};
    return {true, true, "fits every clue"};
}

Problem generate(Rng& rng, int level, Language language) {
    const Puzzle puzzle = draw(rng, level);
    const bool english = language == Language::english;
    std::string form = english ? "one line a house, its number and then its values, for example \"1:"
                               : "每间房子一行，先写编号，再写各项，例如“1:";
    for (size_t a = 0; a < puzzle.words.size(); ++a) {
        const Word& word = word_of(puzzle, static_cast<int>(a) * puzzle.houses);
        form += cat(" ", english ? word.english : word.chinese);
    }
    return stated_problem("zebra", level, language, statement(puzzle, language),
                          form + (english ? "\"" : "”"), gold_of(puzzle), canonical(puzzle));
}

}  // namespace

bool holds(const Clue& clue, const Places& places) {
    return holds_of(clue.relation, places[clue.a], about_house(clue.relation) ? clue.b : places[clue.b]);
}

int count_solutions(const Puzzle& puzzle, int most, Places* solution) {
    const Solver solver(puzzle, most);
    if (solver.found > 0 && solution) *solution = solver.first;
    return solver.found;
}

Puzzle draw(Rng& rng, int level) {
    constexpr std::array<int, 5> house_count{3, 3, 4, 4, 5}, attribute_count{2, 3, 3, 4, 5};
    const auto at = static_cast<size_t>(level - 1);
    Puzzle puzzle;
    puzzle.houses = house_count[at];
    std::vector<uint8_t> pool{1, 2, 3, 4};
    rng.shuffle(pool);
    puzzle.attributes.assign(pool.begin(), pool.begin() + attribute_count[at] - 1);
    puzzle.attributes.push_back(0);  // there is always a name
    std::sort(puzzle.attributes.begin(), puzzle.attributes.end());
    Places places;
    for (size_t a = 0; a < puzzle.attributes.size(); ++a) {
        std::vector<uint8_t> chosen(words_each), order(static_cast<size_t>(puzzle.houses));
        std::iota(chosen.begin(), chosen.end(), uint8_t{0});
        rng.shuffle(chosen);
        chosen.resize(order.size());
        puzzle.words.push_back(chosen);
        std::iota(order.begin(), order.end(), uint8_t{0});
        rng.shuffle(order);
        places.insert(places.end(), order.begin(), order.end());
    }
    // All that is true of the solution, in random order; plain positions are rare, or they would tell too
    // much.
    std::vector<Clue> truths;
    const auto values = static_cast<uint8_t>(places.size());
    for (uint8_t a = 0; a < values; ++a) {
        for (uint8_t house = 0; house < puzzle.houses; ++house)
            for (const Relation relation : {Relation::at, Relation::not_at})
                if (holds({relation, a, house}, places) && rng.chance(relation == Relation::at ? 0.3f : 0.2f))
                    truths.push_back({relation, a, house});
        for (uint8_t b = 0; b < values; ++b) {
            if (a / puzzle.houses == b / puzzle.houses) {  // of one attribute: only where they live
                if (a == b) continue;
            } else if (a < b) {
                for (const Relation relation : {Relation::same, Relation::not_same})
                    if (holds({relation, a, b}, places) &&
                        rng.chance(relation == Relation::same ? 1.0f : 0.3f))
                        truths.push_back({relation, a, b});
            }
            for (const Relation relation : {Relation::next_to, Relation::left_neighbour, Relation::left_of})
                if ((relation != Relation::next_to || a < b) && holds({relation, a, b}, places) &&
                    rng.chance(0.5f))
                    truths.push_back({relation, a, b});
        }
    }
    rng.shuffle(truths);
    // Enough clues from the front for one solution, then those that are not needed are left out.
    while (puzzle.clues.size() < truths.size()) {
        puzzle.clues.push_back(truths[puzzle.clues.size()]);
        if (count_solutions(puzzle, 2) == 1) break;
    }
    if (count_solutions(puzzle, 2) != 1) return draw(rng, level);
    for (size_t i = 0; i < puzzle.clues.size();) {
        const Clue clue = puzzle.clues[i];
        puzzle.clues.erase(puzzle.clues.begin() + static_cast<ptrdiff_t>(i));
        if (count_solutions(puzzle, 2) == 1) continue;
        puzzle.clues.insert(puzzle.clues.begin() + static_cast<ptrdiff_t>(i), clue);
        ++i;
    }
    return puzzle;
}

// Values are named by their attribute and the house where they are; attributes take all orders, and the
// smallest text of the sorted clues counts.
std::string canonical(const Puzzle& puzzle) {
    const Places places = solution_of(puzzle);
    std::vector<char> order(puzzle.words.size());
    std::iota(order.begin(), order.end(), char{0});
    std::vector<std::array<char, 3>> best;
    do {
        std::vector<std::array<char, 3>> clues;
        const auto named = [&](uint8_t value) {
            return static_cast<char>('0' + order[value / static_cast<size_t>(puzzle.houses)] * puzzle.houses +
                                     places[value]);
        };
        for (const Clue& clue : puzzle.clues) {
            char a = named(clue.a),
                 b = about_house(clue.relation) ? static_cast<char>('0' + clue.b) : named(clue.b);
            const bool symmetric = clue.relation == Relation::same || clue.relation == Relation::not_same ||
                                   clue.relation == Relation::next_to;
            if (symmetric && b < a) std::swap(a, b);
            clues.push_back({static_cast<char>('a' + static_cast<int>(clue.relation)), a, b});
        }
        std::sort(clues.begin(), clues.end());
        if (best.empty() || clues < best) best = clues;
    } while (std::next_permutation(order.begin(), order.end()));
    std::string text = cat("zebra ", puzzle.houses, " ", puzzle.words.size());
    for (const auto& clue : best) text += cat(" ", clue[0], clue[1], clue[2]);
    return text;
}

Family family() {
    return {"zebra", "find what is in each house of a row from clues", 5, 2, generate, solve, check_answer};
}

}  // namespace r1::zebra
