// The vocabulary of the lexer: LaTeX commands, names of functions, units, signs of Unicode.
#pragma once
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

// A unit of measure with its dimension and its size in the base unit of that dimension ("1/100"); units of
// counting
// ("dollars", "ways") have none.
struct Unit {
    std::string_view dimension, factor;
};
std::optional<Unit> find_unit(std::string_view word);

std::optional<int> number_word(std::string_view word);  // "four" -> 4

}  // namespace r1::algebra
