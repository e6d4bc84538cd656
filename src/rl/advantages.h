// Rewards into advantages, group by group.
//   group  A = (r − mean) / (std + 1e-4) with the group's mean and (n−1) standard deviation
//   batch  A = (r − mean) / (std + 1e-4) with the group's mean and the whole batch's standard deviation
//   none   A = r − mean                                                        (Dr. GRPO)
// A group whose rewards are all equal has advantages of exactly 0. Ref: TRL's GRPOTrainer.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace r1 {

enum class ScaleRewards : uint8_t { group, batch, none };
ScaleRewards parse_scale_rewards(const std::string& name);  // throws, naming the known ones

struct Advantages {
    std::vector<float> values;              // [rewards]
    std::vector<uint8_t> group_has_signal;  // [groups] its rewards differ
    double reward_std = 0.0;                // of all rewards, n−1
};
// Groups of `group_size` rewards side by side. A reward that is not finite is left out of the group's mean
// and standard deviation, and its advantage is 0.
Advantages compute_advantages(std::span<const double> rewards, int group_size, ScaleRewards scale);

}  // namespace r1
