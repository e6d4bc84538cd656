#include "infer/language_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "formats/gguf.h"
#include "formats/temp_folder.h"
#include "golden/golden.h"
#include "infer/score.h"
#include "infer/tiny_tokenizer.h"

namespace r1 {
namespace {

using nlohmann::json;

class LanguageModelFiles : public testing::Test {
  protected:
    LanguageModel golden_model(const std::string& name) {
        const fs::path folder = golden::root / "models" / name;
        LanguageModel result{std::make_unique<Model>(load_model_config(folder)), tiny_tokenizer(), {}};
        result.model->load(stream_, *open_tensors(folder));
        result.sampling.temperature = 0.6f;
        result.sampling.filter.top_p = 0.95f;
        result.sampling.stop_ids = result.tokenizer.stop_ids();
        return result;
    }

    Runtime runtime_{1};
    Stream& stream_ = runtime_.stream();
    TempFolder folder_;
    const fs::path saved_ = folder_ / "model";
    const std::vector<int32_t> text_{1, 5, 96, 3, 80};
};

std::vector<float> weights_of(const LanguageModel& language_model) {
    const TensorView flat = language_model.model->weights();
    return {flat.as<float>(), flat.as<float>() + flat.numel()};
}

void expect_same_tokenizer(const Tokenizer& got, const Tokenizer& want) {
    EXPECT_EQ(got.encode("this, the that<|end|>"), want.encode("this, the that<|end|>"));
    EXPECT_EQ(got.stop_ids(), want.stop_ids());
    EXPECT_EQ(got.eos_id(), want.eos_id());
    EXPECT_EQ(got.chat_template(), want.chat_template());
}

class LanguageModelFilesOf : public LanguageModelFiles, public testing::WithParamInterface<const char*> {};

TEST_P(LanguageModelFilesOf, AFolderReloadsToTheSameBits) {
    const LanguageModel written = golden_model(GetParam());
    save_language_model(saved_, written, DType::f32);
    const LanguageModel read = load_language_model(stream_, saved_);
    EXPECT_EQ(read.model->config(), written.model->config());
    EXPECT_EQ(weights_of(read), weights_of(written));
    EXPECT_EQ(read.sampling, written.sampling);
    expect_same_tokenizer(read.tokenizer, written.tokenizer);
    Arena arena;
    EXPECT_EQ(logprob_rows(stream_, *read.model, text_, arena),
              logprob_rows(stream_, *written.model, text_, arena));
    EXPECT_FALSE(fs::exists(folder_ / "model.tmp"));

    save_language_model(folder_ / "again", read, DType::f32);
    for (const auto& path : list_folder(saved_)) {
        EXPECT_EQ(read_file(path), read_file(folder_ / "again" / path.filename())) << path;
    }
}

TEST_P(LanguageModelFilesOf, HalfPrecisionRoundsOnce) {
    const LanguageModel written = golden_model(GetParam());
    written.model->weights().as<float>()[0] = 0.1f;  // of which neither has all the digits
    for (const DType dtype : {DType::bf16, DType::f16}) {
        const fs::path one = folder_ / cat("one-", name_of(dtype)),
                       two = folder_ / cat("two-", name_of(dtype));
        save_language_model(one, written, dtype);
        const LanguageModel read = load_language_model(stream_, one);
        EXPECT_NE(weights_of(read), weights_of(written));
        save_language_model(two, read, dtype);
        EXPECT_EQ(weights_of(load_language_model(stream_, two)), weights_of(read));
    }
}

TEST_P(LanguageModelFilesOf, AGgufReloadsToTheSameBits) {
    const LanguageModel written = golden_model(GetParam());
    const fs::path path = folder_ / "model.gguf";
    if (GetParam() == std::string("qwen3_tied")) {  // has biases, which llama.cpp's does not
        EXPECT_NE(error_of([&] { save_gguf(path, written, GgmlType::f32); }).find("attention_bias"),
                  std::string::npos);
        return;
    }
    save_gguf(path, written, GgmlType::f32);
    const LanguageModel read = load_language_model(stream_, path);
    EXPECT_EQ(weights_of(read), weights_of(written));
    expect_same_tokenizer(read.tokenizer, written.tokenizer);
    Arena arena;
    EXPECT_EQ(logprob_rows(stream_, *read.model, text_, arena),
              logprob_rows(stream_, *written.model, text_, arena));
    for (const GgmlType type : {GgmlType::f16, GgmlType::bf16, GgmlType::q8_0})
        save_gguf(path, written, type);
    EXPECT_LT(golden::relative_distance(weights_of(load_language_model(stream_, path)), weights_of(written)),
              0.01);
    EXPECT_EQ(list_folder(folder_.path()).size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Golden, LanguageModelFilesOf, testing::ValuesIn(golden::models),
                         [](const auto& test) { return std::string(test.param); });

TEST_F(LanguageModelFiles, ShardsAndTheirIndex) {
    const LanguageModel written = golden_model("qwen3");
    save_language_model(saved_, written, DType::f32, 20'000);
    EXPECT_TRUE(fs::exists(saved_ / "model.safetensors.index.json"));
    EXPECT_FALSE(fs::exists(saved_ / "model.safetensors"));
    EXPECT_EQ(weights_of(load_language_model(stream_, saved_)), weights_of(written));
}

TEST_F(LanguageModelFiles, ConfigurationsNameTheTokens) {
    LanguageModel written = golden_model("llama");
    save_language_model(saved_, written, DType::bf16);
    const json config = golden::read_json(saved_ / "config.json");
    EXPECT_EQ(config["eos_token_id"], 96);
    EXPECT_EQ(config["torch_dtype"], "bfloat16");
    const json want = {
        {"eos_token_id", 96}, {"do_sample", true}, {"temperature", 0.6}, {"top_k", 0}, {"top_p", 0.95}};
    EXPECT_EQ(golden::read_json(saved_ / "generation_config.json"), want);
    EXPECT_EQ(golden::read_json(saved_ / "tokenizer_config.json")["chat_template"],
              *written.tokenizer.chat_template());
    EXPECT_EQ(read_file(saved_ / "chat_template.jinja"), *written.tokenizer.chat_template());

    written.tokenizer = written.tokenizer.with_stop_id(7);
    written.sampling.temperature = 0.0f;
    written.sampling.repetition_penalty = 1.5f;
    save_language_model(folder_ / "two", written, DType::f32);
    const json greedy = {{"eos_token_id", {96, 7}}, {"do_sample", false}, {"repetition_penalty", 1.5}};
    EXPECT_EQ(golden::read_json(folder_ / "two/generation_config.json"), greedy);
    EXPECT_EQ(golden::read_json(folder_ / "two/config.json")["eos_token_id"], (json{96, 7}));
    const LanguageModel read = load_language_model(stream_, folder_ / "two");
    EXPECT_EQ(read.sampling.temperature, 0.0f);
    EXPECT_EQ(read.sampling.stop_ids, (std::vector<int32_t>{96, 7}));
}

TEST_F(LanguageModelFiles, GenerationConfigsOfOthers) {
    save_language_model(saved_, golden_model("qwen2"), DType::f32);
    const auto load = [&](const std::string& text) {
        write_quickly(saved_ / "generation_config.json", text);
        return load_language_model(stream_, saved_).sampling;
    };
    EXPECT_EQ(load("{}").temperature, 1.0f);
    EXPECT_EQ(load("{}").stop_ids, (std::vector<int32_t>{96}));
    EXPECT_EQ(load(R"({"temperature": null, "top_k": 20, "min_p": 0.1})").filter,
              (ops::LogitFilter{.top_k = 20, .min_p = 0.1f}));
    EXPECT_EQ(load(R"({"do_sample": false, "temperature": 0.7})").temperature, 0.0f);
    for (const char* bad :
         {R"({"temperature": -1})", R"({"temperature": "hot"})", R"({"top_k": -1})", R"({"top_p": 1.5})",
          R"({"min_p": [0]})", R"({"repetition_penalty": 0})", "[]", "{"}) {
        EXPECT_NE(error_of([&] { load(bad); }).find("generation_config.json"), std::string::npos) << bad;
    }
    fs::remove(saved_ / "generation_config.json");
    EXPECT_EQ(load_language_model(stream_, saved_).sampling.temperature, 1.0f);
}

TEST_F(LanguageModelFiles, CompleteOrAbsent) {
    LanguageModel written = golden_model("qwen2");
    make_folder(saved_);
    save_language_model(saved_, written, DType::f32);  // an empty folder is no obstacle
    const std::string before = read_file(saved_ / "model.safetensors");
    EXPECT_NE(error_of([&] { save_language_model(saved_, written, DType::bf16); }).find("there already"),
              std::string::npos);
    EXPECT_EQ(read_file(saved_ / "model.safetensors"), before);

    written.model->weights().as<float>()[3] = 1e30f;
    EXPECT_THROW(save_language_model(folder_ / "half", written, DType::f16), Error);  // which cannot hold it
    EXPECT_THROW(save_gguf(folder_ / "half.gguf", written, GgmlType::f16), Error);
    EXPECT_THROW(save_language_model(folder_ / "ints", written, DType::i32), Error);
    save_language_model(folder_ / "full/", written, DType::f32);
    std::vector<std::string> names;
    for (const auto& path : list_folder(folder_.path())) names.push_back(path.filename());
    EXPECT_EQ(names, (std::vector<std::string>{"full", "model"}));
}

TEST_F(LanguageModelFiles, ErrorsNameTheFile) {
    EXPECT_NE(error_of([&] { load_language_model(stream_, folder_ / "none"); }).find("there is no model"),
              std::string::npos);
    save_language_model(saved_, golden_model("qwen2"), DType::f32);
    json large = tiny_tokenizer_json();
    large["model"]["vocab"]["thth"] = 96;
    large["added_tokens"][0]["id"] = 97;
    write_quickly(saved_ / "tokenizer.json", large.dump());
    EXPECT_NE(error_of([&] { load_language_model(stream_, saved_); }).find("98 tokens, the model only 97"),
              std::string::npos);
    fs::remove(saved_ / "tokenizer.json");
    EXPECT_NE(error_of([&] { load_language_model(stream_, saved_); }).find("tokenizer.json"),
              std::string::npos);
    fs::remove(saved_ / "config.json");
    EXPECT_NE(error_of([&] { load_language_model(stream_, saved_); }).find("config.json"), std::string::npos);
}

TEST_F(LanguageModelFiles, GgufHasATokenForEachRowOfTheEmbedding) {
    LanguageModel written = golden_model("llama");
    json small = tiny_tokenizer_json();
    small["model"]["vocab"].erase("th");
    small["model"]["merges"] = json::array();
    small["added_tokens"][0]["id"] = 95;
    written.tokenizer = Tokenizer::from_json(small, {{"eos_token", "<|end|>"}});
    save_gguf(folder_ / "model.gguf", written, GgmlType::f32);
    const auto tokens = Gguf(folder_ / "model.gguf").metadata().strings("tokenizer.ggml.tokens");
    ASSERT_EQ(tokens.size(), 97u);
    EXPECT_EQ(tokens.back(), "[PAD96]");
    EXPECT_EQ(load_language_model(stream_, folder_ / "model.gguf").tokenizer.eos_id(), 95);
}

TEST_F(LanguageModelFiles, AGgufNeedsAKnownPretokenizer) {
    LanguageModel written = golden_model("llama");
    json other = tiny_tokenizer_json();
    other["pre_tokenizer"] = {{"type", "Whitespace"}};
    written.tokenizer = Tokenizer::from_json(other, nullptr);
    EXPECT_NE(error_of([&] { save_gguf(folder_ / "a.gguf", written, GgmlType::f32); }).find("pre-tokenizer"),
              std::string::npos);
    EXPECT_TRUE(list_folder(folder_.path()).empty());
}

TEST_F(LanguageModelFiles, AdaptersAreNotLostSilently) {
    LanguageModel written = golden_model("llama");
    written.model->attach_lora({.rank = 2}, 1);
    EXPECT_NE(error_of([&] { save_language_model(saved_, written, DType::f32); }).find("merge"),
              std::string::npos);
    EXPECT_NE(error_of([&] { save_gguf(saved_, written, GgmlType::f32); }).find("merge"), std::string::npos);
    written.model->merge_lora(stream_);
    save_language_model(saved_, written, DType::f32);
}

TEST_F(LanguageModelFiles, StopIdsWithoutATokenizer) {
    EXPECT_TRUE(load_sampling(folder_.path()).stop_ids.empty());
    write_file(folder_ / "config.json", R"({"eos_token_id": 7})");
    EXPECT_EQ(load_sampling(folder_.path()).stop_ids, (std::vector<int32_t>{7}));
    write_file(folder_ / "generation_config.json", R"({"eos_token_id": [5, 9], "temperature": 0.5})");
    EXPECT_EQ(load_sampling(folder_.path()).stop_ids, (std::vector<int32_t>{5, 9}));
    EXPECT_EQ(load_sampling(folder_.path()).temperature, 0.5f);
    for (const char* bad : {"\"<|end|>\"", "-1", "[5, null]", "1e3", "4294967296"}) {
        write_file(folder_ / "generation_config.json", cat("{\"eos_token_id\": ", bad, "}"));
        EXPECT_NE(error_of([&] { load_sampling(folder_.path()); }).find("eos_token_id"), std::string::npos)
            << bad;
    }
}

}  // namespace
}  // namespace r1
