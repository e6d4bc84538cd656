// LaTeX and plain text, cut into tokens. Other scripts' digits, full-width characters, signs of Unicode and
// LaTeX's ways of spacing, sizing and writing the same sign are brought to one form here.
#pragma once
#include <gmpxx.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace r1::algebra {

enum class TokenType : uint8_t {
    number,    // value, decimals
    letter,    // a variable or a constant: "x", "theta"
    function,  // "sin", "sqrt": a name that takes an argument
    word,      // prose, or a unit
    text,      // the inside of \text{…}
    begin,     // \begin{…}, the environment's name
    finish,    // \end{…}
    op,        // a sign in its one form: + - * / ^ _ ( ) [ ] { } \{ \} | , ; : = < > <= >= != ~ and or …
    end,
};

struct Token {
    TokenType type = TokenType::end;
    std::string text;
    bool space = false;  // white space before it
    bool gap = false;    // \quad or the like before it
    size_t at = 0;       // byte offset in the source
    mpq_class value;
    int decimals = -1;
};

struct LexOptions {
    bool group_commas = true;    // 1,234 is one number (outside brackets)
    bool decimal_comma = false;  // 2,74 is one number
    bool scientific = true;      // 1e3, not 1·e·3
    bool common_log = false;     // log is the logarithm to base 10
};

// None where the text is longer than an answer may be, has a number of too many digits or too many tokens.
std::optional<std::vector<Token>> tokenize(std::string_view text, const LexOptions& options);

// The text with the signs of Unicode in their plain form: full-width characters, digits of other scripts,
// superscripts, operators, white space. Invalid UTF-8 becomes '?'.
std::string plain_signs(std::string_view text);

bool is_ordinal(std::string_view ending);      // "st", "nd", "rd", "th"
bool is_function_name(std::string_view name);  // "sin", "sqrt"

constexpr size_t most_answer_bytes = 6000;
constexpr size_t most_digits = 5000;
constexpr size_t most_tokens = 2500;

}  // namespace r1::algebra
