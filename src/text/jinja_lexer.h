// Cuts the source of a template into tokens, with Jinja2's white-space control (trim_blocks and lstrip_blocks
// on).
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace r1::jinja {

struct Token {
    enum class Kind {
        data,
        variable_begin,
        variable_end,
        block_begin,
        block_end,
        name,
        string,
        integer,
        real,
        op,
        end
    };
    Kind kind = Kind::end;
    std::string text;  // of a string: with its escapes resolved
    int line = 1;
};

// Throws with the line on a tag or string that is not closed, or a character that no token begins with.
std::vector<Token> tokenize(std::string_view source);

}  // namespace r1::jinja
