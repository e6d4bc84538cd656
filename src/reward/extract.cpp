#include "reward/extract.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>

#include "algebra/lexer.h"
#include "algebra/reader.h"
#include "algebra/units.h"
#include "algebra/words.h"
#include "core/ascii.h"
#include "core/check.h"
#include "reward/qualified.h"
#include "text/boxes.h"

namespace r1 {
namespace {

using algebra::Expr;
using algebra::Kind;
using Readings = std::vector<Expr>;

constexpr size_t npos = std::string_view::npos;
constexpr size_t longest_tail = 4000;  // of a text whose end is searched for a phrase
constexpr size_t longest_bare = 300;   // of a text that is an answer and nothing else

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::string_view trim(std::string_view text, std::string_view around = " \t\r\n") {
    while (!text.empty() && around.find(text.front()) != npos) text.remove_prefix(1);
    while (!text.empty() && around.find(text.back()) != npos) text.remove_suffix(1);
    return text;
}

bool is_words(const Readings& readings) {
    return readings.empty() || readings[0].kind == Kind::text;
}

// Words, or a list of words: "positive, because it counts".
bool holds_no_formula(const Expr& e) {
    return e.kind == Kind::text || (!e.args.empty() && std::ranges::all_of(e.args, holds_no_formula));
}

// --- boxes

// What stands between two boxes of one answer: commas, "and", "or" and a word or two. Empty if they are two
// answers.
std::string join_sign(std::string_view gap) {
    gap = trim(gap, " \t\r\n$");
    while (gap.ends_with("\\(") || gap.ends_with("\\)")) gap = trim(gap.substr(0, gap.size() - 2));
    if (gap.ends_with('=')) {  // and y = \boxed{…}
        gap = trim(gap.substr(0, gap.size() - 1));
        const size_t name = gap.find_last_of(" $(,");
        if (name == npos) return "";
        gap = gap.substr(0, name + 1);
    }
    if (gap.size() > 80) return "";
    std::string joined;
    int words = 0;
    for (size_t i = 0; i < gap.size();) {
        if (is_ascii_letter(gap[i])) {
            size_t end = i;
            while (end < gap.size() && is_ascii_letter(gap[end])) ++end;
            const std::string word = ascii_lower(gap.substr(i, end - i));
            const bool command = i > 0 && gap[i - 1] == '\\';
            if (word == "and" || word == "or" || word == "und" || word == "et" || word == "oder" ||
                word == "ou")
                joined = word == "or" || word == "oder" || word == "ou" ? " or " : " and ";
            else if (!command && ++words > 2)
                return "";
            i = end;
        } else {
            if (gap.substr(i, 3) == "和") joined = " and ";
            if (gap.substr(i, 3) == "或") joined = " or ";
            if ((gap[i] == ',' || gap[i] == ';' || gap.substr(i, 3) == "，" || gap.substr(i, 3) == "、") &&
                joined.empty())
                joined = ", ";
            if (gap[i] == '.' || gap[i] == '=' || is_digit(gap[i])) return "";
            ++i;
        }
    }
    return joined == ", " && words > 0 ? "" : joined;
}

Readings read_boxes(std::string_view text, const std::vector<Box>& boxes) {
    for (size_t last = boxes.size(); last-- > 0;) {
        if (qualified(text, boxes[last].begin, boxes[last].end) == Qualified::denied) continue;
        std::string all(boxes[last].inside);
        for (size_t i = last; i-- > 0;) {
            const std::string sign = join_sign(text.substr(boxes[i].end, boxes[i + 1].begin - boxes[i].end));
            if (sign.empty() || all.size() > 2000) break;
            all = std::string(boxes[i].inside) + sign + all;
        }
        if (auto readings = algebra::read_answer(all); !readings.empty()) return readings;
    }
    return {};
}

// --- phrases and sentences

// The end of the last of these phrases in a text of small letters.
size_t after_last(std::string_view text, std::span<const std::string_view> phrases) {
    size_t best = npos;
    for (const std::string_view phrase : phrases) {
        const size_t at = text.rfind(phrase);
        if (at != npos && (best == npos || at + phrase.size() > best)) best = at + phrase.size();
    }
    return best;
}

// The first sentence: to the end of the line, or a full stop before a blank.
std::string_view sentence(std::string_view text) {
    text = trim(text, " \t\r\n:*");
    for (const auto& [open, close] :
         {std::pair<std::string_view, std::string_view>{"$$", "$$"}, {"\\[", "\\]"}})
        if (text.starts_with(open)) {
            const size_t end = text.find(close, 2);
            if (end != npos) return text.substr(0, end + 2);
        }
    int depth = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        depth += c == '{' ? 1 : c == '}' ? -1 : 0;
        if (c == '\n' && depth <= 0) return text.substr(0, i);
        const bool stop =
            (c == '.' || c == '?' || c == '!') && (i + 1 == text.size() || is_blank(text[i + 1]));
        if (stop && depth <= 0) return text.substr(0, i);
    }
    return text;
}

std::string without_delimiters(std::string_view text, bool keep_dollars = false) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        const char next = i + 1 < text.size() ? text[i + 1] : '\0';
        if (text[i] == '\\' &&
            (next == '(' || next == ')' || next == '[' || next == ']' || next == '"' || next == '$')) {
            out += ' ';
            ++i;
        } else if (text[i] == '\\' && next != '\0') {
            out += text[i];
            out += text[++i];
        } else if ((text[i] == '$' && !keep_dollars) || text[i] == '"' || text[i] == '`') {
            out += ' ';
        } else if (text[i] == '*' && next == '*') {
            ++i;
        } else {
            out += text[i];
        }
    }
    return out;
}

