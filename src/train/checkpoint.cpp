#include "train/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/rng.h"
#include "formats/json.h"
#include "formats/safetensors.h"

namespace r1 {
namespace {

using nlohmann::json;

constexpr const char* kWeights = "weights.safetensors";
constexpr const char* kOptimizer = "optimizer.safetensors";
constexpr const char* kExtra = "extra.safetensors";
constexpr const char* kState = "state.json";
constexpr const char* kManifest = "manifest.json";

std::optional<int64_t> parse_integer(std::string_view text) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 0) return {};
    return value;
}

// N of a folder step-N; nothing with another name.
std::optional<int64_t> step_of(const fs::path& folder) {
    const std::string name = folder.filename().string();
    if (!name.starts_with("step-")) return {};
    return parse_integer(std::string_view(name).substr(5));
}

// Hash of a file: of the hashes of its pieces, which are computed in parallel.
std::string hash_file(Stream& stream, const MappedFile& file) {
    constexpr size_t kPiece = size_t{1} << 20;
    const auto bytes = file.bytes();
    std::vector<uint64_t> hashes((bytes.size() + kPiece - 1) / kPiece);
    stream.pool->parallel(static_cast<int64_t>(hashes.size()), 1, [&](int64_t begin, int64_t end) {
        for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
            const auto piece = bytes.subspan(i * kPiece, std::min(kPiece, bytes.size() - i * kPiece));
            hashes[i] = hash_bytes(piece.data(), piece.size());
        }
    });
    char text[17];
    std::snprintf(text, sizeof text, "%016llx",
                  static_cast<unsigned long long>(
                      hash_bytes(hashes.data(), hashes.size() * sizeof(uint64_t), bytes.size())));
    return text;
}

// Views of the parameters' parts of a flat buffer.
void add_parameters(std::vector<NamedTensor>& tensors, const Model& model, TensorView flat,
                    const std::string& prefix) {
    for (const auto& parameter : model.trainable_parameters()) {
        tensors.push_back(
            {prefix + parameter.spec.name, view(flat.as<float>() + parameter.offset, parameter.spec.shape)});
    }
}

void read_parameters(const Safetensors& file, const Model& model, TensorView flat,
                     const std::string& prefix) {
    const HostTensor values(flat, model.device());
    for (const auto& parameter : model.trainable_parameters()) {
        file.read_exact(prefix + parameter.spec.name,
                        view(values.as<float>() + parameter.offset, parameter.spec.shape));
    }
    values.store();
}

void write_manifest(Stream& stream, const fs::path& folder, int64_t step) {
    json files = json::object();
    for (const auto& path : list_folder(folder)) {
        const MappedFile file(path);
        files[path.filename().string()] = {{"size", file.bytes().size()}, {"hash", hash_file(stream, file)}};
    }
    write_file(folder / kManifest, json{{"step", step}, {"files", files}}.dump(2) + "\n");
}

// Folders step-N by N.
std::map<int64_t, fs::path> list_checkpoints(const fs::path& checkpoints) {
    std::map<int64_t, fs::path> found;
    for (const auto& path : list_folder(checkpoints)) {
        if (const auto step = step_of(path)) found[*step] = path;
    }
    return found;
}

// A folder is gone at once, or not at all: half of one would look damaged.
void discard(const fs::path& folder) {
    const fs::path temporary = folder.string() + ".old.tmp";
    remove_path(temporary);
    publish_folder(folder, temporary);
    remove_path(temporary);
}

// What an interrupted save or removal has left.
void remove_leftovers(const fs::path& checkpoints) {
    for (const auto& path : list_folder(checkpoints)) {
        const std::string name = path.filename().string();
        if (name.starts_with("step-") && name.ends_with(".tmp")) remove_path(path);
    }
}

bool is_intact(Stream& stream, const fs::path& folder) {
    try {
        verify_checkpoint(stream, folder);
        return true;
    } catch (const Error&) {
        return false;
    }
}

}  // namespace

