#include "model/config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "formats/gguf.h"
#include "formats/safetensors.h"
#include "formats/temp_folder.h"
#include "model/names.h"

namespace r1 {
namespace {

using nlohmann::json;
const fs::path models = fs::path(R1_SOURCE_DIR) / "tests/golden/models";

json small_llama() {
    return {{"model_type", "llama"},    {"vocab_size", 96},       {"hidden_size", 64},
            {"intermediate_size", 160}, {"num_hidden_layers", 2}, {"num_attention_heads", 4},
            {"num_key_value_heads", 2}};
}

TEST(ModelConfig, NamesAreThoseOfTransformers) {
    int found = 0;
    for (const auto& folder : fs::directory_iterator(models)) {
        if (!fs::exists(folder.path() / "config.json")) continue;
        ++found;
        const ModelConfig config = load_model_config(folder.path());
        const auto source = open_tensors(folder.path());
        const auto specs = parameter_specs(config);
        EXPECT_EQ(specs.size(), source->names().size()) << folder.path();
        int64_t count = 0;
        for (const ParameterSpec& spec : specs) {
            ASSERT_TRUE(source->has(spec.name)) << folder.path() << spec.name;
            EXPECT_EQ(source->shape(spec.name), spec.shape) << folder.path() << spec.name;
            count += spec.shape.numel();
        }
        EXPECT_EQ(config.parameters(), count);

        EXPECT_EQ(parse_model_config(to_json(config, "float32")), config) << folder.path();
    }
    EXPECT_GE(found, 5);
}

TEST(ModelConfig, FollowsTransformersDefaults) {
    const ModelConfig llama = parse_model_config(small_llama());
    EXPECT_EQ(llama.head_dim, 16);
    EXPECT_EQ(llama.max_position_embeddings, 2048);
    EXPECT_EQ(llama.rms_norm_eps, 1e-6f);
    EXPECT_EQ(llama.rope_theta, 10000.0f);
    EXPECT_FALSE(llama.tie_word_embeddings || llama.attention_bias || llama.o_bias || llama.mlp_bias ||
                 llama.qk_norm);

    json source = small_llama();
    source.erase("num_key_value_heads");
    EXPECT_EQ(parse_model_config(source).num_key_value_heads, 4);
    source = small_llama();
    source["model_type"] = "qwen2";
    const ModelConfig qwen2 = parse_model_config(source);
    EXPECT_TRUE(qwen2.attention_bias);
    EXPECT_FALSE(qwen2.o_bias);
    EXPECT_EQ(qwen2.max_position_embeddings, 32768);
    source["model_type"] = "qwen3";
    EXPECT_EQ(parse_model_config(source).head_dim, 128);
    EXPECT_TRUE(parse_model_config(source).qk_norm);
}

TEST(ModelConfig, ReadsOldAndNewRopeKeys) {
    json older = small_llama(), newer = small_llama();
    const json llama3 = {{"factor", 32.0},
                         {"low_freq_factor", 1.0},
                         {"high_freq_factor", 4.0},
                         {"original_max_position_embeddings", 8192}};
    older["rope_theta"] = 500000.0;
    older["rope_scaling"] = llama3;
    older["rope_scaling"]["type"] = "llama3";
    newer["rope_parameters"] = llama3;
    newer["rope_parameters"]["rope_type"] = "llama3";
    newer["rope_parameters"]["rope_theta"] = 500000.0;
    const ModelConfig config = parse_model_config(older);
    EXPECT_EQ(config, parse_model_config(newer));
    EXPECT_EQ(config.rope_theta, 500000.0f);
    EXPECT_EQ(config.rope_scaling.factor, 32.0f);
    EXPECT_EQ(to_json(config, "bfloat16")["rms_norm_eps"].dump(), "1e-06");
    EXPECT_EQ(to_json(config, "bfloat16")["torch_dtype"], "bfloat16");

    const auto factors = rope_frequency_factors(config);
    ASSERT_EQ(factors.size(), 8u);
    EXPECT_EQ(factors.front(), 1.0f);
    EXPECT_EQ(factors.back(), 32.0f);
}

TEST(ModelConfig, NamesTheKeyThatIsWrong) {
    const auto expect_error = [](const char* key, const json& value, const char* part) {
        json source = small_llama();
        source[key] = value;
        const std::string error = error_of([&] { parse_model_config(source); });
        EXPECT_NE(error.find(part), std::string::npos) << key << ": " << error;
    };
    for (const char* key :
         {"vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
          "num_key_value_heads", "head_dim", "max_position_embeddings"}) {
        for (const json& value : {json(0), json(-1), json(1.5), json("8"), json(int64_t{1} << 31),
                                  json(~uint64_t{0}), json(INT32_MAX), json::array(), json(true)})
            expect_error(key, value, key);
    }
    for (const char* key :
         {"vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"})
        expect_error(key, nullptr, key);
    for (const char* key : {"rms_norm_eps", "rope_theta", "initializer_range"})
        for (const json& value : {json(-1.0), json(1e300), json("x"), json(false)})
            expect_error(key, value, key);
    expect_error("rope_theta", 0, "rope_theta");
    expect_error("num_attention_heads", 6, "num_attention_heads");
    expect_error("num_key_value_heads", 3, "num_key_value_heads");
    expect_error("head_dim", 15, "head_dim");
    expect_error("hidden_act", "gelu", "gelu");
    expect_error("model_type", "mamba", "mamba");
    expect_error("model_type", nullptr, "model_type");
    expect_error("tie_word_embeddings", 1, "tie_word_embeddings");
    expect_error("quantization_config", json::object(), "quantization_config");
    expect_error("layer_types", {"full_attention", "sliding_attention"}, "sliding_attention");
    expect_error("partial_rotary_factor", 0.5, "partial_rotary_factor");
    expect_error("rope_scaling", "linear", "rope_scaling");
    expect_error("rope_scaling", {{"rope_type", "yarn"}}, "yarn");
    expect_error("rope_scaling", {{"rope_type", "linear"}}, "factor");
    expect_error("rope_scaling", {{"rope_type", "linear"}, {"factor", 0}}, "factor");
    expect_error("rope_scaling", {{"rope_type", "llama3"}, {"factor", 8}}, "low_freq_factor");
    expect_error("rope_scaling",
                 {{"rope_type", "llama3"}, {"factor", 8}, {"low_freq_factor", 4}, {"high_freq_factor", 4}},
                 "high_freq_factor");
    json source = small_llama();
    source["model_type"] = "qwen2";
    source["use_sliding_window"] = true;
    source["max_window_layers"] = 1;
    EXPECT_NE(error_of([&] { parse_model_config(source); }).find("use_sliding_window"), std::string::npos);
    source = small_llama();
    source["head_dim"] = 64;
    source["hidden_size"] = 1 << 20;
    source["intermediate_size"] = 1 << 22;
    EXPECT_NE(error_of([&] { parse_model_config(source); }).find("parameters"), std::string::npos);
    EXPECT_THROW(parse_model_config(json::array()), Error);
    EXPECT_THROW(load_model_config("/nonexistent"), Error);
}

// Saves the tensors of a golden model as GGUF, and reads the same configuration and the same values back.
TEST(ModelConfig, SurvivesGguf) {
    const TempFolder folder;
    for (const char* name : {"llama", "llama_rope_scaling", "llama_tied_bias", "qwen2", "qwen3_tied"}) {
        const ModelConfig config = load_model_config(models / name);
        const auto source = open_tensors(models / name);
        std::vector<std::vector<float>> storage;
        std::vector<NamedTensor> tensors;
        for (const ParameterSpec& spec : parameter_specs(config)) {
            auto& values = storage.emplace_back(static_cast<size_t>(spec.shape.numel()));
            source->read(spec.name, values);
            tensors.push_back({spec.name, {values.data(), DType::f32, spec.shape}});
        }
        const auto factors = rope_frequency_factors(config);
        if (!factors.empty())
            tensors.push_back(
                {"rope_freqs.weight", view(factors.data(), {static_cast<int64_t>(factors.size())})});
        write_gguf(folder / "m.gguf", to_gguf(config), tensors, GgmlType::f32);

        const Gguf file(folder / "m.gguf");
        EXPECT_EQ(config_from_gguf(file), config) << name;
        EXPECT_EQ(load_model_config(folder / "m.gguf"), config) << name;
        for (size_t i = 0; i < storage.size(); ++i) {
            std::vector<float> back(storage[i].size());
            file.read(tensors[i].name, back);
            EXPECT_EQ(back, storage[i]) << name << " " << tensors[i].name;
        }
    }
}

}  // namespace
}  // namespace r1