constexpr std::string_view copulas[] = {
    " is ",    " are ",   " was ",    " be ",   " equals ", " equal to ", " est ",  " sont ",  " es ",
    " ist ",   "'s ",     ": ",       "是",     "为",       "等于",       "得到",   " gives ", " get ",
    " to be ", " has ",   " have ",   " had ",  " takes ",  " makes ",    " made ", " needs ", " spends ",
    " spent ", " earns ", " earned ", " pays ", " costs ",  " cost "};

// The first expression of a sentence that states an answer; its words if there is none.
Readings read_formula(std::string_view s) {
    if (auto whole = algebra::read_answer(s); !is_words(whole)) return whole;
    size_t used = 0;
    bool bounded = false;  // "at least 17": the sentence states no number
    const auto prefix = [&](std::string_view from) -> Readings {
        if (auto e = algebra::read_prefix(from, used)) {
            const auto begin = static_cast<size_t>(from.data() - s.data());
            const Qualified said = qualified(s, begin, begin + used);
            bounded = bounded || said == Qualified::bound;
            if (said != Qualified::no) return {};
            const auto readings = algebra::read_answer(from.substr(0, used));
            return is_words(readings) ? Readings{*e} : readings;
        }
        used = 0;
        return {};
    };
    const auto is_math_start = [](std::string_view t) {
        return !t.empty() && (is_digit(t[0]) || t[0] == '\\' || t[0] == '-' || t[0] == '(' || t[0] == '[' ||
                              t[0] == '{' || t[0] == '.');
    };
    if (is_math_start(s))
        if (auto first = prefix(s); !first.empty()) return first;
    const std::string low = " " + ascii_lower(s);
    if (const size_t at = after_last(low, copulas); at != npos && at - 1 < s.size()) {
        const std::string_view rest = trim(s.substr(at - 1));
        if (auto whole = algebra::read_answer(rest); !is_words(whole)) return whole;
        if (is_math_start(rest))
            if (auto first = prefix(rest); !first.empty()) return first;
    }
    for (size_t i = 0; i < s.size() && i < 300 && !bounded; ++i) {
        const bool starts =
            (is_digit(s[i]) || (s[i] == '\\' && i + 1 < s.size() && is_ascii_letter(s[i + 1]))) &&
            (i == 0 || !is_ascii_letter(s[i - 1]));
        if (!starts) continue;
        const size_t from = i > 0 && (s[i - 1] == '-' || s[i - 1] == '(') ? i - 1 : i;
        if (auto first = prefix(s.substr(from)); !first.empty()) return first;
        i = std::max(i, from + std::max<size_t>(used, 1) - 1);
        while (i + 1 < s.size() && is_digit(s[i + 1])) ++i;
    }
    if (bounded) return {algebra::make(Kind::text, {}, std::string(s))};
    return algebra::read_answer(s);
}

