#include "tasks/game24.h"

#include <algorithm>
#include <numeric>

#include "core/check.h"
#include "tasks/countdown.h"

namespace r1::game24 {
namespace {

constexpr int target = 24;
constexpr char ops[] = {'+', '-', '*', '/'};

// A value that some cards make: numerator / denominator, not reduced; the denominator is positive.
struct Item {
    int numerator = 0, denominator = 1;
    std::string text;  // the expression, where it is wanted
};

bool is_whole(const Item& item) {
    return item.numerator % item.denominator == 0;
}

bool apply(const Item& a, char op, const Item& b, Item& out) {
    if (op == '+')
        out = {a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator, ""};
    if (op == '-')
        out = {a.numerator * b.denominator - b.numerator * a.denominator, a.denominator * b.denominator, ""};
    if (op == '*') out = {a.numerator * b.numerator, a.denominator * b.denominator, ""};
    if (op == '/') {
        if (b.numerator == 0) return false;
        out = {a.numerator * b.denominator, a.denominator * b.numerator, ""};
        if (out.denominator < 0) out.numerator = -out.numerator, out.denominator = -out.denominator;
    }
    const int common = std::gcd(out.numerator, out.denominator);
    out.numerator /= common, out.denominator /= common;
    return true;
}

struct Items {
    std::array<Item, 4> list;
    size_t count = 0;
};

// Calls visit(last item, all values were whole) for each way of combining; stops when it returns true.
template <class Visit>
bool combine(const Items& items, bool whole, bool with_text, Visit&& visit) {
    if (items.count == 1) return visit(items.list[0], whole);
    for (size_t i = 0; i < items.count; ++i)
        for (size_t j = 0; j < items.count; ++j) {
            if (i == j) continue;
            for (const char op : ops) {
                if (i > j && (op == '+' || op == '*')) continue;
                Item made;
                if (!apply(items.list[i], op, items.list[j], made)) continue;
                Items rest;
                for (size_t k = 0; k < items.count; ++k)
                    if (k != i && k != j) rest.list[rest.count++] = items.list[k];
                if (with_text) {
                    made.text = cat(items.list[i].text, " ", op, " ", items.list[j].text);
                    if (rest.count > 0) made.text = "(" + made.text + ")";
                }
                const bool still_whole = whole && is_whole(made);
                rest.list[rest.count++] = std::move(made);
                if (combine(rest, still_whole, with_text, visit)) return true;
            }
        }
    return false;
}

Items items_of(const Cards& cards) {
    Items items;
    for (const int card : cards) items.list[items.count++] = {card, 1, std::to_string(card)};
    return items;
}

bool hits(const Item& item) {
    return item.numerator == target * item.denominator;
}

Cards cards_of(const nlohmann::json& gold) {
    const std::vector<int> numbers = gold_integers(gold, "numbers", 4, 1, 13);
    check(numbers.size() == 4, "gold: numbers needs 4 cards");
    check(gold_integer(gold, "target", 1, 1000) == target, "gold: target is not 24");
    Cards cards{};
    std::copy(numbers.begin(), numbers.end(), cards.begin());
    return cards;
}

std::string solve(const nlohmann::json& gold) {
    std::string found;
    combine(items_of(cards_of(gold)), true, true, [&](const Item& item, bool) {
        if (hits(item)) found = item.text;
        return hits(item);
    });
    check(!found.empty(), "game24: these cards do not make 24");
    return found;
}

Check check_answer(const nlohmann::json& gold, std::string_view answer) {
    cards_of(gold);
    return countdown::check_answer(gold, answer);
}

Problem generate(Rng& rng, int level, Language language) {
    const Cards cards = draw(rng, level);
    const std::string numbers = cat(cards[0], ", ", cards[1], ", ", cards[2], ", ", cards[3]);
    const bool english = language == Language::english;
    return stated_problem(
        "game24", level, language,
        english ? "Make 24 from the four numbers " + numbers +
                      ". Use each number exactly once, with + - * / and brackets; fractions on "
                      "the way are allowed."
                : "用 " + numbers +
                      " 这四个数算出 24。每个数恰好用一次，可以用 + - * / 和括号，中间结果可以是分数。",
        english ? "one expression, for example (1 + 2 + 3) * 4" : "一个算式，例如 (1 + 2 + 3) * 4",
        {{"numbers", cards}, {"target", target}}, canonical(cards));
}

}  // namespace

Ways count_ways(const Cards& cards) {
    Ways ways;
    combine(items_of(cards), true, false, [&](const Item& item, bool whole) {
        ++ways.all;
        if (hits(item)) ++ways.hits, ways.whole = ways.whole || whole;
        return false;
    });
    return ways;
}

Cards draw(Rng& rng, int level) {
    for (;;) {
        Cards cards{};
        for (int& card : cards) card = rng.range(1, 13);
        const Ways ways = count_ways(cards);
        const int found = ways.hits == 0 ? 0 : !ways.whole ? 3 : ways.hits * 200 >= ways.all ? 1 : 2;
        if (found == level) return cards;
    }
}

std::string canonical(const Cards& cards) {
    Cards sorted = cards;
    std::sort(sorted.begin(), sorted.end());
    return cat("game24 ", sorted[0], " ", sorted[1], " ", sorted[2], " ", sorted[3]);
}

Family family() {
    return {"game24", "make 24 from four cards, each used once", 3, 1, generate, solve, check_answer};
}

}  // namespace r1::game24
