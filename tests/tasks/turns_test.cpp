#include "tasks/turns.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/check.h"

namespace r1 {
namespace {

TEST(Turns, EachPartAsOftenAsItsWeightSays) {
    const std::vector<int> weights = {3, 1, 2};
    std::vector<uint64_t> served(3, 0);
    for (uint64_t position = 0; position < 60; ++position) {
        const Turn turn = turn_at(weights, position);
        EXPECT_EQ(turn.index, served[turn.part]++) << position;
        if ((position + 1) % 6 == 0) {
            const uint64_t cycles = (position + 1) / 6;
            EXPECT_EQ(served, (std::vector<uint64_t>{3 * cycles, cycles, 2 * cycles}));
        }
    }
    EXPECT_EQ(turn_at({5}, uint64_t{1} << 60).index, uint64_t{1} << 60);
    EXPECT_THROW(turn_at({}, 0), Error);
    EXPECT_THROW(turn_at({1, 0}, 0), Error);
}

}  // namespace
}  // namespace r1
