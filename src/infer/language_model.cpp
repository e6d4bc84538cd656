#include "infer/language_model.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "formats/gguf.h"
#include "formats/json.h"
#include "formats/safetensors.h"

namespace r1 {
namespace {

using nlohmann::json;

constexpr const char* kGenerationConfig = "generation_config.json";

// A number of generation_config.json in [low, high], or `otherwise` where it has none.
double number_field(const json& config, const char* key, double low, double high, double otherwise) {
    const auto field = config.find(key);
    if (field == config.end() || field->is_null()) return otherwise;
    const double value = field->is_number() ? field->get<double>() : NAN;
    check(value >= low && value <= high, kGenerationConfig, ": ", key, " is ",
          field->dump(-1, ' ', false, json::error_handler_t::replace), ", not a number in [", low, ", ", high,
          "]");
    return value;
}

SamplingParams parse_sampling(const json& config) {
    check(config.is_object(), kGenerationConfig, " does not hold an object");
    SamplingParams params;
    const auto number = [&](const char* key, double low, double high, float otherwise) {
        return static_cast<float>(number_field(config, key, low, high, static_cast<double>(otherwise)));
    };
    params.temperature = number("temperature", 0.0, 1e4, params.temperature);
    params.filter.top_k = static_cast<int>(number_field(config, "top_k", 0, INT32_MAX, 0));
    params.filter.top_p = number("top_p", 0.0, 1.0, 1.0f);
    params.filter.min_p = number("min_p", 0.0, 1.0, 0.0f);
    params.repetition_penalty = number("repetition_penalty", 1e-3, 1e3, 1.0f);
    if (config.value("do_sample", json()) == false) params.temperature = 0.0f;
    return params;
}

// eos_token_id, an id or a list of ids.
std::vector<int32_t> stop_ids_of(const json& config, const fs::path& file) {
    const json field = config.value("eos_token_id", json());
    std::vector<int32_t> ids;
    for (const json& id : field.is_array() ? field : field.is_null() ? json::array() : json::array({field})) {
        check(id.is_number_integer() && id >= 0 && id <= INT32_MAX, file.string(),
              ": eos_token_id is neither a token id nor a list of them");
        ids.push_back(id.get<int32_t>());
    }
    return ids;
}

// A float as the shortest decimal that gives it back, 0.95 and not 0.949999988079071.
json shortest(float value) {
    char text[32];
    for (int digits = 6; digits <= 9; ++digits) {
        std::snprintf(text, sizeof text, "%.*g", digits, static_cast<double>(value));
        if (std::strtof(text, nullptr) == value) break;
    }
    return std::strtod(text, nullptr);
}

// {"bos_token_id": …, "eos_token_id": …, "pad_token_id": …}, those that there are. One end is an id, several
// are a list.
json token_ids(const Tokenizer& tokenizer) {
    json ids = json::object();
    if (tokenizer.bos_id()) ids["bos_token_id"] = *tokenizer.bos_id();
    if (tokenizer.pad_id()) ids["pad_token_id"] = *tokenizer.pad_id();
    const auto& stops = tokenizer.stop_ids();
    if (stops.size() == 1) ids["eos_token_id"] = stops.front();
    if (stops.size() > 1) ids["eos_token_id"] = stops;
    return ids;
}

json generation_config(const Tokenizer& tokenizer, const SamplingParams& params) {
    json config = token_ids(tokenizer);
    config["do_sample"] = params.temperature > 0.0f;
    if (params.temperature > 0.0f) {
        config["temperature"] = shortest(params.temperature);
        config["top_k"] = params.filter.top_k;  // transformers would take 50
        config["top_p"] = shortest(params.filter.top_p);
        if (params.filter.min_p > 0.0f) config["min_p"] = shortest(params.filter.min_p);
    }
    if (params.repetition_penalty != 1.0f) config["repetition_penalty"] = shortest(params.repetition_penalty);
    return config;
}

// The parameters of a model that is saved, in memory that can be read.
HostTensor weights_of(const Model& model) {
    check(!model.lora(), "the model has adapters; merge them before it is saved, or save them apart");
    return {model.weights(), model.device()};
}

std::vector<NamedTensor> tensors_of(const Model& model, const HostTensor& weights) {
    std::vector<NamedTensor> tensors;
    for (const auto& parameter : model.parameters()) {
        tensors.push_back({parameter.spec.name, model.slice(weights.view(), parameter.spec.name)});
    }
    return tensors;
}

float rounded(float value, DType dtype) {
    return dtype == DType::bf16  ? bf16_to_f32(f32_to_bf16(value))
           : dtype == DType::f16 ? f16_to_f32(f32_to_f16(value))
                                 : value;
}

// Throws unless `source` holds each parameter with the values that `equal` (of got, want) accepts.
template <class Equal>
void compare_weights(const fs::path& path, const TensorSource& source, const Model& model,
                     const HostTensor& weights, const Equal& equal) {
    std::vector<float> got;
    for (const auto& parameter : model.parameters()) {
        const std::string& name = parameter.spec.name;
        check(source.has(name) && source.shape(name) == parameter.spec.shape, "reading ", path.string(),
              " back, tensor '", name, "' is missing or of another shape");
        got.resize(static_cast<size_t>(parameter.spec.shape.numel()));
        source.read(name, got);
        const float* want = weights.as<float>() + parameter.offset;
        check(equal(source.stored_type(name), std::span<const float>(got), want), "reading ", path.string(),
              " back, tensor '", name,
              "' is not what was written; the disk or the file system is not to be trusted");
    }
}

bool same_value(float a, float b) {
    return a == b || (std::isnan(a) && std::isnan(b));
}

void compare_folder(const fs::path& folder, const LanguageModel& written, const HostTensor& weights,
                    DType dtype) {
    check(load_model_config(folder) == written.model->config(), "reading ", folder.string(),
          " back, config.json is not what was written");
    const Tokenizer tokenizer = Tokenizer::load(folder);
    const Tokenizer& want = written.tokenizer;
    check(tokenizer.tokenizer_json() == want.tokenizer_json() &&
              tokenizer.chat_template() == want.chat_template() && tokenizer.bos_id() == want.bos_id() &&
              tokenizer.stop_ids() == want.stop_ids(),
          "reading ", folder.string(), " back, the tokenizer is not what was written");
    compare_weights(folder, Safetensors(folder), *written.model, weights,
                    [&](const std::string&, std::span<const float> got, const float* want_values) {
                        return std::equal(got.begin(), got.end(), want_values,
                                          [&](float g, float w) { return same_value(g, rounded(w, dtype)); });
                    });
}

// Q8_0 keeps 32 values as 8-bit multiples of their largest / 127, a 16-bit number.
bool near_q8_0(std::span<const float> got, const float* want) {
    for (size_t block = 0; block < got.size(); block += 32) {
        float largest = 0.0f, distance = 0.0f;
        for (size_t i = block; i < std::min(block + 32, got.size()); ++i) {
            largest = std::max(largest, std::fabs(want[i]));
            distance = std::max(distance, std::fabs(want[i] - got[i]));
        }
        if (!(distance <= largest / 127.0f * 0.6f + largest * 0x1p-10f + 1e-7f)) return false;
    }
    return true;
}

void compare_gguf(const fs::path& path, const GgufMetadata& metadata, const Model& model,
                  const HostTensor& weights) {
    const Gguf gguf(path);
    for (const auto& [key, value] : metadata.values()) {
        const GgufValue* got = gguf.metadata().find(key);
        check(got && *got == value, "reading ", path.string(), " back, ", key, " is not what was written");
    }
    compare_weights(
        path, gguf, model, weights,
        [](const std::string& type, std::span<const float> got, const float* want) {
            if (type == "Q8_0") return near_q8_0(got, want);
            const DType dtype = type == "BF16" ? DType::bf16 : type == "F16" ? DType::f16 : DType::f32;
            return std::equal(got.begin(), got.end(), want,
                              [&](float g, float w) { return same_value(g, rounded(w, dtype)); });
        });
}

// llama.cpp wants as many tokens as the embedding has rows.
void pad_vocabulary(GgufMetadata& metadata, int vocab_size) {
    auto tokens = metadata.strings("tokenizer.ggml.tokens");
    const auto listed = metadata.integers("tokenizer.ggml.token_type");
    std::vector<int32_t> types(listed.begin(), listed.end());
    constexpr int32_t kUnused = 5;
    while (std::ssize(tokens) < vocab_size) {
        tokens.push_back(cat("[PAD", tokens.size(), "]"));
        types.push_back(kUnused);
    }
    metadata.set("tokenizer.ggml.tokens", GgufArray{std::move(tokens)});
    metadata.set("tokenizer.ggml.token_type", GgufArray{std::move(types)});
}

}  // namespace

SamplingParams load_sampling(const fs::path& folder) {
    SamplingParams sampling;
    std::error_code error;
    for (const char* name : {kGenerationConfig, "config.json"}) {
        const fs::path file = folder / name;
        if (!fs::is_regular_file(file, error)) continue;
        const json config = parse_json(read_file(file), file.string());
        if (name == kGenerationConfig) sampling = parse_sampling(config);
        if (sampling.stop_ids.empty()) sampling.stop_ids = stop_ids_of(config, file);
    }
    return sampling;
}

LanguageModel load_language_model(Stream& stream, const fs::path& path, DType weight_dtype) {
    std::error_code error;
    check(fs::exists(path, error), "there is no model ", path.string(),
          "; give a Hugging Face folder or a .gguf file");
    auto model = std::make_unique<Model>(load_model_config(path), weight_dtype, stream.device);
    Tokenizer tokenizer = Tokenizer::load(path);
    check(tokenizer.vocab_size() <= model->config().vocab_size, path.string(), ": the tokenizer has ",
          tokenizer.vocab_size(), " tokens, the model only ", model->config().vocab_size,
          "; they do not belong together");
    SamplingParams sampling = load_sampling(path);
    sampling.stop_ids = tokenizer.stop_ids();
    model->load(stream, *open_tensors(path));
    return {std::move(model), std::move(tokenizer), std::move(sampling)};
}

void save_language_model(const fs::path& folder, const LanguageModel& language_model, DType dtype,
                         uint64_t max_shard_bytes) {
    check(dtype == DType::f32 || dtype == DType::bf16 || dtype == DType::f16,
          "weights are saved as f32, bf16 or f16, not ", name_of(dtype));
    const HostTensor weights = weights_of(*language_model.model);
    const auto tensors = tensors_of(*language_model.model, weights);
    const Tokenizer& tokenizer = language_model.tokenizer;
    json config = to_json(language_model.model->config(), dtype == DType::f32    ? "float32"
                                                          : dtype == DType::bf16 ? "bfloat16"
                                                                                 : "float16");
    config.update(token_ids(tokenizer));
    write_folder(folder, [&](const fs::path& to) {
        write_file(to / "config.json", config.dump(2) + "\n");
        write_file(to / kGenerationConfig,
                   generation_config(tokenizer, language_model.sampling).dump(2) + "\n");
        tokenizer.save(to);
        write_model_safetensors(to, tensors, dtype, max_shard_bytes);
        compare_folder(to, language_model, weights, dtype);
    });
}

void save_gguf(const fs::path& path, const LanguageModel& language_model, GgmlType type) {
    const Model& model = *language_model.model;
    check(model.config().model_type != "qwen3" || !model.config().attention_bias,
          "llama.cpp's qwen3 has no attention_bias, so this model cannot go into a GGUF file; save a Hugging "
          "Face "
          "folder instead");
    const HostTensor weights = weights_of(model);
    auto tensors = tensors_of(model, weights);
    GgufMetadata metadata = to_gguf(model.config());
    language_model.tokenizer.write_gguf(metadata);
    pad_vocabulary(metadata, model.config().vocab_size);
    const auto factors = rope_frequency_factors(model.config());
    if (!factors.empty()) {
        tensors.push_back(
            {"rope_freqs.weight", view(factors.data(), {static_cast<int64_t>(factors.size())})});
    }
    const fs::path temporary = path.string() + ".tmp.gguf";
    try {
        write_gguf(temporary, metadata, tensors, type);
        compare_gguf(temporary, metadata, model, weights);
        std::error_code error;
        fs::rename(temporary, path, error);
        check(!error, "cannot rename ", temporary.string(), " to ", path.string(), ": ", error.message());
    } catch (...) {
        std::error_code ignored;
        fs::remove(temporary, ignored);
        throw;
    }
    sync_folder(path.parent_path());
}

std::string completion_text(const Tokenizer& tokenizer, const SamplingParams& params,
                            const Completion& completion) {
    std::span<const int32_t> ids(completion.ids);
    const auto& stops = params.stop_ids;
    if (!ids.empty() && std::find(stops.begin(), stops.end(), ids.back()) != stops.end())
        ids = ids.first(ids.size() - 1);
    std::string text = tokenizer.decode(ids);
    if (completion.text_end == std::string::npos) return text;
    // text_end counts the tokens' bytes; here those that are no UTF-8 have become longer
    size_t end = text.size();
    for (const auto& stop : params.stop) {
        if (!stop.empty()) end = std::min(end, text.find(stop));
    }
    text.resize(end);
    return text;
}

}  // namespace r1
