// Low-rank adapters in PEFT's layout: adapter_config.json and adapter_model.safetensors.
#pragma once
#include <string>

#include "core/files.h"
#include "core/stream.h"
#include "model/model.h"

namespace r1 {

// A folder that PEFT loads on top of `base_model` (a path or a name), complete or absent; it may not exist
// before. fp32. Ends by reading it back and comparing. Throws if the model has no adapters.
void save_adapters(const fs::path& folder, const Model& model, const std::string& base_model);

// Attaches the adapters of such a folder to the model, which has none yet, and packs it. Throws, naming the
// file, on what is missing or does not fit the model, or on variants of LoRA that are not supported (DoRA,
// rsLoRA, biases, patterns of ranks); the model is then as it was.
void load_adapters(Stream& stream, Model& model, const fs::path& folder);

}  // namespace r1
