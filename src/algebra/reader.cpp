#include "algebra/reader.h"

#include <algorithm>
#include <span>

#include "algebra/lexer.h"
#include "algebra/parser.h"
#include "algebra/words.h"

namespace r1::algebra {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::string_view strip(std::string_view text, std::string_view around) {
    while (!text.empty() && around.find(text.front()) != std::string_view::npos) text.remove_prefix(1);
    while (!text.empty() && around.find(text.back()) != std::string_view::npos) text.remove_suffix(1);
    return text;
}

// White space and what people put around an answer: "**18**", "$18$.", "`18`", "\(18\)". A '!' stays: it may
// be 5!.
std::string_view bare(std::string_view text) {
    constexpr std::string_view blank = " \t\r\n";
    for (;;) {
        const size_t before = text.size();
        text = strip(text, blank);
        text = strip(text, "`\"");
        for (const std::string_view gap : {"\\,", "\\;", "\\!", "\\ ", "\\:", "\\quad", "\\qquad", "\\\\"})
            if (text.ends_with(gap)) text.remove_suffix(gap.size());
        for (const char sign : {'*', '_'})  // *18*
            if (text.size() > 2 && text.front() == sign && text.back() == sign)
                text = text.substr(1, text.size() - 2);
        while (text.starts_with("**") || text.starts_with("__")) text.remove_prefix(2);
        while (text.ends_with("**") || text.ends_with("__")) text.remove_suffix(2);
        while (text.starts_with('$')) text.remove_prefix(1);
        while (text.ends_with('$') && !text.ends_with("\\$")) text.remove_suffix(1);
        for (const std::string_view open : {"\\(", "\\["})
            if (text.starts_with(open)) text.remove_prefix(2);
        for (const std::string_view close : {"\\)", "\\]"})
            if (text.ends_with(close)) text.remove_suffix(2);
        while (!text.empty() && (text.back() == ',' || text.back() == ';' || text.back() == ':'))
            text.remove_suffix(1);
        while (text.ends_with('.') && !text.ends_with("..")) text.remove_suffix(1);
        while (text.starts_with(':')) text.remove_prefix(1);
        if (text.size() == before) return text;
    }
}

// Brackets that LaTeX itself needs in pairs.
bool braces_close(std::string_view text) {
    int depth = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\') {
            ++i;
        } else {
            depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
            if (depth < 0) return false;
        }
    }
    return depth == 0;
}

// ±, replaced by one sign everywhere.
Expr with_sign(const Expr& e, bool plus) {
    Expr out = e;
    if (e.kind == Kind::choice) {
        Expr inside = with_sign(e.args[0], plus);
        if ((e.name == "-") != plus) return inside;
        std::vector<Expr> one;
        one.push_back(std::move(inside));
        return make(Kind::negate, std::move(one));
    }
    for (Expr& a : out.args) a = with_sign(a, plus);
    return out;
}

// "1 ± √2" is two answers; inside a list or a set they take its place.
Expr expand_choices(Expr e) {
    if (!contains(e, Kind::choice)) return e;
    if (e.kind == Kind::list || e.kind == Kind::set) {
        std::vector<Expr> items;
        for (Expr& a : e.args) {
            Expr item = expand_choices(std::move(a));
            if (item.kind == Kind::list)
                for (Expr& inner : item.args) items.push_back(std::move(inner));
            else
                items.push_back(std::move(item));
        }
        e.args = std::move(items);
        if (e.kind == Kind::list && e.name == ",") e.name = "&";
        return e;
    }
    std::vector<Expr> both;
    both.push_back(with_sign(e, true));
    both.push_back(with_sign(e, false));
    return make(Kind::list, std::move(both), "&");
}

bool has_commas_between_digits(std::string_view text) {
    for (size_t i = 1; i + 1 < text.size(); ++i)
        if (text[i] == ',' && is_digit(text[i - 1]) && is_digit(text[i + 1])) return true;
    return false;
}

