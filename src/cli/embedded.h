// The base model that comes with the program.
#pragma once
#include "infer/language_model.h"

namespace r1::cli {

// Throws if the program was built without it.
LanguageModel load_embedded_base(Stream& stream, DType weight_dtype);
// What the base saw before any reinforcement learning, for everyone who looks at a result.
std::string embedded_base_disclosure();

}  // namespace r1::cli