// What a sentence states: its first expression, and, if it is short, also its words ("4:30 p.m.").
Readings read_statement(std::string_view text) {
    const std::string plain =
        algebra::plain_signs(without_delimiters(sentence(text.substr(0, longest_tail))));
    const std::string_view s = trim(plain, " \t\r\n:*.!");
    if (s.empty()) return {};
    Readings out = read_formula(s);
    if (!is_words(out) && s.size() <= 60) out.push_back(algebra::make(Kind::text, {}, std::string(s)));
    return out;
}

// --- the end of a text that says nowhere where its answer is

bool concludes(std::string_view low) {
    for (const std::string_view word :
         {"so ", "so,", "therefore", "thus", "hence", "in total", "altogether", "in conclusion", "donc",
          "finally", "所以", "因此", "答", "故", "综上", "总共", "一共"})
        if (low.starts_with(word)) return true;
    return false;
}

// Is the number at [from, to) of a sentence set off as its result?
bool is_result(std::string_view s, size_t from, size_t to) {
    const std::string low = ascii_lower(s);
    for (const std::string_view question :
         {"what ", "how ", "which ", "find ", "compute ", "calculate ", "determine "})
        if (low.starts_with(question)) return false;
    if (concludes(trim(std::string_view(low)))) return true;
    const std::string_view run = s.substr(from, to - from);
    if (run.find('=') != npos || run.find('%') != npos || trim(s.substr(0, from)).ends_with('=')) return true;
    const std::string before = " " + std::string(trim(std::string_view(low).substr(0, from))) + " ";
    for (const std::string_view c : copulas) {
        const std::string_view word = trim(c);
        if (word == ":" && (from == 0 || !is_blank(s[from - 1]))) continue;  // 12:30
        if (before.size() > word.size() &&
            std::string_view(before).substr(0, before.size() - 1).ends_with(word) &&
            (c[0] != ' ' || before[before.size() - word.size() - 2] == ' '))
            return true;
    }
    if (before.find_last_of("$") != npos && trim(std::string_view(before)).ends_with('$')) return true;
    const std::string_view after = trim(s.substr(to));
    if (after.starts_with('$') || after.starts_with('%')) return true;
    size_t end = 0;
    while (end < after.size() &&
           (is_ascii_letter(after[end]) || static_cast<unsigned char>(after[end]) >= 0x80))
        ++end;
    for (size_t length = std::min<size_t>(end, 24); length > 0; --length) {
        const std::string_view word = after.substr(0, length);
        if (length < end && is_ascii_letter(after[length])) continue;  // "m" of "more"
        if (length == 1 && !trim(after.substr(1)).empty()) continue;
        if (algebra::is_unit(word)) return true;
    }
    return false;
}

// Is what follows the last of several? "x = 3 or x = 5", "either 3 or", up to its name and sign.
bool is_one_of_several(std::string_view before) {
    std::string text = ascii_lower(trim(before, " \t$"));
    std::string_view t = text;
    if (t.ends_with('=')) {
        t = trim(t.substr(0, t.size() - 1));
        const size_t word = t.find_last_of(" $,");
        const std::string_view name = t.substr(word == npos ? 0 : word + 1);
        if (name.empty() || name.size() > 4 || !is_ascii_letter(name[0]))
            return false;  // a computation, not a name
        t = word == npos ? std::string_view() : trim(t.substr(0, word + 1), " \t$");
    }
    for (const std::string_view join : {" or", " and", "或", "和", ",or", ",and", "="})
        if (t.ends_with(join)) return true;
    return t.ends_with(',') && text.ends_with('=');
}

