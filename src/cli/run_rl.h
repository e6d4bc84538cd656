// One reinforcement-learning run with its terminal display, its TensorBoard events and its report.
#pragma once
#include "rl/config.h"

namespace r1::cli {

// Returns the exit code: 0 when finished, 130 when the user stopped it.
int run_rl(const RlConfig& config, const std::string& command);

}  // namespace r1::cli
