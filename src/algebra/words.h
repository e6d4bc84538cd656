// The vocabulary of the lexer: LaTeX commands, names of functions, units, signs of Unicode.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace r1::algebra {

enum class CommandType : uint8_t {
    sign,         // an operator; `plain` is the token's text
    name,         // a letter: Greek and the like
    constant,     // pi, infinity: a letter token with the constant's name
    function,     // \sin, \frac, \sqrt
    skip,         // sizes and thin spaces: nothing is left
    space,        // wide spaces: between items they separate
    words,        // \text{…}
    style,        // \mathrm{…}: its inside is read as it is
    drop,         // \label{…}: goes with its argument
    currency,     // \$, \euro: a unit, which may stand before its number
    environment,  // \begin, \end
};
struct Command {
    CommandType type;
    std::string_view plain;
};
std::optional<Command> find_command(std::string_view name);  // without the backslash

// The plain form of one character outside ASCII: "×" -> "*", "²" -> "^2", "π" -> "\pi ", "½" ->
// "\frac{1}{2}".
std::optional<std::string_view> plain_character(std::string_view utf8);

bool is_greek(std::string_view name);

std::optional<int> number_word(std::string_view word);     // "four" -> 4, "forty" -> 40
std::optional<int64_t> scale_word(std::string_view word);  // "hundred", "million", "万"
std::optional<int> part_word(std::string_view word);       // "half" -> 2, "thirds" -> 3

// May these words after a number only name what is counted? "gloves" may; "or so", "is wrong", "million" say
// more.
bool is_plain_unit(std::string_view text);

}  // namespace r1::algebra