// The end of the words after a number that are part of it: "5 million", "17 squared".
size_t past_scale(std::string_view s, size_t end) {
    for (;;) {
        size_t from = end;
        while (from < s.size() && s[from] == ' ') ++from;
        size_t to = from;
        while (to < s.size() && is_ascii_letter(s[to])) ++to;
        const std::string word = ascii_lower(s.substr(from, to - from));
        if (!algebra::scale_word(word) && !algebra::part_word(word) && word != "squared" && word != "cubed")
            return end;
        end = to;
    }
}

// The last stretch of formula in a line of prose.
Readings read_last_run(std::string_view line) {
    const std::string plain = algebra::plain_signs(without_delimiters(line, true));
    std::string_view s = trim(plain);
    // the last sentence
    for (size_t i = s.size(); i-- > 1;)
        if ((s[i - 1] == '.' || s[i - 1] == '?' || s[i - 1] == '!') && is_blank(s[i]) &&
            trim(s.substr(i)).find_first_of("0123456789") != npos) {
            s = trim(s.substr(i));
            break;
        }
    size_t last = s.find_last_of("0123456789");
    if (last == npos) return {};
    // "9 + 6 = 15 liters of the 24"
    if (const size_t equals = s.rfind('='); equals != npos && equals < last) {
        if (is_one_of_several(s.substr(0, equals + 1))) return {};
        const std::string_view rest = trim(s.substr(equals + 1), " \t$");
        size_t end = 0;
        while (end < rest.size() && (is_digit(rest[end]) || std::string_view(",./").find(rest[end]) != npos ||
                                     (end == 0 && rest[0] == '-')))
            ++end;
        const std::string_view number = trim(rest.substr(0, end), ",./");
        std::string_view after = trim(rest.substr(end));
        const bool word = after.size() > 1 && !is_digit(after[1]) &&
                          std::string_view("*+-/^(\\{<>|").find(after[0]) == npos &&
                          (is_blank(rest[end]) || !is_ascii_letter(after[0]));
        if (!number.empty() && is_digit(number.back()) && word) {
            if (auto out = algebra::read_answer(number); !is_words(out)) return out;
        }
    }
    const auto in_word = [&](size_t i) {
        return is_ascii_letter(s[i]) &&
               ((i > 0 && is_ascii_letter(s[i - 1])) || (i + 1 < s.size() && is_ascii_letter(s[i + 1])));
    };
    const auto formula = [&](size_t i) {
        const char c = s[i];
        if (is_ascii_letter(c)) {
            if (!in_word(i)) return true;
            size_t begin = i;
            while (begin > 0 && is_ascii_letter(s[begin - 1])) --begin;
            return begin > 0 && s[begin - 1] == '\\';
        }
        return static_cast<unsigned char>(c) < 0x80 && c != ':' && c != '?' && c != '\'' && c != ';' &&
               c != '$';
    };
    size_t from = last, to = last + 1;
    while (from > 0 && formula(from - 1)) --from;
    while (to < s.size() && formula(to)) ++to;
    const auto attempt = [&](size_t begin, size_t end) -> Readings {
        while (begin < end && std::string_view(" \t,.").find(s[begin]) != npos &&
               !(s[begin] == '.' && begin + 1 < end && is_digit(s[begin + 1])))
            ++begin;
        while (end > begin && std::string_view(" \t,.!;").find(s[end - 1]) != npos) --end;
        end = past_scale(s, end);
        if (is_one_of_several(s.substr(0, begin)) || qualified(s, begin, end) != Qualified::no) return {};
        if (begin >= end || !(is_result(s, begin, end) || trim(s, " .!").size() == end - begin)) return {};
        Readings out = algebra::read_answer(s.substr(begin, end - begin));
        return is_words(out) ? Readings{} : out;
    };
    // "1,000.99m^{2}", "79 g": a unit of one letter is no variable here
    size_t number_end = last + 1;
    const bool power = last >= 2 && (s[last - 1] == '^' || s[last - 1] == '{');
    if (power) {
        size_t letter = last;
        while (letter > from && !is_ascii_letter(s[letter])) --letter;
        if (letter > from && is_ascii_letter(s[letter]) && is_digit(s[letter - 1])) number_end = letter;
    }
    std::string_view rest = trim(s.substr(number_end, to - number_end), " .");
    if (number_end <= last || (rest.size() == 1 && is_ascii_letter(rest[0]))) {
        size_t begin = number_end;
        while (begin > from && (is_digit(s[begin - 1]) || s[begin - 1] == ',' || s[begin - 1] == '.'))
            --begin;
        if (auto out = attempt(begin, number_end); !out.empty()) return out;
    }
    // "$1 + $2 = 3" was cut at its last $
    const size_t equals = s.substr(from, to - from).rfind('=');
    const bool cut = equals != npos && from > 0 && s[from - 1] == '$';
    if (!cut)
        if (auto out = attempt(from, to); !out.empty()) return out;
    // the sentence's first letters may be no formula: "a 5", "I = 7"
    if (equals != npos)
        if (auto out = attempt(from + equals + 1, to); !out.empty()) return out;
    size_t begin = last;
    while (begin > from && (is_digit(s[begin - 1]) || std::string_view(".,/").find(s[begin - 1]) != npos))
        --begin;
    if (begin > from && s[begin - 1] == '-' && (begin - 1 == from || is_blank(s[begin - 2]))) --begin;
    return attempt(begin, last + 1);
}

