// An answer's text, cut into what a reader of options looks at: words, numbers, letters, signs.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace r1 {

enum class TokenKind : uint8_t {
    word,     // of Latin letters, with apostrophes: "it's"
    number,   // digits
    letter,   // one ASCII letter that is no word: it stands alone as the name of an option does
    script,   // a run of letters of other scripts: "答案是"
    sign,     // one character of punctuation or another sign
    newline,  // one or more
};

struct AnswerToken {
    TokenKind kind = TokenKind::sign;
    std::string text;    // lower case, but for letters
    bool space = false;  // white space comes before
    bool upper = false;  // a word or letter that begins with a capital
};

// The text in compatibility form (NFKC: full-width and circled letters become plain ones), without the marks
// of Markdown, HTML and LaTeX that only dress a letter up: "**C**", "<b>C</b>", "\text{(C)}", "$C$".
std::string plain_answer(std::string_view text);

// `plain` is the result of plain_answer.
std::vector<AnswerToken> answer_tokens(std::string_view plain);

}  // namespace r1
