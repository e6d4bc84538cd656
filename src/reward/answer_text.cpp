#include "reward/answer_text.h"

#include <algorithm>
#include <array>

#include "core/ascii.h"
#include "text/unicode.h"

namespace r1 {
namespace {

bool is_digit(char32_t c) {
    return c >= '0' && c <= '9';
}
bool is_latin(char32_t c) {
    return is_ascii_letter(c) || (c >= 0xC0 && c < 0x250 && c != 0xD7 && c != 0xF7) ||
           (c >= 0x1E00 && c < 0x1F00);
}
// Letters of other scripts; punctuation and symbols lie in the ranges that are left out.
bool is_other_script(char32_t c) {
    return (c >= 0x370 && c < 0x2000 && c != 0x964 && c != 0x965) || (c >= 0x3005 && c <= 0x3007) ||
           (c >= 0x3040 && c < 0xD7B0 && c != 0x30FB) || (c >= 0xF900 && c < 0xFB00) ||
           (c >= 0x20000 && c < 0x32000);
}
bool is_invisible(char32_t c) {
    return c == 0xAD || (c >= 0x200B && c <= 0x200F) || (c >= 0xFE00 && c <= 0xFE0F) || c == 0xFEFF;
}

// Commands that dress text up.
constexpr std::array dressing = {"\\operatorname",
                                 "\\underline",
                                 "\\textnormal",
                                 "\\textrm",
                                 "\\textbf",
                                 "\\textit",
                                 "\\texttt",
                                 "\\mathrm",
                                 "\\mathbf",
                                 "\\mathsf",
                                 "\\mathit",
                                 "\\mathbb",
                                 "\\right",
                                 "\\quad",
                                 "\\text",
                                 "\\mbox",
                                 "\\left",
                                 "\\rm",
                                 "\\bf",
                                 "\\(",
                                 "\\)",
                                 "\\[",
                                 "\\]",
                                 "\\,",
                                 "\\;",
                                 "\\!",
                                 "\\ ",
                                 "\\:"};
constexpr std::array html = {"b", "i",  "u",   "strong", "em",   "span",
                             "p", "br", "br/", "code",   "mark", "center"};

// The length of a tag of `html` at the beginning of the text, or 0.
size_t html_tag(std::string_view text) {
    const size_t end = text.substr(0, 16).find('>');
    if (!text.starts_with('<') || end == std::string_view::npos) return 0;
    std::string_view name = text.substr(1, end - 1);
    if (name.starts_with('/')) name.remove_prefix(1);
    return std::find(html.begin(), html.end(), name) == html.end() ? 0 : end + 1;
}

size_t dressing_length(std::string_view text) {
    for (const std::string_view command : dressing) {
        if (!text.starts_with(command)) continue;
        const char32_t next =
            text.size() > command.size() ? static_cast<unsigned char>(text[command.size()]) : U' ';
        if (!is_ascii_letter(static_cast<unsigned char>(command.back())) || !is_ascii_letter(next))
            return command.size();
    }
    return 0;
}

}  // namespace

std::string plain_answer(std::string_view text) {
    std::string whole = to_valid_utf8(text);
    if (!std::all_of(whole.begin(), whole.end(), [](char c) { return static_cast<signed char>(c) >= 0; }))
        whole = normalize(whole, NormalForm::nfkc);
    std::string out;
    const auto alnum = [&](size_t at) {
        return at < whole.size() && (is_digit(static_cast<unsigned char>(whole[at])) ||
                                     is_ascii_letter(static_cast<unsigned char>(whole[at])));
    };
    for (size_t i = 0; i < whole.size();) {
        const char c = whole[i];
        const std::string_view rest = std::string_view(whole).substr(i);
        if (c == '\\') {
            if (const size_t length = dressing_length(rest)) {
                i += length;
                continue;
            }
        } else if (c == '<') {
            if (const size_t length = html_tag(rest)) {
                i += length;
                continue;
            }
        } else if (c == '*' || c == '`' || c == '$' || c == '{' || c == '}' || c == '~') {
            if (c == '~') out += ' ';
            ++i;
            continue;
        } else if (c == '_' && !(i > 0 && alnum(i - 1) && alnum(i + 1))) {
            ++i;
            continue;
        }
        size_t next = i;
        if (!is_invisible(next_code_point(whole, next))) out.append(whole, i, next - i);
        i = next;
    }
    return out;
}

namespace {

// Does the ASCII letter at plain[at] stand alone, as the name of an option does?
bool stands_alone(std::string_view plain, size_t at) {
    const auto byte = [&](size_t i) -> char32_t {
        return i < plain.size() ? static_cast<unsigned char>(plain[i]) : U' ';
    };
    const auto alnum = [&](size_t i) { return is_digit(byte(i)) || is_ascii_letter(byte(i)); };
    if (at > 0) {
        const char32_t before = byte(at - 1);
        if (is_digit(before) || before == '_' || before == '\\' || before == '^' || before == '@')
            return false;
        if (at > 1 && (before == '.' || before == '-' || before == '\'') && alnum(at - 2)) return false;
        if (plain.substr(0, at).ends_with("°") || plain.substr(0, at).ends_with("’")) return false;
        // f(A) is a value of a function, but option(A) is an option
        if (before == '(' && at > 1 && is_ascii_letter(byte(at - 2)) && !(at > 2 && alnum(at - 3)))
            return false;
    }
    const char32_t after = byte(at + 1);
    if (is_digit(after) || after == '_' || after == '+' || after == '#' || after == '^') return false;
    if ((after == '-' || after == '\'') && alnum(at + 2)) return false;
    if (plain.substr(at + 1).starts_with("’")) return false;
    if (after == '.' && is_ascii_letter(byte(at + 2)) && !alnum(at + 3)) return false;  // initials
    if (after == '(' && byte(at + 3) == ')') return false;                              // f(x)
    if (after == ':' && byte(at + 2) == '\\') return false;                             // a path
    size_t next = at + 1;
    while (next < plain.size() && plain[next] == ' ') ++next;
    const std::string_view rest = plain.substr(std::min(next, plain.size()));
    if (rest.starts_with("=>") || rest.starts_with("->")) return true;
    return !(rest.starts_with('=') || rest.starts_with('+') || rest.starts_with('<') ||
             rest.starts_with("×") || rest.starts_with("∪") || rest.starts_with("∩") ||
             rest.starts_with("≤") || rest.starts_with("≥"));
}

}  // namespace

std::vector<AnswerToken> answer_tokens(std::string_view plain) {
    std::vector<AnswerToken> tokens;
    bool space = false;
    for (size_t i = 0; i < plain.size();) {
        size_t next = i;
        const char32_t c = next_code_point(plain, next);
        if (c == '\n' || c == '\r') {
            if (tokens.empty() || tokens.back().kind != TokenKind::newline)
                tokens.push_back({TokenKind::newline, "\n", space, false});
            i = next, space = true;
            continue;
        }
        if (is_space(c)) {
            i = next, space = true;
            continue;
        }
        const auto run = [&](auto&& belongs) {
            size_t end = next;
            while (end < plain.size()) {
                size_t after = end;
                const char32_t d = next_code_point(plain, after);
                if (!belongs(d, after)) break;
                end = after;
            }
            return end;
        };
        AnswerToken token{TokenKind::sign, "", space, false};
        size_t end = next;
        if (is_latin(c)) {
            end = run([&](char32_t d, size_t after) {
                if (is_latin(d)) return true;
                if ((d != '\'' && d != U'’') || after >= plain.size()) return false;
                size_t behind = after;
                return is_latin(next_code_point(plain, behind));
            });
            const bool letter = end == i + 1 && stands_alone(plain, i);
            token.kind = letter ? TokenKind::letter : TokenKind::word;
            token.upper = lowercase(plain.substr(i, next - i)) != plain.substr(i, next - i);
        } else if (is_digit(c)) {
            end = run([](char32_t d, size_t) { return is_digit(d); });
            token.kind = TokenKind::number;
        } else if (is_other_script(c)) {
            end = run([](char32_t d, size_t) { return is_other_script(d); });
            token.kind = TokenKind::script;
        }
        token.text = plain.substr(i, end - i);
        if (token.kind == TokenKind::word) {
            token.text = lowercase(token.text);
            for (size_t at; (at = token.text.find("’")) != std::string::npos;) token.text.replace(at, 3, "'");
        }
        tokens.push_back(std::move(token));
        i = end, space = false;
    }
    return tokens;
}

}  // namespace r1