// One comma that can be a decimal one: "2,74", "0,5", "1000,99", but not "3,4", which lists two numbers.
bool may_be_decimal_comma(std::string_view text) {
    const size_t comma = text.find(',');
    if (comma == std::string_view::npos || text.find(',', comma + 1) != std::string_view::npos) return false;
    size_t before = 0, after = 0;
    while (before < comma && is_digit(text[comma - 1 - before])) ++before;
    while (comma + 1 + after < text.size() && is_digit(text[comma + 1 + after])) ++after;
    if (before == 0 || after == 0 || text.find('(') != std::string_view::npos) return false;
    const bool zero = text[comma - 1] == '0' && before == 1;
    return zero || (after != 3 && (after >= 2 || before > 3));
}

bool is_half_of_day(std::string_view word) {
    std::string letters;
    for (const char c : word)
        if (c != '.' && c != ' ' && c != ':' && !is_digit(c)) letters += static_cast<char>(c | 0x20);
    return letters == "am" || letters == "pm";
}

// "1.000,99" and "1.000.000" in the form with a decimal point; empty for other writings.
std::string with_point(std::string_view text) {
    size_t at = 0;
    while (at < text.size() && !is_digit(text[at])) ++at;
    std::string digits;
    size_t end = at, groups = 0;
    const auto run = [&] {
        size_t count = 0;
        while (end + count < text.size() && is_digit(text[end + count])) ++count;
        digits += text.substr(end, count);
        end += count;
        return count;
    };
    const size_t first = run();
    if (first == 0 || first > 3) return "";
    while (end < text.size() && text[end] == '.') {
        ++end;
        if (run() != 3) return "";
        ++groups;
    }
    const bool comma = end < text.size() && text[end] == ',';
    if (groups == 0 || (groups == 1 && !comma)) return "";
    if (comma) {
        digits += '.';
        ++end;
        if (run() == 0) return "";
    }
    return std::string(text.substr(0, at)) + digits + std::string(text.substr(end));
}

// "for all x", "for every real x \in \mathbb{R}": a condition that every function has.
bool says_for_all(std::span<const Token> rest) {
    const bool text = rest[0].type == TokenType::text || rest[0].type == TokenType::word;
    const std::string two = rest[0].text + (rest.size() > 1 ? " " + rest[1].text : "");
    bool starts = false;
    for (const std::string_view all : {"for all", "for any", "for every", "for each"})
        starts = starts || rest[0].text.starts_with(all) || two == all;
    return text && starts && std::all_of(rest.begin(), rest.end(), [](const Token& token) {
               return token.type == TokenType::letter || token.type == TokenType::word ||
                      token.type == TokenType::text || token.type == TokenType::end || token.text == "in";
           });
}

// "\text{The area is }": words that say nothing but that the answer follows.
bool introduces(const Token& token) {
    if (token.type != TokenType::text) return false;
    for (const std::string_view end : {" is", " are", " equals", ":", "=", " be"})
        if (token.text.ends_with(end)) return token.text.find(" not ") == std::string::npos;
    return token.text == "is" || token.text == "So" || token.text == "Thus";
}

// The "m" of "5 m", which is also read as an unknown; empty for other texts.
std::string_view letter_unit(std::string_view text) {
    if (text.size() < 3 || text[text.size() - 2] != ' ') return {};
    const char before = text[text.size() - 3];
    const bool value = is_digit(before) || before == '}' || before == ')';
    const bool unit = std::string_view("mgshlL").find(text.back()) != std::string_view::npos;
    return value && unit ? text.substr(text.size() - 1) : std::string_view();
}

// "\textbf{(E)}\ 10": an option's letter before its value, which is one value and no list of guesses.
bool is_labelled(std::span<const Token> tokens) {
    const std::string& t = tokens[0].text;
    const bool label = tokens[0].type == TokenType::text && t.size() == 3 && t[0] == '(' && t[1] >= 'A' &&
                       t[1] <= 'H' && t[2] == ')';
    if (!label || tokens.size() < 3) return false;
    if (tokens[1].type != TokenType::number && tokens[1].type != TokenType::function) return false;
    return std::none_of(tokens.begin() + 1, tokens.end(), [](const Token& token) {
        return token.gap || token.type == TokenType::text || token.text == "," || token.text == ";" ||
               token.text == "and" || token.text == "or";
    });
}

