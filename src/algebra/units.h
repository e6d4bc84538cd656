// Units of measure, money and counting.
#pragma once
#include <gmpxx.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace r1::algebra {

bool is_unit(std::string_view word);      // "cm", "dollars", "ways"
bool is_currency(std::string_view word);  // one that is also written before its number

// "km/h" is 5/18 of length 1, time -1.
struct Measure {
    std::map<std::string_view, int> dimensions;  // each with its power, which is not 0
    mpq_class factor = 1;                        // of the base units
};
// None for units of counting ("students", "square units") and for words that are no unit.
std::optional<Measure> measure_of(std::string_view unit);

}  // namespace r1::algebra
