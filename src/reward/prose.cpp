#include "reward/prose.h"

#include <algorithm>
#include <array>

#include "core/ascii.h"

namespace r1 {
namespace {

constexpr size_t none = std::string_view::npos;

struct Fence {
    std::string_view open, close;
    size_t longest;   // of what is inside; longer is no fence
    bool keeps_text;  // maths: \text{…} stays
    bool open_ended;  // all that follows, where it is not closed
};
constexpr std::array fences = {
    Fence{"```", "```", none, false, true},        Fence{"`", "`", 400, false, false},
    Fence{"$$", "$$", 4000, true, false},          Fence{"$", "$", 300, true, false},
    Fence{"\\(", "\\)", 4000, true, false},        Fence{"\\[", "\\]", 4000, true, false},
    Fence{"\\begin{", "\\end{", 8000, true, false}};

// One character of three bytes, of a script that formulas do not use: Chinese, Japanese, Korean.
bool is_ideograph(std::string_view text) {
    const auto lead = text.empty() ? 0 : static_cast<unsigned char>(text[0]);
    return lead >= 0xE3 && lead <= 0xED && text.size() >= 3;
}

// The words of maths: \text{…}, and "面积" of "$面积 = 3$".
void keep_words(std::string_view maths, std::string& out) {
    constexpr std::string_view command = "\\text{";
    bool in_word = false;
    while (!maths.empty()) {
        const bool text = maths.starts_with(command), ideograph = is_ideograph(maths);
        size_t length = ideograph ? 3 : 1;
        if (text || ideograph != in_word) out += ' ';
        in_word = ideograph;
        if (text) {
            length = std::min(maths.find('}'), maths.size());
            out += maths.substr(command.size(), length - command.size());
            out += ' ';
        } else if (ideograph) {
            out += maths.substr(0, length);
        }
        maths.remove_prefix(length);
    }
}

// Lines of a block of code that are no code: words in a row without a sign of a programming language.
void keep_prose_lines(std::string_view code, std::string& out) {
    while (!code.empty()) {
        const size_t end = std::min(code.find('\n'), code.size());
        const std::string_view line = code.substr(0, end);
        size_t words = 0;
        for (size_t i = 0; i < line.size(); ++i)
            words += (is_ascii_letter(line[i]) && (i == 0 || !is_ascii_letter(line[i - 1]))) ||
                     is_ideograph(line.substr(i));
        if (words >= 8 && line.find_first_of("=(){}[];_<>+*/\\#|\"'`") == none) {
            out += ' ';
            out += line;
            out += ' ';
        }
        code.remove_prefix(std::min(end + 1, code.size()));
    }
}

// The length of the fenced stretch at the beginning of the text, or 0.
size_t fenced(std::string_view text, std::string& out) {
    for (const Fence& fence : fences) {
        if (!text.starts_with(fence.open)) continue;
        const std::string_view inside = text.substr(fence.open.size());
        const size_t room = fence.longest == none ? inside.size() : std::min(inside.size(), fence.longest);
        size_t end = inside.substr(0, room).find(fence.close);
        if (fence.open == "$" && inside.substr(0, std::min(end, inside.size())).find('\n') != none)
            end = none;
        if (end == none) {
            if (!fence.open_ended) continue;
            keep_prose_lines(inside, out);
            return text.size();
        }
        if (fence.keeps_text) keep_words(inside.substr(0, end), out);
        if (fence.open_ended) keep_prose_lines(inside.substr(0, end), out);
        size_t length = fence.open.size() + end + fence.close.size();
        if (fence.close == "\\end{") length = std::min(text.find('}', length), text.size() - 1) + 1;
        return length;
    }
    return 0;
}

size_t url(std::string_view text) {
    if (!text.starts_with("http://") && !text.starts_with("https://") && !text.starts_with("www.")) return 0;
    size_t end = 0;
    while (end < text.size() && text[end] > ' ' && static_cast<signed char>(text[end]) > 0) ++end;
    return end;
}

size_t tag(std::string_view text) {
    if (!text.starts_with('<')) return 0;
    const size_t end = text.substr(0, 40).find('>');
    if (end == none || end < 2) return 0;
    const char first = text[1] == '/' ? text[2] : text[1];
    return is_ascii_letter(first) || first == '|' ? end + 1 : 0;
}

size_t command(std::string_view text) {
    if (!text.starts_with('\\')) return 0;
    size_t end = 1;
    while (end < text.size() && is_ascii_letter(text[end])) ++end;
    return end;
}

}  // namespace

std::string prose_of(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size();) {
        const char c = text[i];
        size_t length = 0;
        if (c == '`' || c == '$' || c == '\\' || c == '<' || c == 'h' || c == 'w') {
            const std::string_view rest = text.substr(i);
            length = fenced(rest, out);
            if (!length && (i == 0 || !is_ascii_letter(text[i - 1]))) length = url(rest);
            if (!length) length = tag(rest);
            if (!length) length = command(rest);
        }
        if (length) {
            out += ' ';
            i += length;
        } else {
            out += c;
            ++i;
        }
    }
    return out;
}

}  // namespace r1
