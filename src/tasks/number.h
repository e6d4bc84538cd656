// Numbers as people write them in answers, read and compared exactly: no floating point, no tolerance.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace r1 {

// sign * numerator / denominator, magnitudes in base 10^9, least significant first.
struct Number {
    bool negative = false;
    std::vector<uint32_t> numerator, denominator;
    bool percent = false;  // a percent sign followed; the value is the one before the sign
};

// Reads an answer that is one number, with what people put around it: "1,234.50", "-0", "3/4", "1 1/2",
// "$18", "18 dollars", "18%", "−5", ".5", "6.02e23", "7.8 \times 10^2", "\frac{3}{4}", "x = 18", "**18**",
// "１８". Units may follow; another number, an operator or a variable may not. At most 1000 digits, exponents
// to 1000.
std::optional<Number> parse_number(std::string_view text);

// All numbers in running text, in order. "1,234" is one number and "3/4" is one; in "5-3" the minus is no
// sign.
std::vector<Number> find_numbers(std::string_view text);

// Equal as rational numbers. Where exactly one of the two has a percent sign it may also stand for the
// hundredth: 60% equals 60 and 0.6.
bool equal(const Number& a, const Number& b);

}  // namespace r1
