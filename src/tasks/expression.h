// Exact evaluation of the arithmetic that people write down: + - * / and parentheses over rational numbers.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace r1 {

// A fraction in lowest terms with a positive denominator.
struct Fraction {
    int64_t numerator = 0, denominator = 1;
    bool operator==(const Fraction&) const = default;
};

struct Expression {
    Fraction value;
    std::vector<int64_t> numbers;  // the integers as they appear, left to right
};

// Reads a whole expression. Accepts × · ÷ − and full-width brackets for the signs of ASCII. Returns nothing,
// and says why in `reason`, for anything else: letters, decimals, a missing bracket, division by zero, a
// value beyond 64 bits, more than 64 nested brackets or more than 1000 numbers.
std::optional<Expression> parse_expression(std::string_view text, std::string& reason);

}  // namespace r1
