// Checkpoints of a training run: checkpoints/step-N/, complete or absent.
//   weights.safetensors    what is trained (masters or adapters), fp32, under the parameters' names
//   optimizer.safetensors  exp_avg.NAME, exp_avg_sq.NAME; the number of steps taken in the metadata
//   extra.safetensors      further tensors, where there are any (a reference model)
//   state.json             whatever else the caller needs to go on
//   manifest.json          size and hash of each of these files
// A checkpoint is written to a temporary folder, every file synced, and renamed; older ones go only after
// that. So whatever interrupts a save (a signal, a full disk, a crash of the machine) leaves the last
// checkpoint usable.
#pragma once
#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>

#include "core/files.h"
#include "core/stream.h"
#include "formats/tensor_source.h"
#include "model/model.h"
#include "train/optimizer.h"

namespace r1 {

// Writes checkpoints/step-N and then removes all but the newest `keep` (at least 1). If an intact one of this
// step is there already, it stays as it is. Returns the folder.
fs::path save_checkpoint(Stream& stream, const fs::path& checkpoints, int64_t step, const Model& model,
                         const Optimizer& optimizer, const nlohmann::json& state,
                         std::span<const NamedTensor> extra = {}, int keep = 2);

struct CheckpointPath {
    int64_t step = 0;
    fs::path folder;
};
// The newest intact checkpoint; nothing if there is none. Each damaged one that is passed over is told to
// `warn`.
std::optional<CheckpointPath> latest_checkpoint(
    Stream& stream, const fs::path& checkpoints,
    const std::function<void(const std::string&)>& warn = [](const std::string&) {});

// Throws, naming the file and what is wrong with it, unless every file is as the manifest says.
void verify_checkpoint(Stream& stream, const fs::path& folder);

// Puts weights (packed for training), moments and step count back and returns the state. Throws if the
// checkpoint is of another model; then model and optimizer may be partly changed.
nlohmann::json load_checkpoint(Stream& stream, const fs::path& folder, Model& model, Optimizer& optimizer);
// Reads an extra tensor into `out`, whose dtype and shape must be those that were saved.
void load_extra(const fs::path& folder, const std::string& name, TensorView out);

}  // namespace r1