fs::path save_checkpoint(Stream& stream, const fs::path& checkpoints, int64_t step, const Model& model,
                         const Optimizer& optimizer, const nlohmann::json& state,
                         std::span<const NamedTensor> extra, int keep) {
    check(step >= 0 && keep >= 1, "cannot save a checkpoint of step ", step, " and keep ", keep);
    const fs::path folder = checkpoints / cat("step-", step);
    make_folder(checkpoints);
    remove_leftovers(checkpoints);
    if (std::error_code error; fs::exists(folder, error)) {
        if (is_intact(stream, folder)) return folder;
        discard(folder);
    }
    const HostTensor trained(model.trainable_weights(), model.device()),
        exp_avg(optimizer.exp_avg(), model.device()), exp_avg_sq(optimizer.exp_avg_sq(), model.device());
    std::vector<NamedTensor> weights, moments;
    add_parameters(weights, model, trained.view(), "");
    add_parameters(moments, model, exp_avg.view(), "exp_avg.");
    add_parameters(moments, model, exp_avg_sq.view(), "exp_avg_sq.");
    write_folder(folder, [&](const fs::path& to) {
        write_safetensors(to / kWeights, weights);
        write_safetensors(to / kOptimizer, moments, {}, {{"steps", std::to_string(optimizer.steps())}});
        if (!extra.empty()) write_safetensors(to / kExtra, extra);
        write_file(to / kState, state.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
        write_manifest(stream, to, step);
    });
    auto older = list_checkpoints(checkpoints);
    older.erase(older.lower_bound(step), older.end());
    for (auto it = older.begin(); std::distance(it, older.end()) >= keep; ++it) discard(it->second);
    return folder;
}

void verify_checkpoint(Stream& stream, const fs::path& folder) {
    const fs::path path = folder / kManifest;
    const json manifest = parse_json(read_file(path), path.string());
    const json files = manifest.is_object() ? manifest.value("files", json()) : json();
    check(
        files.is_object() && files.contains(kWeights) && files.contains(kOptimizer) && files.contains(kState),
        path.string(), " is not the manifest of a checkpoint");
    check(manifest.value("step", json()) == step_of(folder).value_or(-1), path.string(),
          " is of another step");
    for (const auto& [name, want] : files.items()) {
        check(fs::path(name).filename() == name, path.string(), " names a file outside of the checkpoint");
        const MappedFile file(folder / name);
        const json got = {{"size", file.bytes().size()}, {"hash", hash_file(stream, file)}};
        check(got == want, (folder / name).string(), " is not what was written: ", file.bytes().size(),
              " bytes; manifest.json says ", want.dump(-1, ' ', false, json::error_handler_t::replace));
    }
}

std::optional<CheckpointPath> latest_checkpoint(Stream& stream, const fs::path& checkpoints,
                                                const std::function<void(const std::string&)>& warn) {
    const auto found = list_checkpoints(checkpoints);
    for (auto it = found.rbegin(); it != found.rend(); ++it) {
        try {
            verify_checkpoint(stream, it->second);
            return CheckpointPath{it->first, it->second};
        } catch (const Error& error) {
            warn(cat("checkpoint ", it->second.string(), " is damaged and not used: ", error.what()));
        }
    }
    return {};
}

nlohmann::json load_checkpoint(Stream& stream, const fs::path& folder, Model& model, Optimizer& optimizer) {
    const Safetensors weights(folder / kWeights), moments(folder / kOptimizer);
    const size_t count = model.trainable_parameters().size();
    check(weights.names().size() == count && moments.names().size() == 2 * count, "checkpoint ",
          folder.string(), " has ", weights.names().size(), " tensors; the model trains ", count,
          "; it is of another model, or of other adapters");
    read_parameters(weights, model, model.trainable_weights(), "");
    read_parameters(moments, model, optimizer.exp_avg(), "exp_avg.");
    read_parameters(moments, model, optimizer.exp_avg_sq(), "exp_avg_sq.");
    const auto found = moments.metadata().find("steps");
    const auto steps = found == moments.metadata().end() ? std::nullopt : parse_integer(found->second);
    check(steps.has_value(), (folder / kOptimizer).string(), " does not say how many steps were taken");
    optimizer.set_steps(*steps);
    model.pack(stream, true);
    return parse_json(read_file(folder / kState), (folder / kState).string());
}

void load_extra(const fs::path& folder, const std::string& name, TensorView out) {
    Safetensors(folder / kExtra).read_exact(name, out);
}

}  // namespace r1
