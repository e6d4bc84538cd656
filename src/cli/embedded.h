// The base model that comes with the program.
#pragma once
#include "infer/language_model.h"

namespace r1::cli {

// Throws if the program was built without it.
LanguageModel load_embedded_base(Stream& stream, DType weight_dtype);
// What a base (empty: the embedded one) saw before any reinforcement learning, for everyone who looks at a
// result: disclosure.txt beside its weights; empty if there is none.
std::string base_disclosure(const fs::path& model);

}  // namespace r1::cli
