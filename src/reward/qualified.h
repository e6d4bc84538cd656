// Words around a number that take it back, make it a bound or a part of something else.
#pragma once
#include <cstdint>
#include <string_view>

namespace r1 {

enum class Qualified : uint8_t {
    no,
    denied,  // "not 17", "isn't equal to 17", "17 is wrong", 不是17
    bound,   // or a part of more: "at least 17", "> 17", "17 to 20", "half of 17", "17 squared", "17 plus 1"
};

// Of what stands in [begin, end) of a sentence.
Qualified qualified(std::string_view sentence, size_t begin, size_t end);

}  // namespace r1