std::optional<Expr> parse_whole(std::string_view text, const LexOptions& options) {
    const auto all = tokenize(text, options);
    if (!all || all->size() <= 1) return std::nullopt;
    for (const Token& token : *all)
        if ((token.type == TokenType::word || token.type == TokenType::text) && is_half_of_day(token.text))
            return std::nullopt;  // a time is read as words
    std::span<const Token> tokens = *all;
    if ((introduces(tokens[0]) && tokens.size() > 2) || is_labelled(tokens)) tokens = tokens.subspan(1);
    Parser parser(tokens, false);
    auto out = parser.list();
    if (!out) return std::nullopt;
    if (says_for_all(tokens.subspan(parser.position()))) return out;
    // A unit that is no known word: "12 gloves", "5 of them"; nothing that could be a value.
    const bool words_may_follow =
        is_scalar(*out) && out->kind != Kind::symbol && out->kind != Kind::constant && !has_symbols(*out);
    while (!parser.at_end()) {
        const Token& token = parser.here();
        const bool word = token.type == TokenType::word || token.type == TokenType::text;
        if (!word || !words_may_follow) return std::nullopt;
        for (const Token& more : tokens.subspan(parser.position(), tokens.size() - 1 - parser.position()))
            if ((more.type != TokenType::word && more.type != TokenType::text) || !is_plain_unit(more.text) ||
                more.text.find_first_of("0123456789") != std::string::npos || number_word(more.text))
                return std::nullopt;
        return make(Kind::quantity, {std::move(*out)}, token.text);
    }
    return out;
}

}  // namespace

std::vector<Expr> read_answer(std::string_view raw) {
    std::vector<Expr> readings;
    if (raw.size() > most_answer_bytes) return readings;
    const std::string signs = plain_signs(raw);
    const std::string_view text = bare(signs);
    const bool says_something = std::any_of(text.begin(), text.end(), [](char c) {
        return is_digit(c) || c == '\\' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               static_cast<unsigned char>(c) >= 0x80;
    });
    if (!says_something || !braces_close(text)) return readings;
    const auto add = [&](std::optional<Expr> e) {
        if (!e) return;
        Expr whole = expand_choices(std::move(*e));
        const std::string key = canonical(whole);
        for (const Expr& known : readings)
            if (canonical(known) == key) return;
        readings.push_back(std::move(whole));
    };
    add(parse_whole(text, {}));
    if (has_commas_between_digits(text)) {
        add(parse_whole(text, {.group_commas = false}));
        if (may_be_decimal_comma(text))
            add(parse_whole(text, {.group_commas = false, .decimal_comma = true}));
    }
    if (const std::string point = with_point(text); !point.empty()) add(parse_whole(point, {}));
    const size_t e = text.find_first_of("eE");
    if (e != std::string_view::npos && e > 0 && is_digit(text[e - 1]))
        add(parse_whole(text, {.scientific = false}));
    if (text.starts_with("\\text"))
        if (const auto tokens = tokenize(text, {}); tokens && is_labelled(*tokens))
            add(make(Kind::text, {}, (*tokens)[0].text));
    if (text.find("log") != std::string_view::npos) add(parse_whole(text, {.common_log = true}));
    if (const std::string_view unit = letter_unit(text); !unit.empty()) {
        auto amount = parse_whole(text.substr(0, text.size() - 2), {});
        if (amount && is_scalar(*amount) && !has_symbols(*amount))
            add(single(Kind::quantity, std::move(*amount), std::string(unit)));
    }
    // Whatever else it is, it is also the words as they stand.
    if (readings.empty()) {
        if (text.find_first_not_of(" \t\r\n.,;:!?$\\{}()[]|&") == std::string_view::npos) return readings;
        readings.push_back(make(Kind::text, {}, std::string(text)));
    }
    return readings;
}

std::optional<Expr> read_prefix(std::string_view text, size_t& used) {
    used = 0;
    const auto tokens = tokenize(text.substr(0, std::min(text.size(), most_answer_bytes)), {});
    if (!tokens || tokens->size() <= 1) return std::nullopt;
    Parser parser(*tokens, true);
    auto out = parser.list();
    if (!out) return std::nullopt;
    used = parser.at_end() ? text.size() : parser.here().at;
    return expand_choices(std::move(*out));
}

}  // namespace r1::algebra
