// Words around a number that take it back or make it a bound.
#pragma once
#include <cstdint>
#include <string_view>

namespace r1 {

enum class Qualified : uint8_t {
    no,
    denied,  // "not 17", "isn't equal to 17", "17 is wrong", 不是17
    bound,   // "at least 17", "more than 17", "between 10 and 17", "17 to 20"
};

// Of what stands in [begin, end) of a sentence.
Qualified qualified(std::string_view sentence, size_t begin, size_t end);

}  // namespace r1