// $…$, \(…\), \[…\], **…** and […]: the last of them in a line; those joined by "and" or commas are one list.
Readings read_last_span(std::string_view line) {
    struct Span {
        size_t begin, end;
        std::string_view inside;
    };
    std::vector<Span> spans;
    for (size_t i = 0; i < line.size(); ++i) {
        for (const auto& [open, close] : {std::pair<std::string_view, std::string_view>{"$$", "$$"},
                                          {"\\[", "\\]"},
                                          {"\\(", "\\)"},
                                          {"**", "**"},
                                          {"$", "$"},
                                          {"[", "]"}}) {
            if (line.substr(i, open.size()) != open || (i > 0 && line[i - 1] == '\\' && open[0] != '\\'))
                continue;
            size_t end = line.find(close, i + open.size());
            while (end != npos && line[end - 1] == '\\' && close[0] != '\\') end = line.find(close, end + 1);
            if (end == npos || end == i + open.size()) continue;
            spans.push_back({i, end + close.size(), line.substr(i + open.size(), end - i - open.size())});
            i = end + close.size() - 1;
            break;
        }
        if (spans.size() > 500) return {};
    }
    for (size_t last = spans.size(); last-- > 0 && last + 3 > spans.size();) {
        // what follows the span says no other number
        if (line.substr(spans[last].end).find_first_of("0123456789") != npos) return {};
        if (qualified(line, spans[last].begin, spans[last].end) != Qualified::no) return {};
        std::string all(spans[last].inside);
        for (size_t i = last; i-- > 0;) {
            const std::string sign = join_sign(line.substr(spans[i].end, spans[i + 1].begin - spans[i].end));
            if (sign.empty() || all.size() > 2000) break;
            all = std::string(spans[i].inside) + sign + all;
        }
        if (auto out = algebra::read_answer(all); !is_words(out)) return out;
    }
    return {};
}

Readings read_end(std::string_view text) {
    text = trim(text);
    if (text.ends_with('?')) return {};
    if (text.size() <= longest_bare) {
        auto whole = algebra::read_answer(text);
        const bool few = std::count(text.begin(), text.end(), ' ') < 3;
        const bool in_words = text.find_first_of("0123456789") == npos || text.starts_with("\\text");
        if (few && text.size() <= 40 && text.find('\n') == npos && !whole.empty() && in_words &&
            read_last_span(text).empty())
            return whole;
    }
    text = text.substr(text.size() - std::min(text.size(), longest_tail));
    // a display at the very end may have lines of its own
    for (const auto& [open, close] :
         {std::pair<std::string_view, std::string_view>{"$$", "$$"}, {"\\[", "\\]"}}) {
        const size_t end = text.rfind(close);
        if (end == npos || end == 0 || trim(text.substr(end + 2), " .\n\r\t").size() > 0) continue;
        const size_t begin = text.rfind(open, end - 1);
        if (begin == npos || begin + 2 > end) continue;
        if (auto out = algebra::read_answer(text.substr(begin + 2, end - begin - 2)); !is_words(out))
            return out;
    }
    const size_t newline = text.find_last_of('\n');
    const std::string_view line = newline == npos ? text : text.substr(newline + 1);
    if (auto out = read_last_span(line); !out.empty()) return out;
    return read_last_run(line);
}

}  // namespace

