#include "infer/adapters.h"

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <vector>

#include "formats/json.h"
#include "formats/safetensors.h"

namespace r1 {
namespace {

using nlohmann::json;

constexpr const char* kConfig = "adapter_config.json";
constexpr const char* kWeights = "adapter_model.safetensors";

LoraConfig parse_config(const json& config, const std::string& what) {
    check(config.is_object() && config.value("peft_type", json()) == "LORA", what,
          " is not the configuration of LoRA adapters");
    // What the field may hold without changing the adapters' meaning; absent and null are always fine.
    const std::vector<std::pair<const char*, json>> plain{{"bias", "none"},
                                                          {"use_dora", false},
                                                          {"use_rslora", false},
                                                          {"fan_in_fan_out", false},
                                                          {"lora_bias", false},
                                                          {"rank_pattern", json::object()},
                                                          {"alpha_pattern", json::object()},
                                                          {"modules_to_save", json::array()},
                                                          {"layers_to_transform", json::array()},
                                                          {"layer_replication", json::array()},
                                                          {"trainable_token_indices", json::array()}};
    for (const auto& [key, value] : plain) {
        const json found = config.value(key, json());
        check(found.is_null() || found == value, what, ": ", key, " is ",
              found.dump(-1, ' ', false, json::error_handler_t::replace), ", which is not supported");
    }
    LoraConfig lora;
    const json rank = config.value("r", json()), alpha = config.value("lora_alpha", json());
    check(rank.is_number_integer() && rank > 0 && rank <= 65536, what, ": r must be a positive integer");
    check(alpha.is_number() && alpha > 0.0 && alpha <= 1e9, what, ": lora_alpha must be a positive number");
    lora.rank = rank.get<int>();
    lora.alpha = alpha.get<float>();
    const json targets = config.value("target_modules", json());
    if (targets == "all-linear") return lora;
    check(targets.is_array() && !targets.empty(), what,
          ": target_modules must be a list of names or \"all-linear\"");
    lora.target_modules.clear();
    for (const auto& target : targets) {
        check(target.is_string(), what, ": target_modules must be a list of names");
        lora.target_modules.push_back(target.get<std::string>());
    }
    return lora;
}

// The adapters of a folder, apart from any model.
std::unique_ptr<Lora> read_adapters(const ModelConfig& config, const fs::path& folder) {
    const std::string what = (folder / kConfig).string();
    auto lora =
        std::make_unique<Lora>(config, parse_config(parse_json(read_file(folder / kConfig), what), what), 0);
    const Safetensors file(folder / kWeights);
    check(file.names().size() == lora->parameters().size(), (folder / kWeights).string(), " has ",
          file.names().size(), " tensors; target_modules and the model's layers call for ",
          lora->parameters().size());
    for (const auto& parameter : lora->parameters()) {
        const auto& spec = parameter.spec;
        check(file.has(spec.name) && file.shape(spec.name) == spec.shape, (folder / kWeights).string(),
              ": tensor '", spec.name, "' is missing or not ", spec.shape.str());
        file.read(spec.name,
                  {lora->weights().as<float>() + parameter.offset, static_cast<size_t>(spec.shape.numel())});
    }
    return lora;
}

}  // namespace

void save_adapters(const fs::path& folder, const Model& model, const std::string& base_model) {
    check(model.lora() != nullptr, "the model has no adapters to save");
    const Lora& lora = *model.lora();
    const json config = {{"peft_type", "LORA"},
                         {"task_type", "CAUSAL_LM"},
                         {"base_model_name_or_path", base_model},
                         {"r", lora.config().rank},
                         {"lora_alpha", lora.config().alpha},
                         {"lora_dropout", 0.0},
                         {"target_modules", lora.config().target_modules},
                         {"bias", "none"},
                         {"fan_in_fan_out", false},
                         {"inference_mode", true}};
    const HostTensor weights(lora.weights(), model.device());
    std::vector<NamedTensor> tensors;
    for (const auto& parameter : lora.parameters()) {
        tensors.push_back(
            {parameter.spec.name, view(weights.as<float>() + parameter.offset, parameter.spec.shape)});
    }
    write_folder(folder, [&](const fs::path& to) {
        write_file(to / kConfig, config.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
        write_safetensors(to / kWeights, tensors);
        const auto back = read_adapters(model.config(), to);
        check(back->config().rank == lora.config().rank && back->config().alpha == lora.config().alpha &&
                  std::memcmp(back->weights().data, weights.view().data, lora.weights().bytes()) == 0,
              "reading ", to.string(), " back, the adapters are not what was written");
    });
}

void load_adapters(Stream& stream, Model& model, const fs::path& folder) {
    const auto read = read_adapters(model.config(), folder);
    model.attach_lora(read->config(), 0);
    copy_bytes(model.device(), model.trainable_weights().data, read->weights().data, read->weights().bytes());
    model.pack(stream, false);
}

}  // namespace r1
