#include "model/config.h"

#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "formats/gguf.h"
#include "formats/json.h"
#include "model/names.h"

namespace r1 {
namespace {

using nlohmann::json;

// Limits far above any model of these families; with them no product of sizes overflows 64 bits.
constexpr int max_vocab = 1 << 24, max_hidden = 1 << 20, max_intermediate = 1 << 22, max_layers = 1 << 12,
              max_heads = 1 << 14, max_head_dim = 1 << 12, max_positions = 1 << 30;
constexpr int64_t max_parameters = int64_t{1} << 42;

void check_size(const char* key, int value, int limit) {
    check(value > 0 && value <= limit, "the model configuration's ", key, " is ", value,
          "; it must be from 1 to ", limit);
}

void check_number(const char* key, float value, float low, float high) {
    check(std::isfinite(value) && value >= low && value <= high, "the model configuration's ", key, " is ",
          value, "; it must be from ", low, " to ", high);
}

// A JSON object whose keys may be absent or null, both of which mean "the default".
class Keys {
  public:
    explicit Keys(const json& source) : source_(source) {}

    const json* find(const char* key) const {
        const auto it = source_.find(key);
        return it == source_.end() || it->is_null() ? nullptr : &*it;
    }
    int integer(const char* key) const {
        const json* value = find(key);
        check(value, "config.json has no ", key, "; is it the configuration of a language model?");
        return to_int(key, *value);
    }
    int integer(const char* key, int fallback) const {
        const json* value = find(key);
        return value ? to_int(key, *value) : fallback;
    }
    float number(const char* key, float fallback) const {
        const json* value = find(key);
        if (!value) return fallback;
        check(value->is_number(), "config.json: ", key, " must be a number, not ", shown(*value));
        return value->get<float>();
    }
    bool boolean(const char* key, bool fallback) const {
        const json* value = find(key);
        if (!value) return fallback;
        check(value->is_boolean(), "config.json: ", key, " must be true or false, not ", shown(*value));
        return value->get<bool>();
    }
    std::string text(const char* key, const std::string& fallback) const {
        const json* value = find(key);
        if (!value) return fallback;
        check(value->is_string(), "config.json: ", key, " must be a string, not ", shown(*value));
        return value->get<std::string>();
    }

    static std::string shown(const json& value) {
        if (value.is_structured()) return value.is_object() ? "an object" : "a list";
        const std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
        return text.size() <= 60 ? text : text.substr(0, 57) + "...";
    }

  private:
    static int to_int(const char* key, const json& value) {
        const bool fits = value.is_number_unsigned() ? value.get<uint64_t>() <= INT32_MAX
                          : value.is_number_integer()
                              ? value.get<int64_t>() >= INT32_MIN && value.get<int64_t>() <= INT32_MAX
                              : false;
        check(fits, "config.json: ", key, " must be an integer below 2^31, not ", shown(value));
        return value.get<int>();
    }

    const json& source_;
};

void parse_rope(ModelConfig& config, const Keys& keys) {
    config.rope_theta = keys.number("rope_theta", 10000.0f);
    check(keys.number("partial_rotary_factor", 1.0f) == 1.0f,
          "config.json: partial_rotary_factor other than 1 is not supported");
    const char* name = keys.find("rope_parameters") ? "rope_parameters" : "rope_scaling";
    const json* found = keys.find(name);
    if (!found) return;
    check(found->is_object(), "config.json: ", name, " must be an object, not ", Keys::shown(*found));

    const Keys rope(*found);
    RopeScaling& scaling = config.rope_scaling;
    scaling.rope_type = rope.text("rope_type", rope.text("type", "default"));
    config.rope_theta = rope.number("rope_theta", config.rope_theta);
    check(rope.number("partial_rotary_factor", 1.0f) == 1.0f, "config.json: ", name,
          ".partial_rotary_factor other than 1 is not supported");
    if (scaling.rope_type == "default") return;
    check(scaling.rope_type == "linear" || scaling.rope_type == "llama3", "config.json: ", name,
          ".rope_type '", scaling.rope_type, "' is not supported; known are default, linear, llama3");
    check(rope.find("factor"), "config.json: ", name, " has no factor");
    scaling.factor = rope.number("factor", 1.0f);
    if (scaling.rope_type == "linear") return;
    for (const char* key : {"low_freq_factor", "high_freq_factor"})
        check(rope.find(key), "config.json: ", name, " has no ", key);
    scaling.low_freq_factor = rope.number("low_freq_factor", 1.0f);
    scaling.high_freq_factor = rope.number("high_freq_factor", 4.0f);
    scaling.original_max_position_embeddings =
        rope.integer("original_max_position_embeddings", config.max_position_embeddings);
}

void refuse_sliding_windows(const ModelConfig& config, const Keys& keys) {
    if (keys.boolean("use_sliding_window", false))
        check(keys.integer("max_window_layers", 28) >= config.num_hidden_layers,
              "config.json: use_sliding_window is true; sliding windows are not supported");
    if (const json* types = keys.find("layer_types"))
        for (const json& type : *types)
            check(type == "full_attention", "config.json: layer_types has ", Keys::shown(type),
                  "; only full_attention is supported");
}

// The double whose decimal form is the float's shortest one, so that 1e-6f is written as 1e-06.
double shortest(float value) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    double result = 0;
    std::from_chars(text.data(), end, result);
    return result;
}

}  // namespace

