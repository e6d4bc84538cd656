#include "rl/advantages.h"

#include <cmath>

#include "core/check.h"

namespace r1 {
namespace {

struct Moments {
    double mean = 0.0, std = 0.0;
    int64_t count = 0;
    bool equal = true;  // all values are the same
};

Moments moments(std::span<const double> values) {
    Moments m;
    double first = 0.0;
    for (double x : values) {
        if (!std::isfinite(x)) continue;
        if (m.count++ == 0) first = x;
        m.equal = m.equal && x == first;
        m.mean += x;
    }
    if (m.count == 0) return m;
    m.mean /= static_cast<double>(m.count);
    double squares = 0.0;
    for (double x : values) {
        if (std::isfinite(x)) squares += (x - m.mean) * (x - m.mean);
    }
    if (m.count > 1) m.std = std::sqrt(squares / static_cast<double>(m.count - 1));
    return m;
}

}  // namespace

ScaleRewards parse_scale_rewards(const std::string& name) {
    if (name == "group" || name == "true") return ScaleRewards::group;
    if (name == "batch") return ScaleRewards::batch;
    if (name == "none" || name == "false") return ScaleRewards::none;
    fail("unknown scale_rewards '", name, "'; it is one of group, batch, none");
}

Advantages compute_advantages(std::span<const double> rewards, int group_size, ScaleRewards scale) {
    check(group_size > 0 && rewards.size() % static_cast<size_t>(group_size) == 0,
          "compute_advantages: ", rewards.size(), " rewards are not groups of ", group_size);
    constexpr double kEpsilon = 1e-4;
    Advantages result;
    result.reward_std = moments(rewards).std;
    for (size_t begin = 0; begin < rewards.size(); begin += static_cast<size_t>(group_size)) {
        const auto group = rewards.subspan(begin, static_cast<size_t>(group_size));
        const Moments m = moments(group);
        result.group_has_signal.push_back(!m.equal);
        for (double reward : group) {
            double advantage = 0.0;
            if (std::isfinite(reward) && !m.equal) {
                advantage = reward - m.mean;
                if (scale == ScaleRewards::group) advantage /= m.std + kEpsilon;
                if (scale == ScaleRewards::batch) advantage /= result.reward_std + kEpsilon;
            }
            result.values.push_back(static_cast<float>(advantage));
        }
    }
    return result;
}

}  // namespace r1
