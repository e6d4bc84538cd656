#include "reward/qualified.h"

#include <algorithm>
#include <span>
#include <string>

#include "core/ascii.h"

namespace r1 {
namespace {

using namespace std::string_view_literals;

constexpr size_t longest_look = 80;  // bytes on either side

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || c == '\'';
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::string lower(std::string_view text) {
    std::string out = ascii_lower(text);
    for (size_t at; (at = out.find("’")) != std::string::npos;) out.replace(at, 3, "'");
    return out;
}

bool is_one_of(std::string_view word, std::span<const std::string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

std::string_view without_blanks(std::string_view text) {
    constexpr std::string_view blank = " \t\n$*{(";
    while (!text.empty() && blank.find(text.back()) != std::string_view::npos) text.remove_suffix(1);
    return text;
}

// The last word of the text, which is taken off; empty where the text does not end with a word.
std::string_view take_word(std::string_view& text) {
    text = without_blanks(text);
    size_t begin = text.size();
    while (begin > 0 && is_letter(text[begin - 1])) --begin;
    const std::string_view word = text.substr(begin);
    text = text.substr(0, begin);
    return word;
}

}  // namespace

Qualified qualified(std::string_view sentence, size_t begin, size_t end) {
    constexpr std::string_view fillers[] = {"equal",    "to",    "exactly",     "simply", "definitely",
                                            "really",   "just",  "necessarily", "the",    "be",
                                            "actually", "value", "number"};
    constexpr std::string_view denials[] = {"not", "never", "neither", "cannot", "nor"};
    constexpr std::string_view bounds[] = {"than",  "least",  "most",   "between", "either",   "below",
                                           "above", "from",   "over",   "under",   "up",       "twice",
                                           "half",  "double", "triple", "minus",   "negative", "plus"};
    constexpr std::string_view parts[] = {"half",  "third",   "quarter", "root",     "square",
                                          "cube",  "double",  "triple",  "multiple", "factor",
                                          "power", "percent", "one",     "some",     "any"};
    const size_t from = begin - std::min(begin, longest_look);
    const std::string low_before = lower(sentence.substr(from, begin - from));
    std::string_view before = low_before;
    for (int words = 0; words < 4; ++words) {
        const std::string_view word = take_word(before);
        if (word.empty()) break;
        if (is_one_of(word, denials) || word.ends_with("n't")) return Qualified::denied;
        if (is_one_of(word, bounds)) return Qualified::bound;
        if (word == "of" && is_one_of(take_word(before), parts)) return Qualified::bound;  // half of 17
        if (!is_one_of(word, fillers)) break;
    }
    before = without_blanks(low_before);
    for (const std::string_view denial : {"不是"sv, "不等于"sv, "不为"sv, "\\ne"sv, "\\neq"sv, "≠"sv})
        if (before.ends_with(denial)) return Qualified::denied;
    for (const std::string_view bound : {"至少"sv, "至多"sv, "大于"sv, "小于"sv, "不超过"sv, "<"sv, ">"sv,
                                         "\\ge"sv, "\\geq"sv, "\\le"sv, "\\leq"sv, "<="sv, ">="sv})
        if (before.ends_with(bound)) return Qualified::bound;

    const std::string low_after = lower(sentence.substr(end, longest_look));
    std::string_view after = low_after;
    while (!after.empty() && " \t$*})"sv.find(after.front()) != std::string_view::npos)
        after.remove_prefix(1);
    for (const std::string_view denial :
         {"is not"sv, "isn't"sv, "is wrong"sv, "is incorrect"sv, "is the wrong"sv, "is too"sv, "was wrong"sv,
          "cannot be"sv, "can't be"sv, "不是"sv, "是错"sv, "不对"sv})
        if (after.starts_with(denial)) return Qualified::denied;
    if (!after.empty() && (is_digit(after.front()) || after.front() == '+')) return Qualified::bound;
    for (const std::string_view more : {"squared"sv, "cubed"sv, "factorial"sv, "percent of"sv})
        if (after.starts_with(more)) return Qualified::bound;
    for (const std::string_view further : {"to "sv, "through "sv, "plus "sv, "minus "sv, "times "sv,
                                           "over "sv, "divided by "sv, "multiplied by "sv, "到"sv, "至"sv}) {
        if (!after.starts_with(further)) continue;
        const std::string_view next = after.substr(further.size());
        const size_t digit = next.find_first_not_of(" $\\-");
        if (digit != std::string_view::npos && is_digit(next[digit])) return Qualified::bound;
    }
    return Qualified::no;
}

}  // namespace r1