void check_model_config(const ModelConfig& config) {
    check_size("vocab_size", config.vocab_size, max_vocab);
    check_size("hidden_size", config.hidden_size, max_hidden);
    check_size("intermediate_size", config.intermediate_size, max_intermediate);
    check_size("num_hidden_layers", config.num_hidden_layers, max_layers);
    check_size("num_attention_heads", config.num_attention_heads, max_heads);
    check_size("num_key_value_heads", config.num_key_value_heads, max_heads);
    check_size("head_dim", config.head_dim, max_head_dim);
    check_size("max_position_embeddings", config.max_position_embeddings, max_positions);
    check(config.head_dim % 2 == 0, "the model configuration's head_dim is ", config.head_dim,
          "; rotary embeddings need an even one");
    check(config.num_attention_heads % config.num_key_value_heads == 0,
          "the model configuration's num_attention_heads is ", config.num_attention_heads,
          ", which num_key_value_heads ", config.num_key_value_heads, " does not divide");
    check_number("rms_norm_eps", config.rms_norm_eps, 0.0f, 1.0f);
    check_number("rope_theta", config.rope_theta, 1.0f, 1e30f);
    check_number("initializer_range", config.initializer_range, 0.0f, 1e3f);
    const RopeScaling& rope = config.rope_scaling;
    check_number("rope_scaling.factor", rope.factor, 1e-6f, 1e6f);
    check_number("rope_scaling.low_freq_factor", rope.low_freq_factor, 1e-6f, 1e6f);
    check_number("rope_scaling.high_freq_factor", rope.high_freq_factor, 1e-6f, 1e6f);
    check(rope.high_freq_factor > rope.low_freq_factor,
          "the model configuration's rope_scaling.high_freq_factor is ", rope.high_freq_factor,
          "; it must be above low_freq_factor, which is ", rope.low_freq_factor);
    check_size("rope_scaling.original_max_position_embeddings", rope.original_max_position_embeddings,
               max_positions);
    check(config.parameters() <= max_parameters, "the configuration describes a model of ",
          config.parameters(), " parameters; at most ", max_parameters, " are supported");
}

ModelConfig load_model_config(const fs::path& path) {
    if (path.extension() == ".gguf") return config_from_gguf(Gguf(path));
    const fs::path file = path / "config.json";
    check(fs::exists(file), path.string(), " is neither a folder with a config.json nor a .gguf file");
    try {
        return parse_model_config(parse_json(read_file(file), "config.json"));
    } catch (const Error& error) {
        fail(path.string(), ": ", error.what());
    }
}

