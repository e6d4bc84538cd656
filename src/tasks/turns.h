// Whose turn it is when several sources share a stream in fixed proportions.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace r1 {

struct Turn {
    size_t part = 0;
    uint64_t index = 0;  // how often the part has had its turn before
};
// Smooth weighted round robin: each part earns its weight at every turn, the richest is served and pays the
// sum. Any run of turns as long as the sum of the weights has each part as often as its weight says, spread
// evenly. A pure function of its arguments; throws unless all weights are positive.
Turn turn_at(const std::vector<int>& weights, uint64_t position);

}  // namespace r1