namespace {

constexpr std::string_view final_phrases[] = {"final answer is", "final answer:",  "final answer**:",
                                              "final answer：",  "final answer =", "最终答案是",
                                              "最终答案为",      "最终答案：",     "最终答案:"};
constexpr std::string_view phrases[] = {
    "answer is", "answer:",    "answer：",     "answer**:",  "answer =",    "answer to the question is",
    "ans:",      "答案是",     "答案为",       "答案：",     "答案:",       "réponse est",
    "réponse :", "réponse:",   "respuesta es", "respuesta:", "antwort ist", "antwort:",
    "lautet",    "resposta é", "resposta:"};

}  // namespace

bool states_answer(std::string_view text) {
    return after_last(ascii_lower(text), phrases) != npos;
}

Anchors parse_anchors(const nlohmann::json& name) {
    const std::string anchors = name.is_string() ? name.get<std::string>() : "";
    check(anchors == "any" || anchors == "anchored" || anchors == "boxed",
          "anchors is any, anchored or boxed");
    return anchors == "any" ? Anchors::any : anchors == "boxed" ? Anchors::boxed : Anchors::anchored;
}

std::optional<std::string_view> last_answer_block(std::string_view text) {
    const size_t close = text.rfind("</answer>");
    const size_t open = close == npos ? npos : text.rfind("<answer>", close);
    if (open == npos) return std::nullopt;
    return text.substr(open + 8, close - open - 8);
}

std::vector<Expr> extract_answer(std::string_view text, Anchors anchors) {
    if (const auto block = last_answer_block(text)) {
        text = *block;
        if (anchors == Anchors::anchored) anchors = Anchors::any;
        if (text.size() < 2000 && find_boxes(text).empty())
            if (auto whole = algebra::read_answer(text); !is_words(whole)) return whole;
    }
    const std::vector<Box> boxes = find_boxes(text);
    const size_t tail = text.size() - std::min(text.size(), 10 * longest_tail);
    const std::string low = ascii_lower(text.substr(tail));
    const auto statement = [&](std::span<const std::string_view> known, size_t not_before) -> Readings {
        const size_t at = after_last(low, known);
        if (at == npos || tail + at < not_before) return {};
        return read_statement(text.substr(tail + at));
    };
    if (anchors != Anchors::boxed) {
        const size_t boxes_end = boxes.empty() ? 0 : boxes.back().end;
        auto out = statement(final_phrases, boxes_end);
        if (!out.empty() && (boxes.empty() || !holds_no_formula(out[0]))) return out;
    }
    if (!boxes.empty() || anchors == Anchors::boxed) return read_boxes(text, boxes);
    if (const size_t marks = text.rfind("####"); marks != npos) return read_statement(text.substr(marks + 4));
    if (auto out = statement(phrases, 0); !out.empty()) return out;
    if (trim(text).size() <= longest_bare)
        if (auto whole = algebra::read_answer(trim(text)); !is_words(whole)) return whole;
    return anchors == Anchors::anchored ? Readings{} : read_end(text);
}

std::vector<Expr> read_gold_answer(std::string_view gold) {
    const auto boxes = find_boxes(gold, true);
    if (!boxes.empty())
        if (auto out = read_boxes(gold, boxes); !out.empty()) return out;
    if (const size_t marks = gold.rfind("####"); marks != npos)
        return algebra::read_answer(gold.substr(marks + 4));
    auto bare = algebra::read_answer(gold);
    if (!is_words(bare) || gold.size() < 200) return bare;
    return extract_answer(gold, Anchors::any);
}

}  // namespace r1
