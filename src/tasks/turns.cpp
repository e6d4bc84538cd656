#include "tasks/turns.h"

#include <algorithm>

#include "core/check.h"

namespace r1 {

Turn turn_at(const std::vector<int>& weights, uint64_t position) {
    uint64_t total = 0;
    for (const int weight : weights) {
        check(weight > 0, "a share of ", weight, " in a mixture; it must be at least 1");
        total += static_cast<uint64_t>(weight);
    }
    check(total > 0, "a mixture without parts");
    std::vector<int64_t> credit(weights.size(), 0);
    std::vector<uint64_t> served(weights.size(), 0);
    size_t chosen = 0;
    for (uint64_t turn = 0; turn <= position % total; ++turn) {
        for (size_t i = 0; i < weights.size(); ++i) credit[i] += weights[i];
        chosen = static_cast<size_t>(std::max_element(credit.begin(), credit.end()) - credit.begin());
        credit[chosen] -= static_cast<int64_t>(total);
        ++served[chosen];
    }
    return {chosen, position / total * static_cast<uint64_t>(weights[chosen]) + served[chosen] - 1};
}

}  // namespace r1