ModelConfig parse_model_config(const json& source) {
    check(source.is_object(), "config.json must hold a JSON object");
    const Keys keys(source);
    ModelConfig config;
    config.model_type = keys.text("model_type", "");
    const bool llama = config.model_type == "llama", qwen2 = config.model_type == "qwen2",
               qwen3 = config.model_type == "qwen3";
    check(llama || qwen2 || qwen3, "config.json: model_type '", config.model_type,
          "' is not supported; known are llama, qwen2, qwen3");
    check(!keys.find("quantization_config"),
          "config.json has a quantization_config; use the unquantised weights or a GGUF file");
    const std::string activation = keys.text("hidden_act", "silu");
    check(activation == "silu", "config.json: hidden_act '", activation,
          "' is not supported; it must be silu");

    config.vocab_size = keys.integer("vocab_size");
    config.hidden_size = keys.integer("hidden_size");
    config.intermediate_size = keys.integer("intermediate_size");
    config.num_hidden_layers = keys.integer("num_hidden_layers");
    config.num_attention_heads = keys.integer("num_attention_heads");
    check_size("num_attention_heads", config.num_attention_heads, max_heads);
    config.num_key_value_heads = llama || source.contains("num_key_value_heads")
                                     ? keys.integer("num_key_value_heads", config.num_attention_heads)
                                     : 32;
    if (qwen3 && !source.contains("head_dim")) {
        config.head_dim = 128;
    } else if (keys.find("head_dim")) {
        config.head_dim = keys.integer("head_dim");
    } else {
        check(config.hidden_size % config.num_attention_heads == 0, "config.json: hidden_size is ",
              config.hidden_size, ", which num_attention_heads ", config.num_attention_heads,
              " does not divide");
        config.head_dim = config.hidden_size / config.num_attention_heads;
    }
    config.max_position_embeddings = keys.integer("max_position_embeddings", llama ? 2048 : 32768);
    config.rms_norm_eps = keys.number("rms_norm_eps", 1e-6f);
    config.initializer_range = keys.number("initializer_range", 0.02f);
    config.tie_word_embeddings = keys.boolean("tie_word_embeddings", false);
    config.attention_bias = qwen2 || keys.boolean("attention_bias", false);
    config.o_bias = !qwen2 && config.attention_bias;
    config.mlp_bias = llama && keys.boolean("mlp_bias", false);
    config.qk_norm = qwen3;
    parse_rope(config, keys);
    refuse_sliding_windows(config, keys);
    check_model_config(config);
    return config;
}

json to_json(const ModelConfig& config, const std::string& torch_dtype) {
    const std::string architecture = config.model_type == "llama"   ? "LlamaForCausalLM"
                                     : config.model_type == "qwen2" ? "Qwen2ForCausalLM"
                                                                    : "Qwen3ForCausalLM";
    json result = {
        {"architectures", {architecture}},
        {"model_type", config.model_type},
        {"vocab_size", config.vocab_size},
        {"hidden_size", config.hidden_size},
        {"intermediate_size", config.intermediate_size},
        {"num_hidden_layers", config.num_hidden_layers},
        {"num_attention_heads", config.num_attention_heads},
        {"num_key_value_heads", config.num_key_value_heads},
        {"hidden_act", "silu"},
        {"max_position_embeddings", config.max_position_embeddings},
        {"rms_norm_eps", shortest(config.rms_norm_eps)},
        {"rope_theta", shortest(config.rope_theta)},
        {"tie_word_embeddings", config.tie_word_embeddings},
        {"initializer_range", shortest(config.initializer_range)},
        {"attention_dropout", 0.0},
        {"use_cache", true},
        {"torch_dtype", torch_dtype},
    };
    const RopeScaling& rope = config.rope_scaling;
    if (rope.rope_type == "default") {
        result["rope_scaling"] = nullptr;
    } else {
        result["rope_scaling"] = {{"rope_type", rope.rope_type}, {"factor", shortest(rope.factor)}};
        if (rope.rope_type == "llama3") {
            result["rope_scaling"]["low_freq_factor"] = shortest(rope.low_freq_factor);
            result["rope_scaling"]["high_freq_factor"] = shortest(rope.high_freq_factor);
            result["rope_scaling"]["original_max_position_embeddings"] =
                rope.original_max_position_embeddings;
        }
    }
    if (config.model_type != "qwen2" || config.head_dim * config.num_attention_heads != config.hidden_size)
        result["head_dim"] = config.head_dim;
    if (config.model_type == "llama") result["mlp_bias"] = config.mlp_bias;
    if (config.model_type != "qwen2") result["attention_bias"] = config.attention_bias;
    if (config.model_type != "llama") {
        result["use_sliding_window"] = false;
        result["sliding_window"] = nullptr;
    }
    return result;
}

int64_t ModelConfig::parameters() const {
    int64_t count = 0;
    for (const ParameterSpec& spec : parameter_specs(*this)) count += spec.shape.numel();
    return count;
}

}  // namespace r1
