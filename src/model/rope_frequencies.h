// The inverse frequencies of the rotary embedding [D/2], rounded to fp32 as transformers has them.
//   default: theta^(−2i/D);  linear: ÷ factor;  llama3: ÷ factor for long wavelengths, smoothly in between.
// Ref     transformers' ROPE_INIT_FUNCTIONS
#pragma once
#include <vector>

#include "model/config.h"

namespace r1 {

std::vector<float> rope_frequencies(const ModelConfig& config);

}  // namespace r1
