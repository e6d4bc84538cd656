// Signs that people write in several ways.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace r1 {

struct Sign {
    std::string_view written, plain;
};

// The text with each sign of the table in its plain form. Where several fit, the table's first is taken.
std::string replace_signs(std::string_view text, std::span<const Sign> signs);

}  // namespace r1
